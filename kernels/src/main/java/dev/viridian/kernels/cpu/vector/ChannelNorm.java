package dev.viridian.kernels.cpu.vector;

import dev.viridian.kernels.cpu.threads.Workers;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Normalisation of channels-last maps over groups of channels and all positions; batch
 * normalisation is that of one map with groups of one channel. Maps are cut into pieces; the
 * statistics of a piece are taken about its own mean and merged by Chan's formula in double, so
 * that memory is read once for them and once for the result.
 */
final class ChannelNorm {
  private final Workers workers;
  private final int maps;
  private final long size;
  private final int channels;
  private final int groups;
  private final ChannelRuns runs;
  private final int pieces;

  /**
   * Maps of one shape.
   *
   * @param maps how many, one after the other
   * @param spatial positions of each
   */
  ChannelNorm(Workers workers, int maps, long spatial, int channels, int groups) {
    this.workers = workers;
    this.maps = maps;
    this.size = spatial * channels;
    this.channels = channels;
    this.groups = groups;
    this.runs = ChannelRuns.of(channels);
    this.pieces = Math.toIntExact(Math.ceilDiv(size, (long) runs.task()));
  }

  /** Work on {@code count} numbers from {@code from} on, of one map. */
  @FunctionalInterface
  private interface Piece {
    void run(int index, int map, long from, int count);
  }

  private void each(Piece body) {
    workers.run(
        Math.multiplyExact(maps, pieces),
        index -> {
          long within = (long) (index % pieces) * runs.task();
          int map = index / pieces;
          int count = (int) Math.min(runs.task(), size - within);
          body.run(index, map, map * size + within, count);
        });
  }

  /** Mean and (biased) variance of each group, [maps · groups]. */
  record Statistics(double[] mean, double[] variance) {}

  Statistics statistics(MemorySegment x) {
    double[] means = new double[maps * pieces * groups];
    double[] squares = new double[means.length];
    each((index, map, from, count) -> piece(x, from, count, means, squares, index * groups));
    double[] mean = new double[maps * groups];
    double[] variance = new double[mean.length];
    double perPixel = (double) channels / groups;
    for (int i = 0; i < mean.length; i++) {
      int map = i / groups;
      double n = 0;
      for (int piece = 0; piece < pieces; piece++) {
        int at = (map * pieces + piece) * groups + i % groups;
        long within = (long) piece * runs.task();
        double more = Math.min(runs.task(), size - within) / channels * perPixel;
        double delta = means[at] - mean[i];
        mean[i] += delta * more / (n + more);
        variance[i] += squares[at] + delta * delta * n * more / (n + more);
        n += more;
      }
      variance[i] /= n;
    }
    return new Statistics(mean, variance);
  }

  /** Mean and sum of squares about it of each group in a piece. */
  private void piece(
      MemorySegment x, long from, int count, double[] means, double[] squares, int at) {
    float[] sums = Scratch.get(Scratch.Part.FIRST, runs.period());
    float[] pivots = Scratch.get(Scratch.Part.SECOND, runs.period());
    float[] products = Scratch.get(Scratch.Part.THIRD, runs.period());
    int width = channels / groups;
    double n = (double) count / channels * width;
    runs.sum(x, from, count, sums);
    addGroups(sums, means, at);
    for (int start = 0; start < runs.period(); start += channels) {
      for (int c = 0; c < channels; c++) {
        pivots[start + c] = (float) (means[at + c / width] / n);
      }
    }
    runs.deviations(x, from, count, pivots, sums, products);
    for (int g = 0; g < groups; g++) {
      means[at + g] = 0;
    }
    addGroups(sums, means, at);
    addGroups(products, squares, at);
    for (int g = 0; g < groups; g++) {
      double rest = means[at + g]; // what rounding left of the mean
      means[at + g] = pivots[g * width] + rest / n;
      squares[at + g] -= rest * rest / n;
    }
  }

  private void addGroups(float[] values, double[] to, int at) {
    int width = channels / groups;
    for (int start = 0; start < runs.period(); start += channels) {
      for (int g = 0; g < groups; g++) {
        double sum = 0;
        for (int i = 0; i < width; i++) {
          sum += values[start + g * width + i];
        }
        to[at + g] += sum;
      }
    }
  }

