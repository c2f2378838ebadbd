package dev.viridian.matting.greenpost;

import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.random.TorchRandom;
import dev.viridian.kernels.DType;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * K-Means clusters by Lloyd's iterations from k-means++ seeds (Arthur, Vassilvitskii: k-means++:
 * the advantages of careful seeding; SODA 2007; the best of several draws a centre, as scikit-learn
 * does), the best of several restarts. Equal seeds give equal clusters on every device and any
 * number of threads.
 *
 * @param k clusters, at least 1
 * @param restarts at least 1; fewer than 10 often miss the best solution
 * @param maxIterations of a restart, at least 1
 */
public record KMeans(int k, int restarts, int maxIterations) {
  /** An end of the iterations: the centres' squared move, as a part of the points' variance. */
  private static final double TOLERANCE = 1e-4;

  /** Checks the ranges. */
  public KMeans {
    if (k < 1 || restarts < 1 || maxIterations < 1) {
      throw new IllegalArgumentException(
          "KMeans: k, restarts and iterations must be at least 1: "
              + List.of(k, restarts, maxIterations));
    }
  }

  /** Ten restarts of at most 300 iterations. */
  public static KMeans of(int k) {
    return new KMeans(k, 10, 300);
  }

  /** A cluster: its centre, float [dims], and how many points are nearest to it. */
  public record Cluster(float[] centre, long count) {}

  /**
   * What was found.
   *
   * @param clusters k of them, the largest first; empty ones (where there are fewer distinct
   *     points) last
   * @param inertia Σ squared distance of each point to its centre
   */
  public record Result(List<Cluster> clusters, double inertia) {}

  /**
   * Finds the clusters of points.
   *
   * @param points float [n, dims], row by row, n at least 1
   * @param seed of the draws
   */
  public Result fit(Device device, float[] points, int dims, long seed) {
    if (dims < 1 || points.length == 0 || points.length % dims != 0) {
      throw new IllegalArgumentException(
          "KMeans: " + points.length + " numbers are no points of " + dims);
    }
    TorchRandom random = new TorchRandom(seed);
    double tolerance = TOLERANCE * variance(points, dims);
    Result best = null;
    for (int i = 0; i < restarts; i++) {
      Result result = restart(device, points, dims, random, tolerance);
      if (best == null || result.inertia < best.inertia) {
        best = result;
      }
    }
    return best;
  }

  @SuppressWarnings("try") // the scope closes what a restart makes
  private Result restart(
      Device device, float[] points, int dims, TorchRandom random, double tolerance) {
    int n = points.length / dims;
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor x = Tensors.of(device, points, n, dims);
      Tensor centres = Tensors.of(device, seeds(points, dims, random), k, dims);
      Tensor assignment = Tensor.empty(device, new TensorSpec(x.shape().without(1), DType.I32));
      Tensor counts = Tensors.of(device, new long[k], k);
      float[] before = centres.toFloats();
      for (int i = 0; ; i++) {
        double inertia =
            device
                .kernels()
                .image()
                .kMeansStep(
                    n,
                    dims,
                    k,
                    x.buffer("KMeans"),
                    centres.buffer("KMeans"),
                    assignment.buffer("KMeans"),
                    counts.buffer("KMeans"));
        float[] after = centres.toFloats();
        double moved = squaredDistance(before, 0, after, 0, after.length);
        if (moved <= tolerance || i + 1 == maxIterations) {
          // Inertia and counts are those of the centres before this step.
          return result(before, counts.toLongs(), dims, inertia);
        }
        before = after;
      }
    }
  }

  private static Result result(float[] centres, long[] counts, int dims, double inertia) {
    List<Cluster> clusters =
        IntStream.range(0, counts.length)
            .mapToObj(
                j -> new Cluster(Arrays.copyOfRange(centres, j * dims, (j + 1) * dims), counts[j]))
            .sorted(Comparator.comparingLong(Cluster::count).reversed())
            .toList();
    return new Result(clusters, inertia);
  }

  /** First centres, float [k, dims]: each drawn in proportion to the distance from those before. */
  private float[] seeds(float[] points, int dims, TorchRandom random) {
    int n = points.length / dims;
    int trials = 2 + (int) Math.log(k);
    float[] centres = new float[k * dims];
    double[] nearest = new double[n];
    Arrays.fill(nearest, Double.POSITIVE_INFINITY);
    int chosen = (int) random.randint(0, n, 1)[0];
    for (int j = 0; j < k; j++) {
      if (j > 0) {
        chosen = draw(points, dims, nearest, trials, random);
      }
      System.arraycopy(points, chosen * dims, centres, j * dims, dims);
      for (int i = 0; i < n; i++) {
        nearest[i] =
            Math.min(nearest[i], squaredDistance(points, i * dims, points, chosen * dims, dims));
      }
    }
    return centres;
  }

  /** Of several points, drawn with the given weights, the one that leaves the least inertia. */
  private static int draw(
      float[] points, int dims, double[] weights, int trials, TorchRandom random) {
    int n = weights.length;
    double total = 0;
    for (double weight : weights) {
      total += weight;
    }
    int best = 0;
    double least = Double.POSITIVE_INFINITY;
    for (double r : random.randDouble(trials)) {
      int candidate = 0;
      double passed = weights[0];
      while (candidate < n - 1 && passed <= r * total) {
        passed += weights[++candidate];
      }
      double left = 0;
      for (int i = 0; i < n; i++) {
        left +=
            Math.min(weights[i], squaredDistance(points, i * dims, points, candidate * dims, dims));
      }
      if (left < least) {
        least = left;
        best = candidate;
      }
    }
    return best;
  }

  private static double squaredDistance(float[] a, int from, float[] b, int to, int count) {
    double sum = 0;
    for (int d = 0; d < count; d++) {
      double difference = a[from + d] - b[to + d];
      sum += difference * difference;
    }
    return sum;
  }

  /** The mean over the dimensions of the points' variance. */
  private static double variance(float[] points, int dims) {
    int n = points.length / dims;
    double sum = 0;
    for (int d = 0; d < dims; d++) {
      double mean = 0;
      for (int i = 0; i < n; i++) {
        mean += points[i * dims + d] / (double) n;
      }
      for (int i = 0; i < n; i++) {
        double difference = points[i * dims + d] - mean;
        sum += difference * difference / n;
      }
    }
    return sum / dims;
  }
}
