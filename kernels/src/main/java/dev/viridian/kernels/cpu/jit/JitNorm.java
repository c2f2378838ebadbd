package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.NormKernels;
import dev.viridian.kernels.Selective;
import dev.viridian.kernels.cpu.jit.ChannelCode.Step;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.cpu.vector.VectorNorm;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Group and layer normalisation on generated code, forward, where a pixel or row is whole vectors.
 *
 * <p>A map is cut into pieces of rows that fit the second cache; the statistics of a piece are
 * taken about its own mean and merged by Chan's formula in double, so that memory is read once for
 * them and once for the result.
 */
public final class JitNorm implements NormKernels, Selective {
  /** About how many numbers a task reads. */
  private static final int TASK = 16_384;

  /** Room behind the statistics of rows, which are written in whole vectors of four. */
  private static final int ROOM = 16;

  private final Workers workers;
  private final @Nullable VectorLevel best;

  /** Kernels that share the given threads, for the best instructions of this machine. */
  public JitNorm(Workers workers) {
    this(workers, VectorLevel.best());
  }

  /** The same on given instructions; null declines everything. */
  JitNorm(Workers workers, @Nullable VectorLevel best) {
    this.workers = workers;
    this.best = best;
  }

  @Override
  public boolean accepts(String operation, Object problem) {
    return switch (operation) {
      case "groupNorm" -> {
        GroupNorm p = (GroupNorm) problem;
        VectorLevel level = level(p.channels());
        yield level != null
            && has(level, Step.SUMS)
            && has(level, Step.DEVIATIONS)
            && takes(level, p.y())
            && CodeCache.get(normal(level, p)) != null;
      }
      case "layerNorm" -> {
        LayerNorm p = (LayerNorm) problem;
        VectorLevel level = level(p.cols());
        yield level != null && takes(level, p.y()) && CodeCache.get(rows(level, p)) != null;
      }
      default -> false;
    };
  }

  private @Nullable VectorLevel level(int columns) {
    return best == null ? null : best.of(columns);
  }

  /** Where there are tiles, which multiply faster than memory brings numbers. */
  @Override
  public boolean rounds(int columns) {
    VectorLevel level = level(columns);
    return level != null && takes(level, DType.BF16) && DotType.BF16.hasTiles();
  }

  /** Whether results of a type can be written. */
  private static boolean takes(VectorLevel level, DType y) {
    return y == DType.F32 || level == VectorLevel.AVX512 && DotType.BF16.runsHere();
  }

  private static ChannelCode normal(VectorLevel level, GroupNorm p) {
    Step step = p.activation() == Activation.SILU ? Step.NORMAL_SILU : Step.NORMAL;
    return new ChannelCode(level, step, p.y() == DType.BF16);
  }

  private static RowNormCode rows(VectorLevel level, LayerNorm p) {
    return new RowNormCode(level, p.y() == DType.BF16);
  }

  private static boolean has(VectorLevel level, Step step) {
    return CodeCache.get(new ChannelCode(level, step)) != null;
  }

  private VectorLevel require(int columns, Object problem) {
    VectorLevel level = level(columns);
    if (level == null) {
      throw new IllegalArgumentException("JitNorm: does not take " + problem);
    }
    return level;
  }

  /** Some rows of one of some maps. */
  @FunctionalInterface
  private interface Piece {
    void run(int index, int map, long row, int rows);
  }

  /** A call of {@link #groupNorm}. */
  private final class Maps {
    final GroupNorm p;
    final VectorLevel level;
    final int channels;
    final int groups;
    final int width;
    final int most;
    final int pieces;
    final long from;
    final long to;

    Maps(GroupNorm p, Buffer x, Buffer y) {
      this.p = p;
      channels = p.channels();
      groups = p.groups();
      width = channels / groups;
      level = require(channels, p);
      most = Math.max(1, TASK / channels);
      pieces = Math.ceilDiv(p.spatial(), most);
      long size = Math.multiplyExact(Math.multiplyExact((long) p.n(), p.spatial()), channels);
      from = Range.address("groupNorm: x", x, DType.F32, size);
      to = Range.address("groupNorm: y", y, p.y(), size);
    }

    void each(Piece body) {
      workers.run(
          Math.multiplyExact(p.n(), pieces),
          index -> {
            int row = index % pieces * most;
            int rows = Math.min(most, p.spatial() - row);
            body.run(index, index / pieces, (long) (index / pieces) * p.spatial() + row, rows);
          });
    }

