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

  /** {@code dx =} gradient of x; also the forward pass of a transposed convolution. */
  void backwardData(ConvProblem p, Buffer dy, Buffer weight, Buffer dx);

  /** {@code dw =} gradient of the weight [outC, kh, kw, c / groups], F32. */
  void backwardFilter(ConvProblem p, Buffer x, Buffer dy, Buffer dw);
}
