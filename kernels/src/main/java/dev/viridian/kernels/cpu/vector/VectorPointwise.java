package dev.viridian.kernels.cpu.vector;

import dev.viridian.kernels.BroadcastProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.PointwiseKernels;
import dev.viridian.kernels.Selective;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.cpu.reference.ReferencePointwise;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Element by element, in runs that are copied to arrays, computed there in whole vectors, and
 * copied back; many runs to a task. Functions without a loop of their own are left to the plain
 * loops, run by run. Operands that lie neither in runs nor repeated are declined.
 */
public final class VectorPointwise implements PointwiseKernels, Selective {
  /** Numbers of a run: two or three runs fit the first cache. */
  private static final int RUN = 2048;

  /** Numbers of a task. */
  private static final int TASK = 16 * RUN;

  private final Workers workers;
  private final ReferencePointwise plain = new ReferencePointwise();

  /** Kernels that share the given threads. */
  public VectorPointwise(Workers workers) {
    this.workers = workers;
  }

  @Override
  public boolean accepts(String operation, Object problem) {
    return !(problem instanceof BroadcastProblem p) || BroadcastRuns.of(p) != null;
  }

  /** A run of {@code count} numbers from {@code from} on. */
  @FunctionalInterface
  private interface Run {
    void run(long from, int count);
  }

  private void eachRun(long n, Run body) {
    workers.run(
        Math.toIntExact(Math.ceilDiv(n, (long) TASK)),
        task -> {
          long last = Math.min(n, (task + 1L) * TASK);
          for (long from = (long) task * TASK; from < last; from += RUN) {
            body.run(from, (int) Math.min(RUN, last - from));
          }
        });
  }

  private static float[] read(Scratch.Part part, MemorySegment s, long from, int count) {
    float[] values = Scratch.get(part, RUN);
    FloatRuns.readFloats(s, from, values, 0, count);
    return values;
  }

  private static void write(float[] values, int count, MemorySegment s, long to) {
    MemorySegment.copy(values, 0, s, Numbers.FLOAT, to * Float.BYTES, count);
  }

  private static Buffer part(Buffer b, long from, int count) {
    return b.slice(from * Float.BYTES, (long) count * Float.BYTES);
  }

  @Override
  public void unary(Unary f, long n, float p0, float p1, Buffer x, Buffer y) {
    MemorySegment in = HostBuffer.of(x);
    MemorySegment out = HostBuffer.of(y);
    eachRun(
        n,
        (from, count) -> {
          float[] values = read(Scratch.Part.FIRST, in, from, count);
          if (UnaryLoops.values(f, values, count, p0, p1)) {
            write(values, count, out, from);
          } else {
            plain.unary(f, count, p0, p1, part(x, from, count), part(y, from, count));
          }
        });
  }

  @Override
  public void unaryBackward(Unary f, long n, float p0, float p1, Buffer x, Buffer dy, Buffer dx) {
    MemorySegment in = HostBuffer.of(x);
    MemorySegment gradient = HostBuffer.of(dy);
    MemorySegment out = HostBuffer.of(dx);
    eachRun(
        n,
        (from, count) -> {
          float[] values = read(Scratch.Part.FIRST, in, from, count);
          float[] slopes = Scratch.get(Scratch.Part.SECOND, RUN);
          if (UnaryLoops.slopes(f, values, count, p0, p1, slopes)) {
            float[] g = read(Scratch.Part.FIRST, gradient, from, count);
            BinaryLoops.mul(slopes, g, count);
            write(slopes, count, out, from);
          } else {
            Buffer to = part(dx, from, count);
            plain.unaryBackward(f, count, p0, p1, part(x, from, count), part(dy, from, count), to);
          }
        });
  }

  @Override
  public void binary(Binary f, BroadcastProblem p, Buffer a, Buffer b, Buffer y) {
    MemorySegment out = HostBuffer.of(y);
    eachPair(
        p,
        a,
        b,
        (at, count, u, v) -> {
          BinaryLoops.values(f, u, v, count);
          write(u, count, out, at);
        });
  }

