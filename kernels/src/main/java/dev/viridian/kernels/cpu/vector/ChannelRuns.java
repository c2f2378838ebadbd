package dev.viridian.kernels.cpu.vector;

import static dev.viridian.kernels.cpu.vector.VectorMath.FLOATS;

import dev.viridian.kernels.cpu.reference.Numbers;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * Passes over channels-last maps. A map is read as one run of numbers in which everything that
 * belongs to a channel (a mean, a scale, a sum) repeats with a period: the number of channels times
 * whatever makes it a multiple of the vector's length, so that any number of channels fills whole
 * vectors. Runs must start at a multiple of the period.
 *
 * @param channels length of a pixel
 * @param period a multiple of channels and of the vector's length
 */
record ChannelRuns(int channels, int period) {
  private static final int LANES = FLOATS.length();

  /** Sums of short periods would wait for the addition before. */
  private static final int SHORTEST = 64;

  /** About how many numbers a task reads: they fit the second cache. */
  private static final int TASK = 16_384;

  static ChannelRuns of(int channels) {
    int period = channels;
    while (period % LANES != 0 || period < SHORTEST) {
      period += channels;
    }
    return new ChannelRuns(channels, period);
  }

  /** Numbers of a task, a multiple of the period. */
  int task() {
    return Math.max(1, TASK / period) * period;
  }

  /** The values of channels, repeated to the period. */
  float[] repeat(float[] values) {
    float[] repeated = new float[period];
    for (int i = 0; i < period; i++) {
      repeated[i] = values[i % channels];
    }
    return repeated;
  }

  /** Adds what was summed at the places of a period up to its channels. */
  void fold(float[] sums, int at, double[] to, int toAt) {
    for (int i = 0; i < period; i++) {
      to[toAt + i % channels] += sums[at + i];
    }
  }

  private static FloatVector load(float[] values, int at) {
    return FloatVector.fromArray(FLOATS, values, at);
  }

  /** {@code sums[i] = Σ x} over the places i of the period. */
  void sum(MemorySegment x, long from, int count, float[] sums) {
    Arrays.fill(sums, 0, period, 0);
    int whole = count - count % period;
    for (int row = 0; row < whole; row += period) {
      for (int i = 0; i < period; i += LANES) {
        load(sums, i).add(Runs.load(x, from + row + i)).intoArray(sums, i);
      }
    }
    for (int i = whole; i < count; i++) {
      sums[i - whole] += Numbers.get(x, from + i);
    }
  }

  /** {@code rest[i] = Σ (x − pivot[i])} and {@code squares[i] = Σ (x − pivot[i])²}. */
  void deviations(
      MemorySegment x, long from, int count, float[] pivot, float[] rest, float[] squares) {
    Arrays.fill(rest, 0, period, 0);
    Arrays.fill(squares, 0, period, 0);
    int whole = count - count % period;
    for (int row = 0; row < whole; row += period) {
      for (int i = 0; i < period; i += LANES) {
        FloatVector d = Runs.load(x, from + row + i).sub(load(pivot, i));
        load(rest, i).add(d).intoArray(rest, i);
        d.fma(d, load(squares, i)).intoArray(squares, i);
      }
    }
    for (int i = whole; i < count; i++) {
      float d = Numbers.get(x, from + i) - pivot[i - whole];
      rest[i - whole] += d;
      squares[i - whole] += d * d;
    }
  }

  /** {@code y = (x − mean) · scale + shift}. */
  void normalize(
      MemorySegment x,
      long from,
      int count,
      float[] mean,
      float[] scale,
      float[] shift,
      MemorySegment y) {
    int whole = count - count % period;
    for (int row = 0; row < whole; row += period) {
      for (int i = 0; i < period; i += LANES) {
        FloatVector d = Runs.load(x, from + row + i).sub(load(mean, i));
        Runs.store(d.fma(load(scale, i), load(shift, i)), y, from + row + i);
      }
    }
    for (int i = whole; i < count; i++) {
      int c = i - whole;
      Numbers.set(y, from + i, Math.fma(Numbers.get(x, from + i) - mean[c], scale[c], shift[c]));
    }
  }

  /** {@code y = silu((x − mean) · scale + shift)}. */
  void normalizeSilu(
      MemorySegment x,
      long from,
      int count,
      float[] mean,
      float[] scale,
      float[] shift,
      MemorySegment y) {
    int whole = count - count % period;
    for (int row = 0; row < whole; row += period) {
      for (int i = 0; i < period; i += LANES) {
        FloatVector d = Runs.load(x, from + row + i).sub(load(mean, i));
        FloatVector z = d.fma(load(scale, i), load(shift, i));
        Runs.store(VectorMath.silu(z), y, from + row + i);
      }
    }
    for (int i = whole; i < count; i++) {
      int c = i - whole;
      float z = Math.fma(Numbers.get(x, from + i) - mean[c], scale[c], shift[c]);
      Numbers.set(y, from + i, z / (1 + Math.exp(-z)));
    }
  }

