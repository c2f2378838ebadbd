package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.GemmKernels;
import dev.viridian.kernels.GemmProblem;
import dev.viridian.kernels.memory.Buffer;
import org.jspecify.annotations.Nullable;

/** Matrix products by plain loops. */
public final class ReferenceGemm implements GemmKernels {
  @Override
  public void gemm(GemmProblem p, Buffer a, Buffer b, @Nullable Buffer bias, Buffer c) {
    throw new UnsupportedOperationException("Gemm.gemm");
  }
}
