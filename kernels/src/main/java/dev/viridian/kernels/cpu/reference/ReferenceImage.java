package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.ImageKernels;
import dev.viridian.kernels.memory.Buffer;

/** Sobel and K-Means by plain loops. */
public final class ReferenceImage implements ImageKernels {
  @Override
  public void sobel(Map p, Border border, Buffer x, Buffer sx, Buffer sy) {
    throw new UnsupportedOperationException("Image.sobel");
  }

  @Override
  public void sobelBackward(Map p, Border border, Buffer dsx, Buffer dsy, Buffer dx) {
    throw new UnsupportedOperationException("Image.sobelBackward");
  }

  @Override
  public double kMeansStep(
      int n, int dims, int k, Buffer points, Buffer centres, Buffer assignment, Buffer counts) {
    throw new UnsupportedOperationException("Image.kMeansStep");
  }
}
