package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.ResampleKernels;
import dev.viridian.kernels.ResizeTaps;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/** Resizing and pooling by plain loops, sums in double; rows or planes are shared among threads. */
public final class ReferenceResample implements ResampleKernels {
  private final Workers workers;

  /** Kernels that share the given threads. */
  public ReferenceResample(Workers workers) {
    this.workers = workers;
  }

  /** Works on one row of a result. */
  @FunctionalInterface
  private interface Row {
    void run(int n, int i, long start);
  }

  /** Every row of a result, with the place where it begins. */
  private void rows(int n, int outH, long length, Row row) {
    workers.run(Math.multiplyExact(n, outH), at -> row.run(at / outH, at % outH, at * length));
  }

  /** Works on one channel of one map. */
  @FunctionalInterface
  private interface Plane {
    void run(int n, int c, double[] sums);
  }

  /** Every channel of every map, with sums that begin at zero and are then written. */
  private void planes(int n, int h, int w, int c, MemorySegment to, Plane plane) {
    int size = Math.multiplyExact(h, w);
    workers.run(
        Math.multiplyExact(n, c),
        at -> {
          double[] sums = new double[size];
          plane.run(at / c, at % c, sums);
          store(sums, to, at / c, h, w, c, at % c);
        });
  }

  @Override
  public void resize(Resize p, Buffer x, Buffer y) {
    MemorySegment from = HostBuffer.of(x);
    MemorySegment to = HostBuffer.of(y);
    ResizeTaps rows = ResizeTaps.rows(p);
    ResizeTaps columns = ResizeTaps.columns(p);
    rows(
        p.n(),
        p.outH(),
        (long) p.outW() * p.c(),
        (n, i, start) -> {
          long next = start;
          for (int j = 0; j < p.outW(); j++) {
            for (int c = 0; c < p.c(); c++) {
              double sum = 0;
              for (int a = i * rows.width(); a < (i + 1) * rows.width(); a++) {
                for (int b = j * columns.width(); b < (j + 1) * columns.width(); b++) {
                  double weight = rows.weight()[a] * columns.weight()[b];
                  if (weight != 0) {
                    int row = rows.index()[a];
                    int column = columns.index()[b];
                    sum += weight * get(from, at(n, p.h(), p.w(), p.c(), row, column, c));
                  }
                }
              }
              set(to, next++, sum);
            }
          }
        });
  }

  @Override
  public void resizeBackward(Resize p, Buffer dy, Buffer dx) {
    MemorySegment from = HostBuffer.of(dy);
    MemorySegment to = HostBuffer.of(dx);
    ResizeTaps rows = ResizeTaps.rows(p);
    ResizeTaps columns = ResizeTaps.columns(p);
    planes(
        p.n(),
        p.h(),
        p.w(),
        p.c(),
        to,
        (n, c, plane) -> {
          for (int i = 0; i < p.outH(); i++) {
            for (int j = 0; j < p.outW(); j++) {
              double gradient = get(from, at(n, p.outH(), p.outW(), p.c(), i, j, c));
              for (int a = i * rows.width(); a < (i + 1) * rows.width(); a++) {
                for (int b = j * columns.width(); b < (j + 1) * columns.width(); b++) {
                  double weight = rows.weight()[a] * columns.weight()[b];
                  if (weight != 0) {
                    plane[rows.index()[a] * p.w() + columns.index()[b]] += weight * gradient;
                  }
                }
              }
            }
          }
        });
  }

  @Override
  public void maxPool(Pool p, Buffer x, Buffer y, @Nullable Buffer index) {
    MemorySegment from = HostBuffer.of(x);
    MemorySegment to = HostBuffer.of(y);
    rows(
        p.n(),
        p.outH(),
        (long) p.outW() * p.c(),
        (n, i, start) -> {
          long next = start;
          Range rows = Range.of(i, p.h(), p);
          for (int j = 0; j < p.outW(); j++) {
            Range columns = Range.of(j, p.w(), p);
            for (int c = 0; c < p.c(); c++) {
              float largest = Float.NEGATIVE_INFINITY;
              long where = (long) rows.from * p.w() + columns.from;
              for (int row = rows.from; row < rows.to; row++) {
                for (int column = columns.from; column < columns.to; column++) {
                  float value = (float) get(from, at(n, p.h(), p.w(), p.c(), row, column, c));
                  if (value > largest || Float.isNaN(value)) {
                    largest = value;
                    where = (long) row * p.w() + column;
                  }
                }
              }
              set(to, next, largest);
              if (index != null) {
                HostBuffer.of(index).set(ValueLayout.JAVA_LONG_UNALIGNED, 8 * next, where);
              }
              next++;
            }
          }
        });
  }

