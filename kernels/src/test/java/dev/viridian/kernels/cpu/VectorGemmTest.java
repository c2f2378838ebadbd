package dev.viridian.kernels.cpu;

final class VectorGemmTest extends GemmCases {
  VectorGemmTest() {
    super("vector");
  }
}
