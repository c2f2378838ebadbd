package dev.viridian.kernels.cpu.vector;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.cpu.threads.Workers;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Measures what a weight lost when it was packed as bytes ({@link
 * dev.viridian.kernels.PackedKernels#lost}), by loops over arrays that the compiler turns into
 * vectors (here, where code is compiled early). A task has some outputs; how many does not depend
 * on the threads, and tasks' sums are added in their order.
 */
public final class PackingLoss {
  /** Values of a row at a time, in the first cache. */
  private static final int BLOCK = 2048;

  private static final int MOST_TASKS = 16;
  private static final int LEAST_ROWS = 32;

  /** Added and subtracted, it leaves the nearest whole number, ties to even. */
  private static final float ROUND = 0x1.8p23f;

  private final PackedWeight w;
  private final DType type;
  private final MemorySegment weight;
  private final int depth;
  private final float[] steps;

  /**
   * Of a packed weight.
   *
   * @param w INT8
   * @param type F32, F16 or BF16
   * @param weight [out, taps, channels]
   */
  public PackingLoss(PackedWeight w, DType type, MemorySegment weight, MemorySegment packed) {
    this.w = w;
    this.type = type;
    this.weight = weight;
    depth = Math.multiplyExact(w.taps(), w.channels());
    steps = packed.asSlice(w.scalesAt(), 4L * w.out()).toArray(JAVA_FLOAT);
  }

  /** Squares by place along K: of what was lost, and of all. */
  private record Sums(float[] lost, float[] all) {}

  /** Measures it. */
  public double measure(Workers workers) {
    float greatest = 0;
    for (float step : steps) {
      greatest = Math.max(greatest, step); // NaN, too
    }
    if (greatest == 0) {
      return 0;
    }
    float unit = 1 / greatest; // squares of no weight overflow or vanish
    int rows = Math.max(LEAST_ROWS, Math.ceilDiv(w.out(), MOST_TASKS));
    Sums[] sums = new Sums[Math.ceilDiv(w.out(), rows)];
    workers.run(
        sums.length,
        task -> sums[task] = of(task * rows, Math.min(w.out(), (task + 1) * rows), unit));
    double sum = 0;
    int count = 0;
    for (int channel = 0; channel < w.channels(); channel++) {
      double lost = 0;
      double all = 0;
      for (Sums s : sums) {
        for (int i = channel; i < depth; i += w.channels()) {
          lost += s.lost[i];
          all += s.all[i];
        }
      }
      if (all != 0) {
        sum += lost / all;
        count++;
      }
    }
    return count == 0 ? 0 : Math.sqrt(sum / count);
  }

  /** Of some outputs. */
  private Sums of(int first, int end, float unit) {
    Sums sums = new Sums(new float[depth], new float[depth]);
    int block = Math.min(BLOCK, depth);
    float[] values = new float[block];
    short[] halves = new short[type == DType.F32 ? 0 : block];
    float[] lost = new float[block];
    float[] all = new float[block];
    for (int at = 0; at < depth; at += BLOCK) {
      int count = Math.min(BLOCK, depth - at);
      Arrays.fill(lost, 0);
      Arrays.fill(all, 0);
      for (int i = first; i < end; i++) {
        float step = steps[i] * unit;
        read((long) i * depth + at, values, halves, count);
        add(values, count, unit, step == 0 ? 0 : 1 / step, step, lost, all);
      }
      System.arraycopy(lost, 0, sums.lost, at, count);
      System.arraycopy(all, 0, sums.all, at, count);
    }
    return sums;
  }

  /** One index for all arrays: only then the compiler makes vectors of it. */
  private static void add(
      float[] values, int count, float unit, float inverse, float step, float[] lost, float[] all) {
    for (int i = 0; i < count; i++) {
      float value = values[i] * unit;
      float whole = value * inverse + ROUND - ROUND;
      float missing = value - whole * step;
      lost[i] += missing * missing;
      all[i] += value * value;
    }
  }

  private void read(long at, float[] values, short[] halves, int count) {
    switch (type) {
      case F32 -> MemorySegment.copy(weight, Numbers.FLOAT, 4 * at, values, 0, count);
      case F16 -> {
        MemorySegment.copy(weight, Numbers.SHORT, 2 * at, halves, 0, count);
        for (int i = 0; i < count; i++) {
          values[i] = Float.float16ToFloat(halves[i]);
        }
      }
      case BF16 -> {
        MemorySegment.copy(weight, Numbers.SHORT, 2 * at, halves, 0, count);
        for (int i = 0; i < count; i++) {
          values[i] = Float.intBitsToFloat(halves[i] << 16);
        }
      }
      case I32, I64, U8 ->
          throw new IllegalArgumentException(
              "lost: expected a weight of F32, F16 or BF16: " + type);
    }
  }
}