    /** Mean and (biased) variance of each group, [n · groups]. */
    void statistics(double[] mean, double[] variance) {
      double[] means = new double[p.n() * pieces * groups];
      double[] squares = new double[means.length];
      Code sums = CodeCache.require(new ChannelCode(level, Step.SUMS));
      Code deviations = CodeCache.require(new ChannelCode(level, Step.DEVIATIONS));
      each((index, map, row, rows) -> piece(sums, deviations, row, rows, means, squares, index));
      for (int i = 0; i < mean.length; i++) {
        int map = i / groups;
        double n = 0;
        for (int piece = 0; piece < pieces; piece++) {
          int at = (map * pieces + piece) * groups + i % groups;
          double more = (double) Math.min(most, p.spatial() - piece * most) * width;
          double delta = means[at] - mean[i];
          mean[i] += delta * more / (n + more);
          variance[i] += squares[at] + delta * delta * n * more / (n + more);
          n += more;
        }
        variance[i] /= n;
      }
    }

    /** Mean and sum of squares about it of each group in a piece. */
    private void piece(
        Code sums,
        Code deviations,
        long row,
        int rows,
        double[] means,
        double[] squares,
        int index) {
      MemorySegment memory = NativeScratch.get(NativeScratch.Part.TILE, 12L * channels);
      long pivotAt = memory.address();
      long firstAt = pivotAt + 4L * channels;
      long secondAt = firstAt + 4L * channels;
      long x = from + 4 * row * channels;
      long step = 4L * channels;
      Frame f = NativeScratch.frame();
      float[] values = new float[channels];
      double n = (double) rows * width;
      new ChannelCode(level, Step.SUMS)
          .run(sums, f, x, 0, step, rows, channels, pivotAt, firstAt, secondAt);
      MemorySegment.copy(memory, JAVA_FLOAT, step, values, 0, channels);
      float[] pivots = new float[groups];
      for (int g = 0; g < groups; g++) {
        pivots[g] = (float) (sum(values, g) / n);
        Arrays.fill(values, g * width, (g + 1) * width, pivots[g]);
      }
      MemorySegment.copy(values, 0, memory, JAVA_FLOAT, 0, channels);
      new ChannelCode(level, Step.DEVIATIONS)
          .run(deviations, f, x, 0, step, rows, channels, pivotAt, firstAt, secondAt);
      int at = index * groups;
      MemorySegment.copy(memory, JAVA_FLOAT, step, values, 0, channels);
      for (int g = 0; g < groups; g++) {
        means[at + g] = sum(values, g);
      }
      MemorySegment.copy(memory, JAVA_FLOAT, 2 * step, values, 0, channels);
      for (int g = 0; g < groups; g++) {
        double rest = means[at + g]; // what rounding left of the mean
        means[at + g] = pivots[g] + rest / n;
        squares[at + g] = sum(values, g) - rest * rest / n;
      }
      Reference.reachabilityFence(memory);
    }

    private double sum(float[] values, int group) {
      double sum = 0;
      for (int i = group * width; i < (group + 1) * width; i++) {
        sum += values[i];
      }
      return sum;
    }

    void normalise(double[] mean, double[] rstd, float[] gamma, float[] beta) {
      // Of each map: means and scales; then the shifts of all.
      MemorySegment memory =
          NativeScratch.get(NativeScratch.Part.CHANNELS, 4L * channels * (2L * p.n() + 1));
      float[] means = new float[channels];
      float[] scales = new float[channels];
      for (int map = 0; map < p.n(); map++) {
        for (int c = 0; c < channels; c++) {
          int group = map * groups + c / width;
          means[c] = (float) mean[group];
          scales[c] = (float) rstd[group] * gamma[c];
        }
        long at = 8L * channels * map;
        MemorySegment.copy(means, 0, memory, JAVA_FLOAT, at, channels);
        MemorySegment.copy(scales, 0, memory, JAVA_FLOAT, at + 4L * channels, channels);
      }
      long shiftAt = 8L * channels * p.n();
      MemorySegment.copy(beta, 0, memory, JAVA_FLOAT, shiftAt, channels);
      ChannelCode code = normal(level, p);
      int yBytes = p.y().bytes();
      Code page = CodeCache.require(code);
      long address = memory.address();
      each(
          (index, map, row, rows) -> {
            long of = address + 8L * channels * map;
            long at = row * channels;
            code.run(
                page,
                NativeScratch.frame(),
                from + 4 * at,
                to + yBytes * at,
                4L * channels,
                rows,
                channels,
                of,
                of + 4L * channels,
                address + shiftAt);
          });
      Reference.reachabilityFence(memory);
    }
  }

