package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.ImageKernels;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/** Sobel and K-Means by plain loops. */
public final class ReferenceImage implements ImageKernels {
  private static final int[][] SOBEL_X = {{-1, 0, 1}, {-2, 0, 2}, {-1, 0, 1}};

  @Override
  public void sobel(Map p, Border border, Buffer x, Buffer sx, Buffer sy) {
    checkBorder(p, border);
    MemorySegment from = HostBuffer.of(x);
    MemorySegment toX = HostBuffer.of(sx);
    MemorySegment toY = HostBuffer.of(sy);
    for (int n = 0; n < p.n(); n++) {
      for (int row = 0; row < p.h(); row++) {
        for (int column = 0; column < p.w(); column++) {
          for (int c = 0; c < p.c(); c++) {
            double sumX = 0;
            double sumY = 0;
            for (int a = -1; a <= 1; a++) {
              for (int b = -1; b <= 1; b++) {
                int i = beyond(row + a, p.h(), border);
                int j = beyond(column + b, p.w(), border);
                if (i >= 0 && j >= 0) {
                  double value = get(from, at(p, n, i, j, c));
                  sumX += SOBEL_X[a + 1][b + 1] * value;
                  sumY += SOBEL_X[b + 1][a + 1] * value;
                }
              }
            }
            set(toX, at(p, n, row, column, c), sumX);
            set(toY, at(p, n, row, column, c), sumY);
          }
        }
      }
    }
  }

  @Override
  public void sobelBackward(Map p, Border border, Buffer dsx, Buffer dsy, Buffer dx) {
    checkBorder(p, border);
    MemorySegment fromX = HostBuffer.of(dsx);
    MemorySegment fromY = HostBuffer.of(dsy);
    MemorySegment to = HostBuffer.of(dx);
    double[] plane = new double[Math.multiplyExact(p.h(), p.w())];
    for (int n = 0; n < p.n(); n++) {
      for (int c = 0; c < p.c(); c++) {
        Arrays.fill(plane, 0);
        for (int row = 0; row < p.h(); row++) {
          for (int column = 0; column < p.w(); column++) {
            double gradientX = get(fromX, at(p, n, row, column, c));
            double gradientY = get(fromY, at(p, n, row, column, c));
            for (int a = -1; a <= 1; a++) {
              for (int b = -1; b <= 1; b++) {
                int i = beyond(row + a, p.h(), border);
                int j = beyond(column + b, p.w(), border);
                if (i >= 0 && j >= 0) {
                  plane[i * p.w() + j] +=
                      SOBEL_X[a + 1][b + 1] * gradientX + SOBEL_X[b + 1][a + 1] * gradientY;
                }
              }
            }
          }
        }
        for (int i = 0; i < plane.length; i++) {
          set(to, at(p, n, i / p.w(), i % p.w(), c), plane[i]);
        }
      }
    }
  }

  private static void checkBorder(Map p, Border border) {
    if (border == Border.REFLECT && (p.h() < 2 || p.w() < 2)) {
      throw new IllegalArgumentException(
          "Image.sobel: a reflected border needs a map of at least 2 by 2, got "
              + p.h()
              + " by "
              + p.w());
    }
  }

  /** Where index i, at most one outside, takes its value from; −1 for a zero. */
  private static int beyond(int i, int size, Border border) {
    if (i >= 0 && i < size) {
      return i;
    }
    return switch (border) {
      case ZERO -> -1;
      case REFLECT -> i < 0 ? 1 : size - 2;
      case REPLICATE -> i < 0 ? 0 : size - 1;
    };
  }

  private static long at(Map p, int n, int row, int column, int c) {
    return (((long) n * p.h() + row) * p.w() + column) * p.c() + c;
  }

  @Override
  public double kMeansStep(
      int n, int dims, int k, Buffer points, Buffer centres, Buffer assignment, Buffer counts) {
    MemorySegment from = HostBuffer.of(points);
    MemorySegment means = HostBuffer.of(centres);
    MemorySegment nearestOf = HostBuffer.of(assignment);
    long[] count = new long[k];
    double[] sums = new double[Math.multiplyExact(k, dims)];
    double inertia = 0;
    for (int i = 0; i < n; i++) {
      int nearest = 0;
      double least = Double.POSITIVE_INFINITY;
      for (int j = 0; j < k; j++) {
        double distance = 0;
        for (int d = 0; d < dims; d++) {
          double difference = get(from, (long) i * dims + d) - get(means, (long) j * dims + d);
          distance += difference * difference;
        }
        if (distance < least) {
          least = distance;
          nearest = j;
        }
      }
      inertia += least;
      count[nearest]++;
      for (int d = 0; d < dims; d++) {
        sums[nearest * dims + d] += get(from, (long) i * dims + d);
      }
      nearestOf.set(ValueLayout.JAVA_INT_UNALIGNED, 4L * i, nearest);
    }
    for (int j = 0; j < k; j++) {
      HostBuffer.of(counts).set(ValueLayout.JAVA_LONG_UNALIGNED, 8L * j, count[j]);
      for (int d = 0; d < dims && count[j] > 0; d++) {
        set(means, (long) j * dims + d, sums[j * dims + d] / count[j]);
      }
    }
    return inertia;
  }

  private static double get(MemorySegment s, long index) {
    return Values.getFloat(s, DType.F32, index);
  }

  private static void set(MemorySegment s, long index, double value) {
    Values.setFloat(s, DType.F32, index, (float) value);
  }
}
