package dev.viridian.kernels.cpu.vector;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.ReduceKernels;
import dev.viridian.kernels.Selective;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Sums; the other reductions are declined. */
public final class VectorReduce implements ReduceKernels, Selective {
  /** About how many numbers a task reads; those of one result are summed piece by piece. */
  private static final int TASK = 16_384;

  /** Rows that are summed in float before their sum is added up in double. */
  private static final int ROWS = 256;

  private final Workers workers;

  /** Kernels that share the given threads. */
  public VectorReduce(Workers workers) {
    this.workers = workers;
  }

  @Override
  public boolean accepts(String operation, Object problem) {
    return operation.equals("sum");
  }

  @Override
  public void sum(Problem p, float scale, Buffer x, Buffer y) {
    if (p.outer() == 0 || p.inner() == 0) {
      return;
    }
    MemorySegment in = HostBuffer.of(x);
    MemorySegment out = HostBuffer.of(y);
    // a piece: some of the columns of some of the rows of one outer index
    int columns = (int) Math.min(p.inner(), TASK);
    int rows = Math.max(1, TASK / columns);
    int bands = Math.toIntExact(Math.ceilDiv(p.inner(), (long) columns));
    int layers = bands > 1 ? 1 : Math.max(1, Math.ceilDiv(p.size(), rows));
    if (layers == 1) {
      // narrow outer indices go to a task together
      long each = Math.max(1, (long) p.size() * columns);
      int together = (int) Math.max(1, TASK / each);
      long pieces = Math.multiplyExact(p.outer(), (long) bands);
      workers.run(
          Math.toIntExact(Math.ceilDiv(pieces, (long) together)),
          task -> {
            double[] sums = new double[columns];
            long last = Math.min(pieces, (task + 1L) * together);
            for (long piece = (long) task * together; piece < last; piece++) {
              long outer = piece / bands;
              long column = piece % bands * columns;
              int width = (int) Math.min(columns, p.inner() - column);
              Arrays.fill(sums, 0);
              add(in, outer * p.size() * p.inner() + column, p.size(), p.inner(), width, sums, 0);
              store(sums, 0, width, scale, out, outer * p.inner() + column);
            }
          });
      return;
    }
    double[][] parts = new double[Math.toIntExact(p.outer() * layers)][];
    workers.run(
        parts.length,
        task -> {
          long row = (long) (task % layers) * rows;
          int count = (int) Math.min(rows, p.size() - row);
          long from = ((long) (task / layers) * p.size() + row) * p.inner();
          parts[task] = new double[columns];
          add(in, from, count, p.inner(), columns, parts[task], 0);
        });
    for (int outer = 0; outer < p.outer(); outer++) {
      double[] sums = parts[outer * layers];
      for (int layer = 1; layer < layers; layer++) {
        for (int i = 0; i < columns; i++) {
          sums[i] += parts[outer * layers + layer][i];
        }
      }
      store(sums, 0, columns, scale, out, outer * p.inner());
    }
  }

  private static void store(
      double[] sums, int from, int count, float scale, MemorySegment out, long at) {
    for (int i = 0; i < count; i++) {
      Numbers.set(out, at + i, scale * sums[from + i]);
    }
  }

  /** {@code sums[at + i] += Σ x[from + r · step + i]} over rows r, for {@code width} columns i. */
  private static void add(
      MemorySegment x, long from, int rows, long step, int width, double[] sums, int at) {
    float[] values = Scratch.get(Scratch.Part.FIRST, VectorFunctions.room(Math.max(width, TASK)));
    if (step == 1) {
      for (int row = 0; row < rows; row += TASK) {
        int count = Math.min(TASK, rows - row);
        FloatRuns.readFloats(x, from + row, values, 0, count);
        sums[at] += RowMath.sum(values, count);
      }
    } else if (step == width) {
      // rows without gaps: the places of a period are summed apart
      ChannelRuns runs = ChannelRuns.of(width);
      float[] places = Scratch.get(Scratch.Part.SECOND, runs.period());
      int block = Math.max(1, runs.period() / width) * ROWS;
      for (int row = 0; row < rows; row += block) {
        runs.sum(x, from + row * step, Math.min(block, rows - row) * width, places);
        runs.fold(places, 0, sums, at);
      }
    } else {
      float[] places = Scratch.get(Scratch.Part.SECOND, width);
      for (int row = 0; row < rows; row += ROWS) {
        Arrays.fill(places, 0, width, 0);
        for (int r = row; r < Math.min(rows, row + ROWS); r++) {
          FloatRuns.readFloats(x, from + r * step, values, 0, width);
          for (int i = 0; i < width; i++) {
            places[i] += values[i];
          }
        }
        for (int i = 0; i < width; i++) {
          sums[at + i] += places[i];
        }
      }
    }
  }

  private static UnsupportedOperationException declined(String operation) {
    return new UnsupportedOperationException("the vector kernels decline " + operation);
  }

  @Override
  public void variance(Problem p, int correction, Buffer x, Buffer mean, Buffer y) {
    throw declined("variance");
  }

  @Override
  public void norm2(Problem p, Buffer x, Buffer y) {
    throw declined("norm2");
  }

  @Override
  public void max(Problem p, Buffer x, Buffer y, @Nullable Buffer index) {
    throw declined("max");
  }

  @Override
  public void min(Problem p, Buffer x, Buffer y, @Nullable Buffer index) {
    throw declined("min");
  }

  @Override
  public void cumulativeSum(Problem p, boolean reverse, Buffer x, Buffer y) {
    throw declined("cumulativeSum");
  }

  @Override
  public void cumulativeProduct(Problem p, Buffer x, Buffer y) {
    throw declined("cumulativeProduct");
  }

  @Override
  public void cumulativeProductBackward(Problem p, Buffer x, Buffer dy, Buffer dx) {
    throw declined("cumulativeProductBackward");
  }

  /** Compares small sums along rows and columns with the plain loops'. */
  public static @Nullable String fault(ReduceKernels candidate, ReduceKernels reference) {
    Problem columns = new Problem(1, 60, 33);
    Problem rows = new Problem(60, 33, 1);
    HostBuffer x = new HostBuffer(SelfTest.numbers(DType.F32, 60 * 33));
    String fault =
        SelfTest.fault(
            33, y -> candidate.sum(columns, 1, x, y), y -> reference.sum(columns, 1, x, y));
    return fault != null
        ? fault
        : SelfTest.fault(60, y -> candidate.sum(rows, 1, x, y), y -> reference.sum(rows, 1, x, y));
  }
}
