package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.BroadcastProblem;
import dev.viridian.kernels.PointwiseKernels;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;

/** Element-wise functions by plain loops. */
public final class ReferencePointwise implements PointwiseKernels {
  @Override
  public void unary(Unary f, long n, float p0, float p1, Buffer x, Buffer y) {
    throw new UnsupportedOperationException("Pointwise.unary");
  }

  @Override
  public void unaryBackward(Unary f, long n, float p0, float p1, Buffer x, Buffer dy, Buffer dx) {
    throw new UnsupportedOperationException("Pointwise.unaryBackward");
  }

  @Override
  public void binary(Binary f, BroadcastProblem p, Buffer a, Buffer b, Buffer y) {
    throw new UnsupportedOperationException("Pointwise.binary");
  }

  @Override
  public void binaryBackwardA(
      Binary f, BroadcastProblem p, Buffer a, Buffer b, Buffer dy, Buffer da) {
    throw new UnsupportedOperationException("Pointwise.binaryBackwardA");
  }

  @Override
  public void binaryBackwardB(
      Binary f, BroadcastProblem p, Buffer a, Buffer b, Buffer dy, Buffer db) {
    throw new UnsupportedOperationException("Pointwise.binaryBackwardB");
  }

  @Override
  public void where(long n, Buffer c, Buffer a, Buffer b, Buffer y) {
    throw new UnsupportedOperationException("Pointwise.where");
  }

  @Override
  public void linearCombination(long n, float[] coefficients, List<Buffer> xs, Buffer y) {
    throw new UnsupportedOperationException("Pointwise.linearCombination");
  }

  @Override
  public void geglu(long rows, int cols, Buffer x, Buffer y) {
    throw new UnsupportedOperationException("Pointwise.geglu");
  }

  @Override
  public void gegluBackward(long rows, int cols, Buffer x, Buffer dy, Buffer dx) {
    throw new UnsupportedOperationException("Pointwise.gegluBackward");
  }

  @Override
  public void addTo(long n, float alpha, Buffer x, Buffer y) {
    throw new UnsupportedOperationException("Pointwise.addTo");
  }
}
