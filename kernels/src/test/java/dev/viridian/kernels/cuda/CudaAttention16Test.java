package dev.viridian.kernels.cuda;

import dev.viridian.kernels.AttentionKernels;
import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.AttentionProblem.Strides;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Kernels;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Attention on tensor cores, in all cases of {@link CudaAttentionTest} and more. The plain loops
 * get the same rounded factors, so what is allowed is what rounding the weights brings: about half
 * a unit of the type.
 */
abstract class CudaAttention16Test extends CudaAttentionTest {
  private final DType type;
  private CudaKernels sixteen;

  CudaAttention16Test(DType type) {
    this.type = type;
  }

  @BeforeEach
  @Override
  void open() {
    super.open();
    sixteen = new CudaKernels(device, allocator, type);
  }

  @AfterEach
  @Override
  void close() {
    if (sixteen != null) {
      sixteen.close();
    }
    super.close();
  }

  @Override
  double forward() {
    return type == DType.F16 ? 1e-3 : 8e-3;
  }

  @Override
  double backward() {
    return type == DType.F16 ? 2e-3 : 1.6e-2;
  }

  @Override
  AttentionKernels attention(Kernels any) {
    return any == kernels ? sixteen.attention() : any.attention();
  }

  @Override
  Numbers factors(long count) {
    return rounded(type, normal(count));
  }

  /** Both buffers of tiles, several blocks, every width of packed rows. */
  @ParameterizedTest
  @EnumSource(EmulatedDevice.Order.class)
  void manyTiles(EmulatedDevice.Order order) {
    emulated.order(order, 11);
    attend(AttentionProblem.blhd(1, 1, 150, 200, 40), none(), true);
    attend(AttentionProblem.blhd(1, 2, 64, 64, 64), none(), true);
    attend(AttentionProblem.blhd(1, 1, 130, 129, 80), none(), false);
    attend(AttentionProblem.blhd(1, 1, 70, 77, 160), none(), true);
    attend(AttentionProblem.blhd(1, 1, 65, 130, 200), none(), true);
  }

  @Test
  void causalTiles() {
    for (int dim : new int[] {40, 100}) {
      Strides strides = Strides.blhd(150, 1, dim);
      attend(
          new AttentionProblem(
              1, 1, 150, 150, dim, 0.3f, true, strides, strides, strides, strides, Strides.NONE),
          none(),
          true);
    }
  }
}