  @Override
  public void binaryBackwardA(
      Binary f, BroadcastProblem p, Buffer a, Buffer b, Buffer dy, Buffer da) {
    binaryBackward(true, f, p, a, b, dy, da);
  }

  @Override
  public void binaryBackwardB(
      Binary f, BroadcastProblem p, Buffer a, Buffer b, Buffer dy, Buffer db) {
    binaryBackward(false, f, p, a, b, dy, db);
  }

  private void binaryBackward(
      boolean first, Binary f, BroadcastProblem p, Buffer a, Buffer b, Buffer dy, Buffer to) {
    MemorySegment gradient = HostBuffer.of(dy);
    MemorySegment out = HostBuffer.of(to);
    eachPair(
        p,
        a,
        b,
        (at, count, u, v) -> {
          if (first) {
            BinaryLoops.slopesA(f, u, v, count);
          } else {
            BinaryLoops.slopesB(f, u, v, count);
          }
          float[] g = read(Scratch.Part.SECOND, gradient, at, count);
          BinaryLoops.mul(u, g, count);
          write(u, count, out, at);
        });
  }

  /** A run of both operands, {@code at} its place in the result; the first array may be written. */
  @FunctionalInterface
  private interface Pair {
    void run(long at, int count, float[] a, float[] b);
  }

  private void eachPair(BroadcastProblem p, Buffer a, Buffer b, Pair body) {
    BroadcastRuns runs = BroadcastRuns.of(p);
    if (runs == null) {
      throw new IllegalArgumentException("declined: " + p);
    }
    long n = p.elements();
    if (n == 0) {
      return;
    }
    MemorySegment as = HostBuffer.of(a);
    MemorySegment bs = HostBuffer.of(b);
    // a task covers several lines, or a part of one
    int cut = (int) Math.min(runs.line(), RUN);
    long perLine = Math.ceilDiv(runs.line(), (long) cut);
    long all = n / runs.line() * perLine;
    int together = Math.max(1, TASK / cut);
    workers.run(
        Math.toIntExact(Math.ceilDiv(all, (long) together)),
        task -> {
          float[] u = Scratch.get(Scratch.Part.FIRST, RUN);
          float[] v = Scratch.get(Scratch.Part.SECOND, RUN);
          long last = Math.min(all, (task + 1L) * together);
          for (long i = (long) task * together; i < last; i++) {
            long line = i / perLine;
            long within = i % perLine * cut;
            int count = (int) Math.min(cut, runs.line() - within);
            BroadcastRuns.read(as, runs.startA(line), runs.stepA(), within, u, count);
            BroadcastRuns.read(bs, runs.startB(line), runs.stepB(), within, v, count);
            body.run(line * runs.line() + within, count, u, v);
          }
        });
  }

  @Override
  public void where(long n, Buffer c, Buffer a, Buffer b, Buffer y) {
    eachRun(
        n,
        (from, count) ->
            plain.where(
                count,
                part(c, from, count),
                part(a, from, count),
                part(b, from, count),
                part(y, from, count)));
  }

  @Override
  public void linearCombination(long n, List<Term> terms, Buffer y) {
    MemorySegment out = HostBuffer.of(y);
    eachRun(
        n,
        (from, count) -> {
          float[] sum = Scratch.get(Scratch.Part.SECOND, RUN);
          Arrays.fill(sum, 0, count, 0);
          for (Term term : terms) {
            float[] values = read(Scratch.Part.FIRST, HostBuffer.of(term.x()), from, count);
            BinaryLoops.addScaled(sum, term.coefficient(), values, count);
          }
          write(sum, count, out, from);
        });
  }

  @Override
  public void addTo(long n, float alpha, Buffer x, Buffer y) {
    MemorySegment in = HostBuffer.of(x);
    MemorySegment out = HostBuffer.of(y);
    eachRun(
        n,
        (from, count) -> {
          float[] values = read(Scratch.Part.FIRST, in, from, count);
          float[] sum = read(Scratch.Part.SECOND, out, from, count);
          BinaryLoops.addScaled(sum, alpha, values, count);
          write(sum, count, out, from);
        });
  }