  /** The values of a map's groups, repeated to the period. */
  private float[] spread(double[] values, int map) {
    float[] spread = new float[channels];
    int width = channels / groups;
    for (int c = 0; c < channels; c++) {
      spread[c] = (float) values[map * groups + c / width];
    }
    return runs.repeat(spread);
  }

  /** What the maps are normalised by: mean and rstd [maps · groups]. */
  ChannelRuns.Normal[] normals(double[] mean, double[] rstd, float[] gamma, float[] beta) {
    float[] gammas = runs.repeat(gamma);
    float[] betas = runs.repeat(beta);
    ChannelRuns.Normal[] normals = new ChannelRuns.Normal[maps];
    for (int map = 0; map < maps; map++) {
      normals[map] = new ChannelRuns.Normal(spread(mean, map), spread(rstd, map), gammas, betas);
    }
    return normals;
  }

  void normalize(ChannelRuns.Normal[] normals, MemorySegment x, boolean silu, MemorySegment y) {
    float[][] scales = new float[maps][];
    for (int map = 0; map < maps; map++) {
      scales[map] = product(normals[map].rstd(), normals[map].gamma());
    }
    each(
        (index, map, from, count) -> {
          ChannelRuns.Normal p = normals[map];
          if (silu) {
            runs.normalizeSilu(x, from, count, p.mean(), scales[map], p.beta(), y);
          } else {
            runs.normalize(x, from, count, p.mean(), scales[map], p.beta(), y);
          }
        });
  }

  private static float[] product(float[] a, float[] b) {
    float[] c = new float[a.length];
    for (int i = 0; i < c.length; i++) {
      c[i] = a[i] * b[i];
    }
    return c;
  }

  /**
   * With {@code g = gamma dz}: {@code dx = rstd (g − mean(g) − x̂ mean(g x̂))}, the means over the
   * group; only {@code rstd g} if the statistics do not depend on x.
   *
   * @param dGamma [channels], written; dBeta too
   */
  void backward(
      ChannelRuns.Normal[] normals,
      boolean dependent,
      boolean silu,
      MemorySegment x,
      MemorySegment dy,
      @Nullable MemorySegment dx,
      double[] dGamma,
      double[] dBeta) {
    float[][] sums = new float[maps * pieces][];
    float[][] dots = new float[maps * pieces][];
    each(
        (index, map, from, count) -> {
          sums[index] = new float[runs.period()];
          dots[index] = new float[runs.period()];
          runs.gradientSums(x, dy, from, count, normals[map], silu, sums[index], dots[index]);
        });
    ChannelRuns.Slopes[] slopes = new ChannelRuns.Slopes[maps];
    for (int map = 0; map < maps; map++) {
      double[] mapSums = new double[channels];
      double[] mapDots = new double[channels];
      for (int piece = map * pieces; piece < (map + 1) * pieces; piece++) {
        runs.fold(sums[piece], 0, mapSums, 0);
        runs.fold(dots[piece], 0, mapDots, 0);
      }
      for (int c = 0; c < channels; c++) {
        dGamma[c] += mapDots[c];
        dBeta[c] += mapSums[c];
      }
      slopes[map] =
          new ChannelRuns.Slopes(
              product(normals[map].rstd(), normals[map].gamma()),
              share(normals[map], mapDots, dependent),
              share(normals[map], mapSums, dependent));
    }
    if (dx != null) {
      each(
          (index, map, from, count) ->
              runs.gradient(x, dy, from, count, normals[map], silu, slopes[map], dx));
    }
  }

  /** {@code −rstd · mean over the group of gamma · sums}, repeated to the period. */
  private float[] share(ChannelRuns.Normal p, double[] sums, boolean dependent) {
    float[] shares = new float[channels];
    int width = channels / groups;
    double n = (double) size / channels * width;
    for (int g = 0; g < groups && dependent; g++) {
      double sum = 0;
      for (int c = g * width; c < (g + 1) * width; c++) {
        sum += p.gamma()[c] * sums[c];
      }
      for (int c = g * width; c < (g + 1) * width; c++) {
        shares[c] = (float) (-p.rstd()[c] * sum / n);
      }
    }
    return runs.repeat(shares);
  }
}
