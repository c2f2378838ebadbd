package dev.viridian.kernels.cpu.jit;

import dev.viridian.kernels.cpu.jit.CpuFeatures.Feature;
import org.jspecify.annotations.Nullable;

/**
 * A set of vector instructions, and the shape of the innermost tile of a product that fits its
 * registers: as many sums as hide the latency of the multipliers, the rest for factors.
 */
enum VectorLevel {
  /** 16 registers of 8 floats: 12 hold sums. */
  AVX2(256, 6, 320),
  /** 32 registers of 16 floats: 24 hold sums. */
  AVX512(512, 12, 384);

  /** Vectors in a row of the innermost tile. */
  static final int VECTORS = 2;

  private final int bits;
  private final int rows;
  private final int depth;

  VectorLevel(int bits, int rows, int depth) {
    this.bits = bits;
    this.rows = rows;
    this.depth = depth;
  }

  /** Whether this machine can run it. */
  boolean runsHere() {
    CpuFeatures here = CpuFeatures.here();
    return here.has(Feature.AVX2, Feature.FMA, Feature.F16C)
        && (this == AVX2 || here.has(Feature.AVX512F));
  }

  /** The best that this machine can run; null if it can run none. */
  static @Nullable VectorLevel best() {
    return AVX512.runsHere() ? AVX512 : AVX2.runsHere() ? AVX2 : null;
  }

  /** This level or the one below, whichever's vectors lines of a length are made of; else null. */
  @Nullable VectorLevel of(long line) {
    return line % lanes() == 0 ? this : line % AVX2.lanes() == 0 ? AVX2 : null;
  }

  /** Makes a vector of this level zeros. */
  void zero(X64Assembler a, Vec v) {
    if (this == AVX512) {
      a.vpxord(v, v, v);
    } else {
      a.vxorps(v, v, v);
    }
  }

  /** Floats in a vector. */
  int lanes() {
    return bits / 32;
  }

  /** Rows of the innermost tile. */
  int rows() {
    return rows;
  }

  /** Columns of the innermost tile, and of a panel of the right factor. */
  int columns() {
    return VECTORS * lanes();
  }

  /** Most of K that is summed at a time: a panel of it is read from the second cache in time. */
  int depth() {
    return depth;
  }

  /** Vector register {@code number} of this width. */
  Vec register(int number) {
    return new Vec(number, bits, 0, false);
  }
}
