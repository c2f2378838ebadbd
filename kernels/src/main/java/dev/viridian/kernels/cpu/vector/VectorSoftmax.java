package dev.viridian.kernels.cpu.vector;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.SoftmaxKernels;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Softmax and its kin, row by row in arrays, many rows to a task. */
public final class VectorSoftmax implements SoftmaxKernels {
  /** About how many numbers a task reads. */
  private static final int TASK = 32_768;

  private final Workers workers;

  /** Kernels that share the given threads. */
  public VectorSoftmax(Workers workers) {
    this.workers = workers;
  }

  /** Work on row {@code row}, in arrays of the thread with room for whole vectors. */
  @FunctionalInterface
  private interface Row {
    void run(long row, float[] first, float[] second);
  }

  private void eachRow(long rows, int cols, Row body) {
    int rowsOfTask = Math.max(1, TASK / cols);
    workers.run(
        Math.toIntExact(Math.ceilDiv(rows, (long) rowsOfTask)),
        task -> {
          int room = VectorFunctions.room(cols);
          float[] first = Scratch.get(Scratch.Part.FIRST, room);
          float[] second = Scratch.get(Scratch.Part.SECOND, room);
          long last = Math.min(rows, (task + 1L) * rowsOfTask);
          for (long row = (long) task * rowsOfTask; row < last; row++) {
            body.run(row, first, second);
          }
        });
  }

  private static void write(float[] row, int cols, MemorySegment to, long at) {
    MemorySegment.copy(row, 0, to, Numbers.FLOAT, at * Float.BYTES, cols);
  }

  /** log Σ e^x; x becomes e^(x − max x). */
  private static double logSumExp(float[] x, int cols) {
    float max = RowMath.max(x, cols);
    if (Float.isInfinite(max)) {
      return max; // all −∞, or some +∞
    }
    VectorFunctions.expOfDifference(x, cols, max);
    return max + Math.log(RowMath.sum(x, cols));
  }

  private static void scale(float[] x, int cols, float factor) {
    for (int i = 0; i < cols; i++) {
      x[i] *= factor;
    }
  }

  @Override
  public void softmax(long rows, int cols, Buffer x, Buffer y) {
    MemorySegment in = HostBuffer.of(x);
    MemorySegment out = HostBuffer.of(y);
    eachRow(
        rows,
        cols,
        (row, values, unused) -> {
          FloatRuns.readFloats(in, row * cols, values, 0, cols);
          VectorFunctions.expOfDifference(values, cols, RowMath.max(values, cols));
          scale(values, cols, (float) (1 / RowMath.sum(values, cols)));
          write(values, cols, out, row * cols);
        });
  }

  @Override
  public void softmaxBackward(long rows, int cols, Buffer y, Buffer dy, Buffer dx) {
    MemorySegment out = HostBuffer.of(y);
    MemorySegment gradient = HostBuffer.of(dy);
    MemorySegment result = HostBuffer.of(dx);
    eachRow(
        rows,
        cols,
        (row, values, slopes) -> {
          FloatRuns.readFloats(out, row * cols, values, 0, cols);
          FloatRuns.readFloats(gradient, row * cols, slopes, 0, cols);
          // y sums to 1, so a shift of dy changes nothing; this one makes the sum that matters
          // small
          RowMath.subtract(slopes, cols, (float) RowMath.dot(values, slopes, cols));
          float dot = (float) RowMath.dot(values, slopes, cols);
          for (int i = 0; i < cols; i++) {
            values[i] *= slopes[i] - dot;
          }
          write(values, cols, result, row * cols);
        });
  }

  @Override
  public void logSoftmax(long rows, int cols, Buffer x, Buffer y) {
    MemorySegment in = HostBuffer.of(x);
    MemorySegment out = HostBuffer.of(y);
    eachRow(
        rows,
        cols,
        (row, values, powers) -> {
          FloatRuns.readFloats(in, row * cols, values, 0, cols);
          System.arraycopy(values, 0, powers, 0, cols);
          double lse = logSumExp(powers, cols);
          for (int i = 0; i < cols; i++) {
            values[i] = (float) (values[i] - lse);
          }
          write(values, cols, out, row * cols);
        });
  }

  @Override
  public void logSoftmaxBackward(long rows, int cols, Buffer y, Buffer dy, Buffer dx) {
    MemorySegment out = HostBuffer.of(y);
    MemorySegment gradient = HostBuffer.of(dy);
    MemorySegment result = HostBuffer.of(dx);
    eachRow(
        rows,
        cols,
        (row, values, slopes) -> {
          FloatRuns.readFloats(out, row * cols, values, 0, cols);
          FloatRuns.readFloats(gradient, row * cols, slopes, 0, cols);
          float sum = (float) RowMath.sum(slopes, cols);
          VectorFunctions.exp(values, cols);
          for (int i = 0; i < cols; i++) {
            slopes[i] -= values[i] * sum;
          }
          write(slopes, cols, result, row * cols);
        });
  }

  @Override
  public void logSumExp(long rows, int cols, Buffer x, Buffer y) {
    MemorySegment in = HostBuffer.of(x);
    MemorySegment out = HostBuffer.of(y);
    eachRow(
        rows,
        cols,
        (row, values, unused) -> {
          FloatRuns.readFloats(in, row * cols, values, 0, cols);
          Numbers.set(out, row, logSumExp(values, cols));
        });
  }

  /** Compares a small softmax with the plain loops'. */
  public static @Nullable String fault(SoftmaxKernels candidate, SoftmaxKernels reference) {
    int rows = 20;
    int cols = 37;
    HostBuffer x = new HostBuffer(SelfTest.numbers(DType.F32, rows * cols));
    return SelfTest.fault(
        rows * cols,
        y -> candidate.softmax(rows, cols, x, y),
        y -> reference.softmax(rows, cols, x, y));
  }
}