  /**
   * What a channel's normalisation is made of, each repeated to the period: {@code x̂ = (x − mean)
   * · rstd} and {@code z = x̂ · gamma + beta}.
   */
  record Normal(float[] mean, float[] rstd, float[] gamma, float[] beta) {}

  /** {@code sums[i] = Σ dz}, {@code dots[i] = Σ dz · x̂}. */
  void gradientSums(
      MemorySegment x,
      MemorySegment dy,
      long from,
      int count,
      Normal p,
      boolean silu,
      float[] sums,
      float[] dots) {
    float[] xhat = Scratch.get(Scratch.Part.FIRST, VectorFunctions.room(count));
    float[] dz = Scratch.get(Scratch.Part.SECOND, VectorFunctions.room(count));
    read(x, dy, from, count, p, silu, xhat, dz);
    Arrays.fill(sums, 0, period, 0);
    Arrays.fill(dots, 0, period, 0);
    addUp(xhat, dz, count, sums, dots);
  }

  private void addUp(float[] xhat, float[] dz, int count, float[] sums, float[] dots) {
    int whole = count - count % period;
    for (int row = 0; row < whole; row += period) {
      for (int i = 0; i < period; i += LANES) {
        FloatVector d = load(dz, row + i);
        load(sums, i).add(d).intoArray(sums, i);
        d.fma(load(xhat, row + i), load(dots, i)).intoArray(dots, i);
      }
    }
    for (int i = whole; i < count; i++) {
      sums[i - whole] += dz[i];
      dots[i - whole] = Math.fma(dz[i], xhat[i], dots[i - whole]);
    }
  }

  /**
   * Factors of a gradient, each repeated to the period: {@code dx = straight · dz + along · x̂ +
   * level}.
   */
  record Slopes(float[] straight, float[] along, float[] level) {}

  /** Writes dx. */
  void gradient(
      MemorySegment x,
      MemorySegment dy,
      long from,
      int count,
      Normal p,
      boolean silu,
      Slopes to,
      MemorySegment dx) {
    float[] xhat = Scratch.get(Scratch.Part.FIRST, VectorFunctions.room(count));
    float[] dz = Scratch.get(Scratch.Part.SECOND, VectorFunctions.room(count));
    read(x, dy, from, count, p, silu, xhat, dz);
    combine(xhat, dz, count, to);
    MemorySegment.copy(dz, 0, dx, Numbers.FLOAT, from * Float.BYTES, count);
  }

  private void combine(float[] xhat, float[] dz, int count, Slopes to) {
    for (int row = 0; row < count; row += period) {
      int width = Math.min(period, count - row);
      for (int i = 0; i < width; i += LANES) {
        FloatVector rest = load(xhat, row + i).fma(load(to.along, i), load(to.level, i));
        load(dz, row + i).fma(load(to.straight, i), rest).intoArray(dz, row + i);
      }
    }
  }

  /**
   * Reads x̂ and dz into arrays with room for whole vectors. Steps are methods of their own that
   * run over all numbers, so that each is compiled by itself: together they are too much.
   */
  private void read(
      MemorySegment x,
      MemorySegment dy,
      long from,
      int count,
      Normal p,
      boolean silu,
      float[] xhat,
      float[] dz) {
    FloatRuns.readFloats(x, from, xhat, 0, count);
    FloatRuns.readFloats(dy, from, dz, 0, count);
    centre(xhat, count, p);
    if (silu) {
      float[] slopes = Scratch.get(Scratch.Part.THIRD, VectorFunctions.room(count));
      scale(xhat, count, p, slopes);
      VectorFunctions.siluSlopes(slopes, count);
      BinaryLoops.mul(dz, slopes, count);
    }
  }

  private void centre(float[] x, int count, Normal p) {
    for (int row = 0; row < count; row += period) {
      int width = Math.min(period, count - row);
      for (int i = 0; i < width; i += LANES) {
        load(x, row + i).sub(load(p.mean, i)).mul(load(p.rstd, i)).intoArray(x, row + i);
      }
    }
  }

  private void scale(float[] xhat, int count, Normal p, float[] z) {
    for (int row = 0; row < count; row += period) {
      int width = Math.min(period, count - row);
      for (int i = 0; i < width; i += LANES) {
        load(xhat, row + i).fma(load(p.gamma, i), load(p.beta, i)).intoArray(z, row + i);
      }
    }
  }
}
