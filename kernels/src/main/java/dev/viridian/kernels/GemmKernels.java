package dev.viridian.kernels;

import dev.viridian.kernels.memory.Buffer;
import org.jspecify.annotations.Nullable;

/** Matrix products. Their gradients are matrix products too. */
public interface GemmKernels {
  /**
   * {@code c = alpha · op(a) · op(b) + bias}, activation last; or {@code c += …}. See {@link
   * GemmProblem} for layouts.
   *
   * @param bias [n], null unless the problem has one
   * @param c F32; must not overlap the inputs
   */
  void gemm(GemmProblem p, Buffer a, Buffer b, @Nullable Buffer bias, Buffer c);
}
