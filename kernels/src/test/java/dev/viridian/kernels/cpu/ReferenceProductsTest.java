package dev.viridian.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.GemmProblem;
import dev.viridian.kernels.memory.HostBuffer;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * The plain loops of products, convolutions and attention against their definitions: all other
 * kernels are compared with them.
 */
final class ReferenceProductsTest {
  private final CpuKernels kernels = new CpuKernels(CpuOptions.reference(2));
  private final Random random = new Random(5);

  @AfterEach
  void close() {
    kernels.close();
  }

  @Test
  void gemmIsItsDefinition() {
    for (int variant = 0; variant < 16; variant++) {
      boolean transA = (variant & 1) != 0;
      boolean transB = (variant & 2) != 0;
      DType type = (variant & 4) != 0 ? DType.F16 : DType.BF16;
      boolean accumulate = (variant & 8) != 0;
      int batch = 2;
      int m = 35;
      int n = 300;
      int k = 9;
      long lda = 40;
      long ldb = 310;
      long ldc = 305;
      GemmProblem p =
          new GemmProblem(
              batch,
              m,
              n,
              k,
              type,
              DType.F32,
              transA,
              transB,
              lda,
              ldb,
              ldc,
              1600,
              0,
              11000,
              0.5f,
              accumulate,
              !accumulate,
              DType.F32,
              accumulate ? Activation.NONE : Activation.SILU);
      HostBuffer a = Floats.random(random, type, 3200);
      HostBuffer b = Floats.random(random, 310 * 310);
      HostBuffer bias = Floats.random(random, n);
      HostBuffer c = Floats.filled(22000, 7);
      kernels.gemm().gemm(p, a, b, accumulate ? null : bias, c);
      for (int z = 0; z < batch; z++) {
        for (int i = 0; i < m; i++) {
          for (int j = 0; j < n; j++) {
            double sum = 0;
            for (int l = 0; l < k; l++) {
              sum +=
                  (double) Floats.get(a, type, z * 1600 + (transA ? l * lda + i : i * lda + l))
                      * Floats.get(b, transB ? j * ldb + l : l * ldb + j);
            }
            sum *= 0.5;
            double biased = sum + Floats.get(bias, j);
            double expected = accumulate ? 7 + sum : biased / (1 + Math.exp(-biased));
            assertEquals(expected, Floats.get(c, z * 11000 + i * ldc + j), 1e-5);
          }
        }
      }
      assertEquals(7f, Floats.get(c, n), "beyond a row of C");
    }
  }

  /** Stride, asymmetric padding, dilation, groups and half-precision weights at once. */
  private static ConvProblem awkward(DType weight) {
    return new ConvProblem(
        2, 7, 9, 6, 4, 3, 2, 2, 3, 1, 2, 0, 3, 2, 1, 2, weight, true, DType.F32, Activation.NONE);
  }

  @Test
  void convForwardIsItsDefinition() {
    for (DType type : new DType[] {DType.F32, DType.F16, DType.BF16}) {
      ConvProblem p = awkward(type);
      HostBuffer x = Floats.random(random, 2 * 7 * 9 * 6);
      HostBuffer weight = Floats.random(random, type, 4 * 3 * 2 * 3);
      HostBuffer bias = Floats.random(random, 4);
      HostBuffer y = Floats.zeros(2L * p.outH() * p.outW() * 4);
      kernels.conv().forward(p, x, weight, bias, y);
      for (int n = 0; n < 2; n++) {
        for (int oh = 0; oh < p.outH(); oh++) {
          for (int ow = 0; ow < p.outW(); ow++) {
            for (int o = 0; o < 4; o++) {
              double sum = Floats.get(bias, o);
              for (int kh = 0; kh < 3; kh++) {
                for (int kw = 0; kw < 2; kw++) {
                  for (int c = 0; c < 3; c++) {
                    int ih = oh * 2 - 1 + kh * 2;
                    int iw = ow * 3 + kw;
                    if (ih >= 0 && ih < 7 && iw >= 0 && iw < 9) {
                      sum +=
                          (double) Floats.get(x, ((n * 7 + ih) * 9 + iw) * 6 + o / 2 * 3 + c)
                              * Floats.get(weight, type, ((o * 3 + kh) * 2 + kw) * 3 + c);
                    }
                  }
                }
              }
              int at = ((n * p.outH() + oh) * p.outW() + ow) * 4 + o;
              assertEquals(sum, Floats.get(y, at), 1e-5);
            }
          }
        }
      }
    }
  }

