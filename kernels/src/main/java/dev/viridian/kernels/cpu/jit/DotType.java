package dev.viridian.kernels.cpu.jit;

import dev.viridian.kernels.Precision;
import dev.viridian.kernels.cpu.jit.CpuFeatures.Feature;

/** The dot products of AVX-512 that add several small products to each 32-bit sum. */
enum DotType {
  /** Two bfloat16 with two. */
  BF16(Precision.BF16, Feature.AVX512_BF16),
  /** Four unsigned bytes (activations) with four signed ones (weights). */
  INT8(Precision.INT8, Feature.AVX512_VNNI);

  private final Precision precision;
  private final Feature feature;

  DotType(Precision precision, Feature feature) {
    this.precision = precision;
    this.feature = feature;
  }

  /** That of a precision. */
  static DotType of(Precision precision) {
    return switch (precision) {
      case BF16 -> BF16;
      case INT8 -> INT8;
      case F32 -> throw new IllegalArgumentException("F32 has no products of groups");
    };
  }

  /** The precision. */
  Precision precision() {
    return precision;
  }

  /** Bytes of a value. */
  int bytes() {
    return this == BF16 ? 2 : 1;
  }

  /** Whether this machine can run it, packing and writing included. */
  boolean runsHere() {
    return CpuFeatures.here()
        .has(
            Feature.AVX2,
            Feature.FMA,
            Feature.F16C,
            Feature.AVX512F,
            Feature.AVX512BW,
            Feature.AVX512VL,
            feature);
  }

  /** Whether this machine has tiles (AMX) for it, and the system lets this process use them. */
  boolean hasTiles() {
    Feature products = this == BF16 ? Feature.AMX_BF16 : Feature.AMX_INT8;
    return CpuFeatures.here().has(Feature.AMX_TILE, products) && TilePermission.granted();
  }

  /** {@code sum += left · right}. */
  void multiplyAdd(X64Assembler a, Vec sum, Vec left, Vec right) {
    if (this == BF16) {
      a.vdpbf16ps(sum, left, right);
    } else {
      a.vpdpbusd(sum, left, right);
    }
  }

  /** {@code sum += m}. */
  void add(X64Assembler a, Vec sum, Mem m) {
    if (this == BF16) {
      a.vaddps(sum, sum, m);
    } else {
      a.vpaddd(sum, sum, m);
    }
  }
}
