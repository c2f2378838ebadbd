package dev.viridian.kernels.cpu;

final class FewChannelsTest extends ConvCases {
  FewChannelsTest() {
    super("few");
  }
}
