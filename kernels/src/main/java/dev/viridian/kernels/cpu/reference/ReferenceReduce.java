package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.ReduceKernels;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/** Reductions by plain loops, accumulated in double. */
public final class ReferenceReduce implements ReduceKernels {
  /** One run along the middle: the place of its first value, its length and its step. */
  private record Run(MemorySegment x, long start, int size, long step) {
    float get(int i) {
      return Numbers.get(x, start + i * step);
    }

    double sum() {
      double sum = 0;
      for (int i = 0; i < size; i++) {
        sum += get(i);
      }
      return sum;
    }
  }

  @FunctionalInterface
  private interface Each {
    void accept(Run run, long place);
  }

  private static void eachRun(Problem p, Buffer x, Each body) {
    MemorySegment in = HostBuffer.of(x);
    for (long outer = 0; outer < p.outer(); outer++) {
      for (long inner = 0; inner < p.inner(); inner++) {
        long start = outer * p.size() * p.inner() + inner;
        body.accept(new Run(in, start, p.size(), p.inner()), outer * p.inner() + inner);
      }
    }
  }

  @Override
  public void sum(Problem p, float scale, Buffer x, Buffer y) {
    MemorySegment out = HostBuffer.of(y);
    eachRun(p, x, (run, place) -> Numbers.set(out, place, scale * run.sum()));
  }

  @Override
  public void variance(Problem p, int correction, Buffer x, Buffer mean, Buffer y) {
    MemorySegment means = HostBuffer.of(mean);
    MemorySegment out = HostBuffer.of(y);
    eachRun(
        p,
        x,
        (run, place) -> {
          double m = run.sum() / run.size();
          double squares = 0;
          for (int i = 0; i < run.size(); i++) {
            double d = run.get(i) - m;
            squares += d * d;
          }
          Numbers.set(means, place, m);
          Numbers.set(out, place, squares / Math.max(0, run.size() - correction));
        });
  }

  @Override
  public void norm2(Problem p, Buffer x, Buffer y) {
    MemorySegment out = HostBuffer.of(y);
    eachRun(
        p,
        x,
        (run, place) -> {
          double squares = 0;
          for (int i = 0; i < run.size(); i++) {
            squares += (double) run.get(i) * run.get(i);
          }
          Numbers.set(out, place, Math.sqrt(squares));
        });
  }

  @Override
  public void max(Problem p, Buffer x, Buffer y, @Nullable Buffer index) {
    extreme(p, "max", 1, x, y, index);
  }

  @Override
  public void min(Problem p, Buffer x, Buffer y, @Nullable Buffer index) {
    extreme(p, "min", -1, x, y, index);
  }

  /** The largest of sign · x; a value that is not a number beats all others. */
  private static void extreme(
      Problem p, String name, int sign, Buffer x, Buffer y, @Nullable Buffer index) {
    if (p.size() == 0) {
      throw new IllegalArgumentException(name + ": nothing to choose from, size is 0");
    }
    MemorySegment out = HostBuffer.of(y);
    MemorySegment places = index == null ? null : HostBuffer.of(index);
    eachRun(
        p,
        x,
        (run, place) -> {
          int best = 0;
          for (int i = 1; i < run.size() && !Float.isNaN(run.get(best)); i++) {
            if (sign * run.get(i) > sign * run.get(best) || Float.isNaN(run.get(i))) {
              best = i;
            }
          }
          Numbers.set(out, place, run.get(best));
          if (places != null) {
            places.set(ValueLayout.JAVA_LONG_UNALIGNED, place * Long.BYTES, best);
          }
        });
  }

  @Override
  public void cumulativeSum(Problem p, boolean reverse, Buffer x, Buffer y) {
    MemorySegment out = HostBuffer.of(y);
    eachRun(
        p,
        x,
        (run, place) -> {
          double sum = 0;
          for (int k = 0; k < run.size(); k++) {
            int i = reverse ? run.size() - 1 - k : k;
            sum += run.get(i);
            Numbers.set(out, run.start() + i * run.step(), sum);
          }
        });
  }

  @Override
  public void cumulativeProduct(Problem p, Buffer x, Buffer y) {
    MemorySegment out = HostBuffer.of(y);
    eachRun(
        p,
        x,
        (run, place) -> {
          double product = 1;
          for (int i = 0; i < run.size(); i++) {
            product *= run.get(i);
            Numbers.set(out, run.start() + i * run.step(), product);
          }
        });
  }

  /**
   * dx[k] = (Π x before k) · s[k] with s[k] = dy[k] + x[k+1] s[k+1]: no division, so zeros are
   * harmless.
   */
  @Override
  public void cumulativeProductBackward(Problem p, Buffer x, Buffer dy, Buffer dx) {
    MemorySegment gradient = HostBuffer.of(dy);
    MemorySegment result = HostBuffer.of(dx);
    double[] behind = new double[p.size()];
    eachRun(
        p,
        x,
        (run, place) -> {
          double s = 0;
          for (int k = run.size() - 1; k >= 0; k--) {
            s = Numbers.get(gradient, run.start() + k * run.step()) + s;
            behind[k] = s;
            s *= run.get(k);
          }
          double before = 1;
          for (int k = 0; k < run.size(); k++) {
            double value = run.get(k);
            Numbers.set(result, run.start() + k * run.step(), before * behind[k]);
            before *= value;
          }
        });
  }
}