  /** ⟨conv(x, w), dy⟩ = ⟨x, backwardData(dy, w)⟩ = ⟨w, backwardFilter(x, dy)⟩. */
  @Test
  void convGradientsAreAdjoints() {
    ConvProblem p = awkward(DType.F32).epilogue(false, DType.F32, Activation.NONE);
    HostBuffer x = Floats.random(random, 2 * 7 * 9 * 6);
    HostBuffer weight = Floats.random(random, 4 * 3 * 2 * 3);
    HostBuffer y = Floats.zeros(2L * p.outH() * p.outW() * 4);
    HostBuffer dy = Floats.random(random, Floats.count(y));
    HostBuffer dx = Floats.filled(Floats.count(x), 7);
    HostBuffer dw = Floats.filled(Floats.count(weight), 7);
    kernels.conv().forward(p, x, weight, null, y);
    kernels.conv().backwardData(p, dy, weight, dx);
    kernels.conv().backwardFilter(p, x, dy, dw);
    double expected = Floats.dot(y, dy);
    assertEquals(expected, Floats.dot(x, dx), 1e-4);
    assertEquals(expected, Floats.dot(weight, dw), 1e-4);
  }

  @Test
  void attentionGradientsAreDerivatives() {
    for (boolean causal : new boolean[] {false, true}) {
      AttentionCase c = new AttentionCase(random, 2, 3, 5, 6, 7, causal);
      c.forward(kernels);
      c.backward(kernels);
      double expected =
          Floats.dot(c.dq, c.tangentQ)
              + Floats.dot(c.dk, c.tangentK)
              + Floats.dot(c.dv, c.tangentV);
      double step = 1e-2;
      double derivative = (c.loss(kernels, step) - c.loss(kernels, -step)) / (2 * step);
      assertEquals(expected, derivative, 2e-3 * Math.max(1, Math.abs(expected)));
    }
  }

  @Test
  void attentionIsItsDefinition() {
    AttentionCase c = new AttentionCase(random, 2, 3, 5, 6, 7, true);
    c.forward(kernels);
    AttentionProblem p = c.p;
    for (int b = 0; b < 2; b++) {
      for (int i = 0; i < 5; i++) {
        double column = 0;
        for (int head = 0; head < 3; head++) {
          double[] exp = new double[i + 1];
          double sum = 0;
          for (int j = 0; j <= i; j++) {
            double s = 0;
            for (int d = 0; d < 7; d++) {
              s +=
                  (double)
                          Floats.get(
                              c.q, b * p.q().batch() + head * p.q().head() + i * p.q().token() + d)
                      * Floats.get(
                          c.k, b * p.k().batch() + head * p.k().head() + j * p.k().token() + d);
            }
            exp[j] = Math.exp(s * p.scale() + Floats.get(c.mask, (b * 5 + i) * 6 + j));
            sum += exp[j];
          }
          for (int d = 0; d < 7; d++) {
            double value = 0;
            for (int j = 0; j <= i; j++) {
              value +=
                  exp[j]
                      / sum
                      * Floats.get(
                          c.v, b * p.v().batch() + head * p.v().head() + j * p.v().token() + d);
            }
            long at = b * p.out().batch() + head * p.out().head() + i * p.out().token() + d;
            assertEquals(value, Floats.get(c.out, at), 1e-5);
          }
          assertEquals(Math.log(sum), Floats.get(c.lse, (b * 3 + head) * 5 + i), 1e-5);
          for (int j = 0; j <= i; j++) {
            column += exp[j] / sum * Floats.get(c.columnWeights, b * 6 + j) / 3;
          }
        }
        assertEquals(column, Floats.get(c.columnMap, b * 5 + i), 1e-5);
      }
    }
  }

  @Test
  void aFullyMaskedRowIsZero() {
    AttentionCase c = new AttentionCase(random, 1, 1, 2, 3, 4, false);
    for (int j = 0; j < 3; j++) {
      Floats.set(c.mask, DType.F32, j, Float.NEGATIVE_INFINITY);
    }
    c.forward(kernels);
    c.backward(kernels);
    for (int d = 0; d < 4; d++) {
      assertEquals(0f, Floats.get(c.out, d));
      assertEquals(0f, Floats.get(c.dq, d));
    }
  }
}
