package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.ImageKernels;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Sobel and K-Means by plain loops; rows, planes or runs of points are shared among threads. */
public final class ReferenceImage implements ImageKernels {
  /** Points of a piece of work. */
  private static final int PIECE = 1 << 13;

  private static final int[][] SOBEL_X = {{-1, 0, 1}, {-2, 0, 2}, {-1, 0, 1}};

  private final Workers workers;

  /** Kernels that share the given threads. */
  public ReferenceImage(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void sobel(Map p, Border border, Buffer x, Buffer sx, Buffer sy) {
    checkBorder(p, border);
    MemorySegment from = HostBuffer.of(x);
    MemorySegment toX = HostBuffer.of(sx);
    MemorySegment toY = HostBuffer.of(sy);
    workers.run(
        Math.multiplyExact(p.n(), p.h()),
        index -> {
          int n = index / p.h();
          int row = index % p.h();
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
        });
  }

  @Override
  public void sobelBackward(Map p, Border border, Buffer dsx, Buffer dsy, Buffer dx) {
    checkBorder(p, border);
    MemorySegment fromX = HostBuffer.of(dsx);
    MemorySegment fromY = HostBuffer.of(dsy);
    MemorySegment to = HostBuffer.of(dx);
    int size = Math.multiplyExact(p.h(), p.w());
    workers.run(
        Math.multiplyExact(p.n(), p.c()),
        index -> {
          int n = index / p.c();
          int c = index % p.c();
          double[] plane = new double[size];
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
        });
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

  /** What a run of points adds to the step. */
  private static final class Share {
    final long[] count;
    final double[] sums;
    double inertia;

    Share(int dims, int k) {
      count = new long[k];
      sums = new double[Math.multiplyExact(k, dims)];
    }
  }

  @Override
  public double kMeansStep(
      int n, int dims, int k, Buffer points, Buffer centres, Buffer assignment, Buffer counts) {
    MemorySegment from = HostBuffer.of(points);
    MemorySegment means = HostBuffer.of(centres);
    MemorySegment nearestOf = HostBuffer.of(assignment);
    double[] old = new double[Math.multiplyExact(k, dims)];
    for (int i = 0; i < old.length; i++) {
      old[i] = get(means, i);
    }
    Share[] shares = new Share[(n + PIECE - 1) / PIECE];
    workers.run(
        shares.length,
        piece -> {
          Share share = new Share(dims, k);
          double[] point = new double[dims];
          for (int i = piece * PIECE; i < Math.min(n, (piece + 1) * PIECE); i++) {
            for (int d = 0; d < dims; d++) {
              point[d] = get(from, (long) i * dims + d);
            }
            int nearest = assign(point, old, k, share);
            nearestOf.set(ValueLayout.JAVA_INT_UNALIGNED, 4L * i, nearest);
          }
          shares[piece] = share;
        });
    // In the order of the points, whoever worked on them.
    Share all = new Share(dims, k);
    for (Share share : shares) {
      all.inertia += share.inertia;
      for (int j = 0; j < k; j++) {
        all.count[j] += share.count[j];
      }
      for (int i = 0; i < all.sums.length; i++) {
        all.sums[i] += share.sums[i];
      }
    }
    for (int j = 0; j < k; j++) {
      HostBuffer.of(counts).set(ValueLayout.JAVA_LONG_UNALIGNED, 8L * j, all.count[j]);
      for (int d = 0; d < dims && all.count[j] > 0; d++) {
        set(means, (long) j * dims + d, all.sums[j * dims + d] / all.count[j]);
      }
    }
    return all.inertia;
  }

  /** Adds a point to its nearest centre, the first of equals. */
  private static int assign(double[] point, double[] centres, int k, Share share) {
    int dims = point.length;
    int nearest = 0;
    double least = Double.POSITIVE_INFINITY;
    for (int j = 0; j < k; j++) {
      double distance = 0;
      for (int d = 0; d < dims; d++) {
        double difference = point[d] - centres[j * dims + d];
        distance += difference * difference;
      }
      if (distance < least) {
        least = distance;
        nearest = j;
      }
    }
    share.inertia += least;
    share.count[nearest]++;
    for (int d = 0; d < dims; d++) {
      share.sums[nearest * dims + d] += point[d];
    }
    return nearest;
  }

  private static double get(MemorySegment s, long index) {
    return Values.getFloat(s, DType.F32, index);
  }

  private static void set(MemorySegment s, long index, double value) {
    Values.setFloat(s, DType.F32, index, (float) value);
  }
}
