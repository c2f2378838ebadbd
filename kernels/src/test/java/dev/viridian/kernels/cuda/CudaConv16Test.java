package dev.viridian.kernels.cuda;

import dev.viridian.kernels.ConvKernels;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Kernels;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/**
 * Convolutions with factors of 16 bits, in all cases of {@link CudaConvTest}: of numbers that the
 * type holds, so that only the result is rounded, by half a unit.
 */
abstract class CudaConv16Test extends CudaConvTest {
  private final DType type;
  private CudaKernels sixteen;

  CudaConv16Test(DType type) {
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
  double tolerance() {
    return type == DType.F16 ? 5e-4 : 4e-3;
  }

  @Override
  ConvKernels conv(Kernels any) {
    return any == kernels ? sixteen.conv() : any.conv();
  }

  @Override
  Numbers factors(DType of, long count) {
    return rounded(type, normal(of, count));
  }
}
