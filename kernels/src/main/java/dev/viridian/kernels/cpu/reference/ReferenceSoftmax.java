package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.SoftmaxKernels;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;

/** Softmax and its kin by plain loops, accumulated in double. */
public final class ReferenceSoftmax implements SoftmaxKernels {
  @Override
  public void softmax(long rows, int cols, Buffer x, Buffer y) {
    MemorySegment in = HostBuffer.of(x);
    MemorySegment out = HostBuffer.of(y);
    for (long row = 0; row < rows; row++) {
      long start = row * cols;
      double max = max(in, start, cols);
      double sum = sumExp(in, start, cols, max);
      for (int i = 0; i < cols; i++) {
        Numbers.set(out, start + i, Math.exp(Numbers.get(in, start + i) - max) / sum);
      }
    }
  }

  private static double max(MemorySegment x, long start, int cols) {
    double max = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < cols; i++) {
      max = Math.max(max, Numbers.get(x, start + i));
    }
    return max;
  }

  private static double sumExp(MemorySegment x, long start, int cols, double max) {
    double sum = 0;
    for (int i = 0; i < cols; i++) {
      sum += Math.exp(Numbers.get(x, start + i) - max);
    }
    return sum;
  }

  private static double logSumExp(MemorySegment x, long start, int cols) {
    double max = max(x, start, cols);
    // all −∞, or some +∞: the maximum is the answer, and ∞ − ∞ would not be a number
    return Double.isInfinite(max) ? max : max + Math.log(sumExp(x, start, cols, max));
  }

  @Override
  public void softmaxBackward(long rows, int cols, Buffer y, Buffer dy, Buffer dx) {
    MemorySegment out = HostBuffer.of(y);
    MemorySegment gradient = HostBuffer.of(dy);
    MemorySegment result = HostBuffer.of(dx);
    for (long row = 0; row < rows; row++) {
      long start = row * cols;
      double dot = 0;
      for (int i = 0; i < cols; i++) {
        dot += (double) Numbers.get(out, start + i) * Numbers.get(gradient, start + i);
      }
      for (int i = 0; i < cols; i++) {
        Numbers.set(
            result,
            start + i,
            Numbers.get(out, start + i) * (Numbers.get(gradient, start + i) - dot));
      }
    }
  }

  @Override
  public void logSoftmax(long rows, int cols, Buffer x, Buffer y) {
    MemorySegment in = HostBuffer.of(x);
    MemorySegment out = HostBuffer.of(y);
    for (long row = 0; row < rows; row++) {
      long start = row * cols;
      double lse = logSumExp(in, start, cols);
      for (int i = 0; i < cols; i++) {
        Numbers.set(out, start + i, Numbers.get(in, start + i) - lse);
      }
    }
  }

  @Override
  public void logSoftmaxBackward(long rows, int cols, Buffer y, Buffer dy, Buffer dx) {
    MemorySegment out = HostBuffer.of(y);
    MemorySegment gradient = HostBuffer.of(dy);
    MemorySegment result = HostBuffer.of(dx);
    for (long row = 0; row < rows; row++) {
      long start = row * cols;
      double sum = 0;
      for (int i = 0; i < cols; i++) {
        sum += Numbers.get(gradient, start + i);
      }
      for (int i = 0; i < cols; i++) {
        Numbers.set(
            result,
            start + i,
            Numbers.get(gradient, start + i) - Math.exp(Numbers.get(out, start + i)) * sum);
      }
    }
  }

  @Override
  public void logSumExp(long rows, int cols, Buffer x, Buffer y) {
    MemorySegment in = HostBuffer.of(x);
    MemorySegment out = HostBuffer.of(y);
    for (long row = 0; row < rows; row++) {
      Numbers.set(out, row, logSumExp(in, row * cols, cols));
    }
  }
}
