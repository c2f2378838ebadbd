package dev.viridian.kernels.cuda;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.ResampleKernels.Mode;
import dev.viridian.kernels.ResampleKernels.Pool;
import dev.viridian.kernels.ResampleKernels.Resize;
import dev.viridian.kernels.cuda.EmulatedDevice.Order;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CudaResampleTest extends CudaFamilyTest {
  private static final double TOLERANCE = 3e-7;

  private static List<Resize> cases(Mode mode) {
    int[][] sizes = {
      {1, 1, 1, 1, 1, 1},
      {0, 3, 3, 2, 5, 5},
      {2, 5, 7, 3, 10, 14},
      {1, 9, 8, 5, 4, 3},
      {1, 1, 6, 2, 4, 1},
      {1, 20, 3, 1, 2, 9},
      {3, 6, 6, 1, 6, 6}
    };
    List<Resize> all = new ArrayList<>();
    for (int[] s : sizes) {
      for (boolean align : new boolean[] {false, true}) {
        for (boolean antialias : new boolean[] {false, true}) {
          all.add(
              new Resize(
                  s[0],
                  s[1],
                  s[2],
                  s[3],
                  s[4],
                  s[5],
                  mode,
                  (double) s[1] / s[4],
                  (double) s[2] / s[5],
                  align,
                  antialias));
        }
      }
    }
    return all;
  }

  @ParameterizedTest
  @EnumSource(Mode.class)
  void resizes(Mode mode) {
    for (Resize p : cases(mode)) {
      long ins = (long) p.n() * p.h() * p.w() * p.c();
      long outs = (long) p.n() * p.outH() * p.outW() * p.c();
      agree(
          "resize " + p,
          TOLERANCE,
          (k, b) -> k.resample().resize(p, b[0], b[1]),
          normal(ins),
          unwritten(outs));
      agree(
          "resizeBackward " + p,
          TOLERANCE,
          (k, b) -> k.resample().resizeBackward(p, b[0], b[1]),
          normal(outs),
          unwritten(ins));
    }
  }

  private static Pool pool(
      int n, int h, int w, int c, int kernel, int stride, int padding, boolean ceil) {
    int more = ceil ? stride - 1 : 0;
    int outH = (h + 2 * padding - kernel + more) / stride + 1;
    int outW = (w + 2 * padding - kernel + more) / stride + 1;
    return new Pool(n, h, w, c, outH, outW, kernel, stride, padding);
  }

  @ParameterizedTest
  @EnumSource(Order.class)
  void pools(Order order) {
    emulated.order(order, 2);
    List<Pool> all =
        List.of(
            pool(1, 1, 1, 1, 1, 1, 0, false),
            pool(0, 4, 4, 2, 2, 2, 0, false),
            pool(2, 8, 6, 3, 2, 2, 0, false),
            pool(1, 7, 9, 5, 3, 2, 1, false),
            pool(1, 7, 9, 2, 3, 2, 1, true),
            pool(1, 8, 5, 2, 2, 3, 0, true),
            pool(2, 6, 6, 1, 3, 1, 1, false), // windows overlap
            pool(1, 10, 10, 1, 2, 4, 0, false), // pixels in no window
            pool(1, 13, 13, 3, 13, 1, 0, false));
    for (Pool p : all) {
      long ins = (long) p.n() * p.h() * p.w() * p.c();
      long outs = (long) p.n() * p.outH() * p.outW() * p.c();
      for (Numbers x :
          List.of(
              normal(ins),
              floats(ins, i -> random.nextInt(3)),
              floats(ins, i -> i % 5 == 0 ? Double.NaN : Double.NEGATIVE_INFINITY))) {
        agree(
            "maxPool, and back " + p,
            TOLERANCE,
            (k, b) -> {
              k.resample().maxPool(p, b[0], b[1], b[2]);
              k.resample().maxPoolBackward(p, b[2], b[3], b[4]);
            },
            x,
            unwritten(outs),
            empty(DType.I64, outs),
            normal(outs),
            unwritten(ins));
      }
      agree(
          "maxPool without places " + p,
          0,
          (k, b) -> k.resample().maxPool(p, b[0], b[1], null),
          normal(ins),
          unwritten(outs));
      for (boolean padding : new boolean[] {false, true}) {
        agree(
            "averagePool " + p,
            TOLERANCE,
            (k, b) -> k.resample().averagePool(p, padding, b[0], b[1]),
            normal(ins),
            unwritten(outs));
        agree(
            "averagePoolBackward " + p,
            TOLERANCE,
            (k, b) -> k.resample().averagePoolBackward(p, padding, b[0], b[1]),
            normal(outs),
            unwritten(ins));
      }
    }
  }
}
