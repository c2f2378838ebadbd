package dev.viridian.kernels;

import dev.viridian.kernels.memory.Buffer;
import org.jspecify.annotations.Nullable;

/**
 * Convolutions on channels-last maps, see {@link ConvProblem}. All results are written ({@code =});
 * outputs must not overlap inputs. The bias's gradient is a sum over rows: {@link ReduceKernels}.
 */
public interface ConvKernels {
  /** {@code y = conv(x, weight) + bias}, activation last. The bias is null unless there is one. */
  void forward(ConvProblem p, Buffer x, Buffer weight, @Nullable Buffer bias, Buffer y);

  /**
   * The same where no gradient will be asked for: by whatever sums are fastest. Their error is
   * about that of {@link #forward}'s, but larger: what turns on the last bit of a number, as the
   * gradient of an absolute value does, turns more often.
   */
  default void infer(ConvProblem p, Buffer x, Buffer weight, @Nullable Buffer bias, Buffer y) {
    forward(p, x, weight, bias, y);
  }

  /** {@code dx =} gradient of x; also the forward pass of a transposed convolution. */
  void backwardData(ConvProblem p, Buffer dy, Buffer weight, Buffer dx);

  /** {@code dw =} gradient of the weight [outC, kh, kw, c / groups], F32. */
  void backwardFilter(ConvProblem p, Buffer x, Buffer dy, Buffer dw);
}