  @Override
  public void maxPoolBackward(Pool p, Buffer index, Buffer dy, Buffer dx) {
    MemorySegment where = HostBuffer.of(index);
    MemorySegment from = HostBuffer.of(dy);
    MemorySegment to = HostBuffer.of(dx);
    planes(
        p.n(),
        p.h(),
        p.w(),
        p.c(),
        to,
        (n, c, plane) -> {
          for (int i = 0; i < p.outH(); i++) {
            for (int j = 0; j < p.outW(); j++) {
              long out = at(n, p.outH(), p.outW(), p.c(), i, j, c);
              long pixel = Values.getLong(where, DType.I64, out);
              plane[Math.toIntExact(pixel)] += get(from, out);
            }
          }
        });
  }

  @Override
  public void averagePool(Pool p, boolean countPadding, Buffer x, Buffer y) {
    MemorySegment from = HostBuffer.of(x);
    MemorySegment to = HostBuffer.of(y);
    rows(
        p.n(),
        p.outH(),
        (long) p.outW() * p.c(),
        (n, i, start) -> {
          long next = start;
          Range rows = Range.of(i, p.h(), p);
          for (int j = 0; j < p.outW(); j++) {
            Range columns = Range.of(j, p.w(), p);
            double divisor = rows.divisor(countPadding) * columns.divisor(countPadding);
            for (int c = 0; c < p.c(); c++) {
              double sum = 0;
              for (int row = rows.from; row < rows.to; row++) {
                for (int column = columns.from; column < columns.to; column++) {
                  sum += get(from, at(n, p.h(), p.w(), p.c(), row, column, c));
                }
              }
              set(to, next++, sum / divisor);
            }
          }
        });
  }

  @Override
  public void averagePoolBackward(Pool p, boolean countPadding, Buffer dy, Buffer dx) {
    MemorySegment from = HostBuffer.of(dy);
    MemorySegment to = HostBuffer.of(dx);
    planes(
        p.n(),
        p.h(),
        p.w(),
        p.c(),
        to,
        (n, c, plane) -> {
          for (int i = 0; i < p.outH(); i++) {
            Range rows = Range.of(i, p.h(), p);
            for (int j = 0; j < p.outW(); j++) {
              Range columns = Range.of(j, p.w(), p);
              double divisor = rows.divisor(countPadding) * columns.divisor(countPadding);
              double gradient = get(from, at(n, p.outH(), p.outW(), p.c(), i, j, c)) / divisor;
              for (int row = rows.from; row < rows.to; row++) {
                for (int column = columns.from; column < columns.to; column++) {
                  plane[row * p.w() + column] += gradient;
                }
              }
            }
          }
        });
  }

  /**
   * A window along one axis.
   *
   * @param from first pixel of the map in it
   * @param to one past the last
   * @param padded how much of it lies on the padded map
   */
  private record Range(int from, int to, int padded) {
    static Range of(int out, int size, Pool p) {
      int start = out * p.stride() - p.padding();
      int end = Math.min(start + p.kernel(), size + p.padding());
      return new Range(Math.max(start, 0), Math.min(end, size), end - start);
    }

    double divisor(boolean countPadding) {
      return countPadding ? padded : to - from;
    }
  }

  private static void store(double[] plane, MemorySegment to, int n, int h, int w, int c, int at) {
    for (int i = 0; i < plane.length; i++) {
      set(to, at(n, h, w, c, i / w, i % w, at), plane[i]);
    }
  }

  private static long at(int n, int h, int w, int channels, int row, int column, int c) {
    return (((long) n * h + row) * w + column) * channels + c;
  }

  private static double get(MemorySegment s, long index) {
    return Values.getFloat(s, DType.F32, index);
  }

  private static void set(MemorySegment s, long index, double value) {
    Values.setFloat(s, DType.F32, index, (float) value);
  }
}
