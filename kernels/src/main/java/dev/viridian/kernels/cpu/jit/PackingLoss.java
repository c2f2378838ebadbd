package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.cpu.threads.Workers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Measures what a weight lost when it was packed as bytes ({@link
 * dev.viridian.kernels.PackedKernels#lost}). A task has some outputs; how many does not depend on
 * the threads, and tasks' sums are added in their order.
 */
final class PackingLoss {
  /** Values of a row at a time: the sums of their squares stay in the first cache. */
  private static final int BLOCK = 2048;

  private static final int MOST_TASKS = 16;
  private static final int LEAST_ROWS = 32;

  private final DotKit kit;
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
  PackingLoss(DotKit kit, PackedWeight w, DType type, MemorySegment weight, MemorySegment packed) {
    this.kit = kit;
    this.w = w;
    this.type = type;
    this.weight = weight;
    depth = Math.multiplyExact(w.taps(), w.channels());
    steps = packed.asSlice(w.scalesAt(), 4L * w.out()).toArray(JAVA_FLOAT);
  }

  /** Squares by place along K: of what was lost, and of all. */
  private record Sums(float[] lost, float[] all) {}

  double measure(Workers workers) {
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
    LossCode loss = new LossCode(type);
    Code code = kit.loss(type);
    Frame frame = NativeScratch.frame();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment lost = arena.allocate(4L * depth, 64);
      MemorySegment all = arena.allocate(4L * depth, 64);
      int whole = depth / LossCode.LANES * LossCode.LANES;
      for (int at = 0; at < whole; at += BLOCK) {
        int count = Math.min(BLOCK, whole - at);
        long lostAt = Range.address(lost, 4L * at, 4L * count);
        long allAt = Range.address(all, 4L * at, 4L * count);
        for (int i = first; i < end; i++) {
          long offset = type.bytes() * ((long) i * depth + at);
          long from = Range.address(weight, offset, (long) type.bytes() * count);
          loss.run(code, frame, from, count / LossCode.LANES, unit, steps[i] * unit, lostAt, allAt);
        }
      }
      Sums sums = new Sums(lost.toArray(JAVA_FLOAT), all.toArray(JAVA_FLOAT));
      for (int i = first; i < end; i++) {
        for (int k = whole; k < depth; k++) {
          float value = Numbers.get(weight, type, (long) i * depth + k) * unit;
          float step = steps[i] * unit;
          float rest = value - step * (float) Math.rint(step == 0 ? 0 : value / step);
          sums.lost[k] += rest * rest;
          sums.all[k] += value * value;
        }
      }
      return sums;
    }
  }
}
