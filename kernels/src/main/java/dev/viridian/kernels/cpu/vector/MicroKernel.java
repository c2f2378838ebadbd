package dev.viridian.kernels.cpu.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The innermost loop of every product: {@link #MR} rows of A times a panel of {@link #NR} columns
 * of B, held in registers over a block of K.
 *
 * <p>The number of rows follows from what the JIT compiler does: with 16 registers, it loads four
 * broadcast values ahead, and a tile of more than 4 × 2 vectors spills accumulators into the loop
 * (measured: 4 × 2 reaches 95 % of the peak, 5 × 2 and 6 × 2 reach 40 %).
 */
final class MicroKernel {
  static final VectorSpecies<Float> FLOATS = VectorMath.FLOATS;
  static final int LANES = FLOATS.length();

  /** Columns of a tile. */
  static final int NR = 2 * LANES;

  private static final boolean WIDE = FLOATS.vectorBitSize() >= 512;

  /** Rows of a tile. */
  static final int MR = WIDE ? 12 : 4;

  /** Largest block of K: a panel of B and the rows of A then fit into the first cache. */
  static final int KC = 320;

  /** Distance of the rows of A: constant, so that one register addresses all; no power of two. */
  static final int LDA = KC + 8;

  private MicroKernel() {}

  /**
   * {@code c[i, j] = Σ_p a[i, p] b[p, j]}, or {@code +=}.
   *
   * @param kc length of the sum, at most {@link #KC}
   * @param a MR rows at a distance of {@link #LDA}
   * @param b kc rows of NR values, contiguous
   * @param c MR rows of NR values at a distance of ldc
   */
  static void run(
      int kc, float[] a, int ao, float[] b, int bo, float[] c, int co, int ldc, boolean add) {
    if (WIDE) {
      run12(kc, a, ao, b, bo, c, co, ldc, add);
    } else {
      run4(kc, a, ao, b, bo, c, co, ldc, add);
    }
  }

  private static void run4(
      int kc, float[] a, int ao, float[] b, int bo, float[] c, int co, int ldc, boolean add) {
    FloatVector c00 = FloatVector.zero(FLOATS);
    FloatVector c01 = c00;
    FloatVector c10 = c00;
    FloatVector c11 = c00;
    FloatVector c20 = c00;
    FloatVector c21 = c00;
    FloatVector c30 = c00;
    FloatVector c31 = c00;
    for (int p = 0; p < kc; p++) {
      FloatVector b0 = FloatVector.fromArray(FLOATS, b, bo + p * NR);
      FloatVector b1 = FloatVector.fromArray(FLOATS, b, bo + p * NR + LANES);
      FloatVector v = FloatVector.broadcast(FLOATS, a[ao + p]);
      c00 = v.fma(b0, c00);
      c01 = v.fma(b1, c01);
      v = FloatVector.broadcast(FLOATS, a[ao + p + LDA]);
      c10 = v.fma(b0, c10);
      c11 = v.fma(b1, c11);
      v = FloatVector.broadcast(FLOATS, a[ao + p + 2 * LDA]);
      c20 = v.fma(b0, c20);
      c21 = v.fma(b1, c21);
      v = FloatVector.broadcast(FLOATS, a[ao + p + 3 * LDA]);
      c30 = v.fma(b0, c30);
      c31 = v.fma(b1, c31);
    }
    put(c, co, add, c00, c01);
    put(c, co + ldc, add, c10, c11);
    put(c, co + 2 * ldc, add, c20, c21);
    put(c, co + 3 * ldc, add, c30, c31);
  }

  private static void put(float[] c, int at, boolean add, FloatVector left, FloatVector right) {
    if (add) {
      left.add(FloatVector.fromArray(FLOATS, c, at)).intoArray(c, at);
      right.add(FloatVector.fromArray(FLOATS, c, at + LANES)).intoArray(c, at + LANES);
    } else {
      left.intoArray(c, at);
      right.intoArray(c, at + LANES);
    }
  }

  private static void run12(
      int kc, float[] a, int ao, float[] b, int bo, float[] c, int co, int ldc, boolean add) {
    FloatVector c000 = FloatVector.zero(FLOATS);
    FloatVector c001 = c000;
    FloatVector c010 = c000;
    FloatVector c011 = c000;
    FloatVector c020 = c000;
    FloatVector c021 = c000;
    FloatVector c030 = c000;
    FloatVector c031 = c000;
    FloatVector c040 = c000;
    FloatVector c041 = c000;
    FloatVector c050 = c000;
    FloatVector c051 = c000;
    FloatVector c060 = c000;
    FloatVector c061 = c000;
    FloatVector c070 = c000;
    FloatVector c071 = c000;
    FloatVector c080 = c000;
    FloatVector c081 = c000;
    FloatVector c090 = c000;
    FloatVector c091 = c000;
    FloatVector c100 = c000;
    FloatVector c101 = c000;
    FloatVector c110 = c000;
    FloatVector c111 = c000;
    for (int p = 0; p < kc; p++) {
      FloatVector b0 = FloatVector.fromArray(FLOATS, b, bo + p * NR);
      FloatVector b1 = FloatVector.fromArray(FLOATS, b, bo + p * NR + LANES);
      FloatVector v = FloatVector.broadcast(FLOATS, a[ao + p]);
      c000 = v.fma(b0, c000);
      c001 = v.fma(b1, c001);
      v = FloatVector.broadcast(FLOATS, a[ao + p + LDA]);
      c010 = v.fma(b0, c010);
      c011 = v.fma(b1, c011);
      v = FloatVector.broadcast(FLOATS, a[ao + p + 2 * LDA]);
      c020 = v.fma(b0, c020);
      c021 = v.fma(b1, c021);
      v = FloatVector.broadcast(FLOATS, a[ao + p + 3 * LDA]);
      c030 = v.fma(b0, c030);
      c031 = v.fma(b1, c031);
      v = FloatVector.broadcast(FLOATS, a[ao + p + 4 * LDA]);
      c040 = v.fma(b0, c040);
      c041 = v.fma(b1, c041);
      v = FloatVector.broadcast(FLOATS, a[ao + p + 5 * LDA]);
      c050 = v.fma(b0, c050);
      c051 = v.fma(b1, c051);
      v = FloatVector.broadcast(FLOATS, a[ao + p + 6 * LDA]);
      c060 = v.fma(b0, c060);
      c061 = v.fma(b1, c061);
      v = FloatVector.broadcast(FLOATS, a[ao + p + 7 * LDA]);
      c070 = v.fma(b0, c070);
      c071 = v.fma(b1, c071);
      v = FloatVector.broadcast(FLOATS, a[ao + p + 8 * LDA]);
      c080 = v.fma(b0, c080);
      c081 = v.fma(b1, c081);
      v = FloatVector.broadcast(FLOATS, a[ao + p + 9 * LDA]);
      c090 = v.fma(b0, c090);
      c091 = v.fma(b1, c091);
      v = FloatVector.broadcast(FLOATS, a[ao + p + 10 * LDA]);
      c100 = v.fma(b0, c100);
      c101 = v.fma(b1, c101);
      v = FloatVector.broadcast(FLOATS, a[ao + p + 11 * LDA]);
      c110 = v.fma(b0, c110);
      c111 = v.fma(b1, c111);
    }
    put(c, co, add, c000, c001);
    put(c, co + ldc, add, c010, c011);
    put(c, co + 2 * ldc, add, c020, c021);
    put(c, co + 3 * ldc, add, c030, c031);
    put(c, co + 4 * ldc, add, c040, c041);
    put(c, co + 5 * ldc, add, c050, c051);
    put(c, co + 6 * ldc, add, c060, c061);
    put(c, co + 7 * ldc, add, c070, c071);
    put(c, co + 8 * ldc, add, c080, c081);
    put(c, co + 9 * ldc, add, c090, c091);
    put(c, co + 10 * ldc, add, c100, c101);
    put(c, co + 11 * ldc, add, c110, c111);
  }
}