  /** A parameter as floats, checked; {@code absent} for each channel if there is none. */
  private static float[] parameter(
      String what, @Nullable Buffer b, DType type, int n, float absent) {
    if (b != null) {
      Range.address(what, b, type, n);
    }
    return VectorNorm.parameter(b, type, n, absent);
  }

  @Override
  public void groupNorm(GroupNorm p, Forward b) {
    Maps maps = new Maps(p, b.x(), b.y());
    double[] means = new double[p.n() * p.groups()];
    double[] rstds = new double[means.length];
    maps.statistics(means, rstds);
    for (int i = 0; i < rstds.length; i++) {
      rstds[i] = 1 / Math.sqrt(rstds[i] + p.eps());
    }
    maps.normalise(
        means,
        rstds,
        parameter("groupNorm: gamma", b.gamma(), p.parameters(), p.channels(), 1),
        parameter("groupNorm: beta", b.beta(), p.parameters(), p.channels(), 0));
    Numbers.store(means, b.mean());
    Numbers.store(rstds, b.rstd());
    Reference.reachabilityFence(b);
  }

  @Override
  public void layerNorm(LayerNorm p, Forward b) {
    int n = p.cols();
    VectorLevel level = require(n, p);
    RowNormCode code = rows(level, p);
    int yBytes = p.y().bytes();
    Code page = CodeCache.require(code);
    long size = Math.multiplyExact(p.rows(), (long) n);
    long from = Range.address("layerNorm: x", b.x(), DType.F32, size);
    long to = Range.address("layerNorm: y", b.y(), p.y(), size);
    float[] gamma = parameter("layerNorm: gamma", b.gamma(), p.parameters(), n, 1);
    float[] beta = parameter("layerNorm: beta", b.beta(), p.parameters(), n, 0);
    MemorySegment parameters = NativeScratch.get(NativeScratch.Part.CHANNELS, 8L * n);
    MemorySegment.copy(gamma, 0, parameters, JAVA_FLOAT, 0, n);
    MemorySegment.copy(beta, 0, parameters, JAVA_FLOAT, 4L * n, n);
    long address = parameters.address();
    int most = Math.max(1, TASK / n);
    workers.run(
        Math.toIntExact(Math.ceilDiv(p.rows(), (long) most)),
        task -> {
          long row = (long) task * most;
          int rows = (int) Math.min(most, p.rows() - row);
          MemorySegment own = NativeScratch.get(NativeScratch.Part.TILE, 8L * (most + ROOM));
          long rstdAt = 4L * (most + ROOM);
          long at = row * n;
          code.run(
              page,
              NativeScratch.frame(),
              from + 4 * at,
              to + yBytes * at,
              rows,
              n,
              address,
              address + 4L * n,
              p.eps(),
              own.address(),
              own.address() + rstdAt);
          copy(own, 0, b.mean(), row, rows);
          copy(own, rstdAt, b.rstd(), row, rows);
          Reference.reachabilityFence(own);
        });
    Reference.reachabilityFence(b);
    Reference.reachabilityFence(parameters);
  }

  /** Copies statistics of some rows to where they are wanted, if they are. */
  private static void copy(MemorySegment from, long at, @Nullable Buffer to, long row, int rows) {
    if (to != null) {
      MemorySegment.copy(from, at, HostBuffer.of(to), 4 * row, 4L * rows);
    }
  }

  @Override
  public void groupNormBackward(GroupNorm p, Backward b) {
    throw declined("groupNormBackward");
  }

  @Override
  public void layerNormBackward(LayerNorm p, Backward b) {
    throw declined("layerNormBackward");
  }

  @Override
  public void batchNormTraining(BatchNorm p, Forward b, Running running) {
    throw declined("batchNormTraining");
  }

  @Override
  public void batchNormInference(BatchNorm p, Forward b, Running stored) {
    throw declined("batchNormInference");
  }

  @Override
  public void batchNormBackward(BatchNorm p, boolean training, Backward b) {
    throw declined("batchNormBackward");
  }

  private static IllegalArgumentException declined(String operation) {
    return new IllegalArgumentException("JitNorm: does not take " + operation);
  }
}