  /** A part of a row of a gated unit: {@code row} and the first of {@code count} columns. */
  @FunctionalInterface
  private interface RowPart {
    void run(long row, int column, int count);
  }

  private void eachRowPart(long rows, int cols, RowPart body) {
    if (cols == 0) {
      return;
    }
    int cut = Math.min(cols, RUN);
    int perRow = Math.ceilDiv(cols, cut);
    int together = Math.max(1, TASK / cut);
    long all = rows * perRow;
    workers.run(
        Math.toIntExact(Math.ceilDiv(all, (long) together)),
        task -> {
          long last = Math.min(all, (task + 1L) * together);
          for (long i = (long) task * together; i < last; i++) {
            int column = (int) (i % perRow) * cut;
            body.run(i / perRow, column, Math.min(cut, cols - column));
          }
        });
  }

  @Override
  public void geglu(long rows, int cols, Buffer x, Buffer y) {
    MemorySegment in = HostBuffer.of(x);
    MemorySegment out = HostBuffer.of(y);
    eachRowPart(
        rows,
        cols,
        (row, column, count) -> {
          long at = row * 2 * cols + column;
          float[] gate = read(Scratch.Part.FIRST, in, at + cols, count);
          VectorFunctions.gelu(gate, count);
          BinaryLoops.mul(gate, read(Scratch.Part.SECOND, in, at, count), count);
          write(gate, count, out, row * cols + column);
        });
  }

  @Override
  public void gegluBackward(long rows, int cols, Buffer x, Buffer dy, Buffer dx) {
    MemorySegment in = HostBuffer.of(x);
    MemorySegment gradient = HostBuffer.of(dy);
    MemorySegment out = HostBuffer.of(dx);
    eachRowPart(
        rows,
        cols,
        (row, column, count) -> {
          long at = row * 2 * cols + column;
          float[] gate = read(Scratch.Part.FIRST, in, at + cols, count);
          float[] slopes = Scratch.get(Scratch.Part.SECOND, RUN);
          VectorFunctions.geluSlopes(gate, count, slopes);
          VectorFunctions.gelu(gate, count);
          float[] other = read(Scratch.Part.THIRD, in, at, count);
          BinaryLoops.mul(slopes, other, count);
          float[] d = read(Scratch.Part.THIRD, gradient, row * cols + column, count);
          BinaryLoops.mul(gate, d, count);
          BinaryLoops.mul(slopes, d, count);
          write(gate, count, out, at);
          write(slopes, count, out, at + cols);
        });
  }

  /** Compares two functions and a repeated sum with the plain loops'. */
  public static @Nullable String fault(PointwiseKernels candidate, PointwiseKernels reference) {
    return fault(candidate, reference, 33);
  }

  /** The same with lines of a length, up to 33. */
  public static @Nullable String fault(
      PointwiseKernels candidate, PointwiseKernels reference, int line) {
    HostBuffer x = new HostBuffer(SelfTest.numbers(DType.F32, 990));
    long columns = line;
    BroadcastProblem rows =
        new BroadcastProblem(List.of(30L, columns), List.of(columns, 1L), List.of(0L, 1L));
    String fault =
        SelfTest.fault(
            990,
            y -> candidate.unary(Unary.SILU, 990, 0, 0, x, y),
            y -> reference.unary(Unary.SILU, 990, 0, 0, x, y));
    if (fault == null) {
      fault =
          SelfTest.fault(
              15 * line,
              y -> candidate.geglu(15, line, x, y),
              y -> reference.geglu(15, line, x, y));
    }
    return fault != null
        ? fault
        : SelfTest.fault(
            30 * line,
            y -> candidate.binary(Binary.ADD, rows, x, x, y),
            y -> reference.binary(Binary.ADD, rows, x, x, y));
  }
}
