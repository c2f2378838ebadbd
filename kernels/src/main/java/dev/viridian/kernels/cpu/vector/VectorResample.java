package dev.viridian.kernels.cpu.vector;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.ResampleKernels;
import dev.viridian.kernels.ResizeTaps;
import dev.viridian.kernels.Selective;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.cpu.reference.ReferenceResample;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Resizing row by row: first the rows of x are combined into one, then its pixels; the gradient is
 * the same with both matrices transposed. The rows of the result are shared among threads. Pooling
 * is left to plain loops.
 */
public final class VectorResample implements ResampleKernels, Selective {
  private final Workers workers;
  private final ReferenceResample plain;

  /** Kernels that share the given threads. */
  public VectorResample(Workers workers) {
    this.workers = workers;
    this.plain = new ReferenceResample(workers);
  }

  @Override
  public boolean accepts(String operation, Object problem) {
    return operation.equals("resize") || operation.equals("resizeBackward");
  }

  @Override
  public void resize(Resize p, Buffer x, Buffer y) {
    SparseRows rows = SparseRows.of(ResizeTaps.rows(p), p.outH());
    SparseRows columns = SparseRows.of(ResizeTaps.columns(p), p.outW());
    apply(p.n(), p.c(), rows, p.h(), columns, p.w(), x, y);
  }

  @Override
  public void resizeBackward(Resize p, Buffer dy, Buffer dx) {
    SparseRows rows = SparseRows.of(ResizeTaps.rows(p), p.outH()).transposed(p.h());
    SparseRows columns = SparseRows.of(ResizeTaps.columns(p), p.outW()).transposed(p.w());
    apply(p.n(), p.c(), rows, p.outH(), columns, p.outW(), dy, dx);
  }

  private void apply(
      int n, int c, SparseRows rows, int h, SparseRows columns, int w, Buffer x, Buffer y) {
    MemorySegment from = HostBuffer.of(x);
    MemorySegment to = HostBuffer.of(y);
    int outH = rows.start().length - 1;
    int outW = columns.start().length - 1;
    int rowIn = Math.multiplyExact(w, c);
    int rowOut = Math.multiplyExact(outW, c);
    workers.run(
        Math.multiplyExact(n, outH),
        index -> {
          float[] combined = Scratch.get(Scratch.Part.ROWS, rowIn);
          float[] result = Scratch.get(Scratch.Part.TILE, rowOut);
          combine(from, (long) (index / outH) * h, rows, index % outH, combined, rowIn);
          spread(columns, combined, c, result);
          MemorySegment.copy(result, 0, to, Numbers.FLOAT, 4L * index * rowOut, rowOut);
        });
  }

  /** {@code to =} the weighted sum of the rows that output row i reads. */
  private static void combine(
      MemorySegment from, long firstRow, SparseRows rows, int i, float[] to, int size) {
    int start = rows.start()[i];
    int end = rows.start()[i + 1];
    if (start == end) {
      Arrays.fill(to, 0, size, 0);
      return;
    }
    long at = (firstRow + rows.index()[start]) * size;
    FloatRuns.readFloats(from, at, to, 0, size);
    float first = rows.weight()[start];
    if (first != 1) {
      for (int j = 0; j < size; j++) {
        to[j] *= first;
      }
    }
    for (int t = start + 1; t < end; t++) {
      float[] row = Scratch.get(Scratch.Part.FIRST, size);
      FloatRuns.readFloats(from, (firstRow + rows.index()[t]) * size, row, 0, size);
      BinaryLoops.addScaled(to, rows.weight()[t], row, size);
    }
  }

  /** Every output pixel as the weighted sum of the pixels of a row. */
  private static void spread(SparseRows columns, float[] from, int c, float[] to) {
    int[] start = columns.start();
    for (int j = 0; j < start.length - 1; j++) {
      int at = j * c;
      int t = start[j];
      int end = start[j + 1];
      if (t + 1 == end && columns.weight()[t] == 1) {
        System.arraycopy(from, columns.index()[t] * c, to, at, c);
        continue;
      }
      Arrays.fill(to, at, at + c, 0);
      for (; t < end; t++) {
        add(columns.weight()[t], from, columns.index()[t] * c, to, at, c);
      }
    }
  }

  private static void add(float weight, float[] from, int fromAt, float[] to, int at, int count) {
    for (int k = 0; k < count; k++) {
      to[at + k] += weight * from[fromAt + k];
    }
  }

  @Override
  public void maxPool(Pool p, Buffer x, Buffer y, @Nullable Buffer index) {
    plain.maxPool(p, x, y, index);
  }

  @Override
  public void maxPoolBackward(Pool p, Buffer index, Buffer dy, Buffer dx) {
    plain.maxPoolBackward(p, index, dy, dx);
  }

  @Override
  public void averagePool(Pool p, boolean countPadding, Buffer x, Buffer y) {
    plain.averagePool(p, countPadding, x, y);
  }

  @Override
  public void averagePoolBackward(Pool p, boolean countPadding, Buffer dy, Buffer dx) {
    plain.averagePoolBackward(p, countPadding, dy, dx);
  }

  /** What is wrong with a candidate, if anything: a map enlarged with two taps a side. */
  public static @Nullable String fault(ResampleKernels candidate, ResampleKernels reference) {
    Resize p = Resize.toSize(1, 9, 11, 21, 17, 20, Mode.BILINEAR);
    HostBuffer x = new HostBuffer(SelfTest.numbers(DType.F32, 9 * 11 * 21));
    return SelfTest.fault(
        17 * 20 * 21, y -> candidate.resize(p, x, y), y -> reference.resize(p, x, y));
  }
}
