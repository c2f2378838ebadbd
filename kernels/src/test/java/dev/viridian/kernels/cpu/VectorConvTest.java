package dev.viridian.kernels.cpu;

final class VectorConvTest extends ConvCases {
  VectorConvTest() {
    super("vector");
  }
}
