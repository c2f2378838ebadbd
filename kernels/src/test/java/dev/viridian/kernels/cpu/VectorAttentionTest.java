package dev.viridian.kernels.cpu;

final class VectorAttentionTest extends AttentionCases {
  VectorAttentionTest() {
    super("vector");
  }
}
