package dev.viridian.kernels.cuda;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.GemmKernels;
import dev.viridian.kernels.GemmProblem;
import dev.viridian.kernels.Kernels;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class CudaGemmTest extends CudaFamilyTest {
  private static final List<DType> TYPES = List.of(DType.F32, DType.F16, DType.BF16);

  private void check(GemmProblem p) {
    long batches = Math.max(1, p.batch());
    long rowsA = p.transA() ? p.k() : p.m();
    long rowsB = p.transB() ? p.n() : p.k();
    List<Numbers> arguments = new ArrayList<>();
    arguments.add(factors(p.a(), (batches - 1) * p.strideA() + rowsA * p.lda()));
    arguments.add(factors(p.b(), (batches - 1) * p.strideB() + rowsB * p.ldb()));
    arguments.add(normal((batches - 1) * p.strideC() + p.m() * p.ldc()));
    if (p.bias()) {
      arguments.add(normal(p.biasType(), p.n()));
    }
    agree(
        p.toString(),
        2e-6,
        (k, b) -> gemm(k).gemm(p, b[0], b[1], p.bias() ? b[3] : null, b[2]),
        arguments.toArray(Numbers[]::new));
  }

  /** The kernels that are tested, in place of those of the device. */
  GemmKernels gemm(Kernels any) {
    return any.gemm();
  }

  /** What is multiplied: standard normal. */
  Numbers factors(DType type, long count) {
    return normal(type, count);
  }

  @Test
  void sizesAndLayouts() {
    for (int[] size :
        new int[][] {{1, 1, 1}, {3, 5, 7}, {17, 33, 9}, {0, 4, 3}, {4, 0, 3}, {4, 3, 0}}) {
      for (int layout = 0; layout < 4; layout++) {
        GemmProblem p =
            GemmProblem.of(size[0], size[1], size[2], (layout & 1) != 0, (layout & 2) != 0);
        check(p);
        check(p.accumulating());
        check(p.leading(p.lda() + 3, p.ldb() + 1, p.ldc() + 2));
      }
    }
  }

  @Test
  void types() {
    for (DType a : TYPES) {
      for (DType b : TYPES) {
        check(GemmProblem.of(9, 11, 20, false, true).types(a, b));
      }
    }
  }

  @Test
  void batches() {
    GemmProblem p = GemmProblem.of(4, 6, 5, false, false);
    check(p.batched(3, 20, 30, 24));
    check(p.batched(3, 20, 0, 25));
    check(p.batched(0, 20, 30, 24));
    check(p.batched(2, 0, 31, 24).types(DType.F32, DType.F16).accumulating());
  }

  @Test
  void epilogues() {
    for (Activation activation : Activation.values()) {
      for (DType type : TYPES) {
        GemmProblem p = GemmProblem.of(5, 13, 8, false, true).epilogue(true, type, activation);
        check(p);
        check(p.batched(2, 40, 104, 65));
      }
      check(GemmProblem.of(5, 3, 0, false, true).epilogue(true, DType.F32, activation));
      check(GemmProblem.of(5, 3, 4, true, true).epilogue(false, DType.F32, activation));
    }
  }
}
