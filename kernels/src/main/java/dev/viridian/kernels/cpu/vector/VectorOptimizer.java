package dev.viridian.kernels.cpu.vector;

import static dev.viridian.kernels.cpu.vector.VectorMath.FLOATS;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.OptimizerKernels;
import dev.viridian.kernels.cpu.reference.ReferenceOptimizer;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/**
 * Optimiser steps by vectors, in pieces of fixed size that are shared among threads; what is left
 * of the last piece goes through plain loops. All in binary32: so AdamW's weight decay is added to
 * the step, for a factor 1 − lr·decay would be rounded to 1 where the learning rate is small. AdamW
 * has too many terms for the compiler to keep in one loop of vectors: it goes block by block
 * through arrays, in three short loops.
 */
public final class VectorOptimizer implements OptimizerKernels {
  /** Values of a piece of work. */
  private static final int PIECE = 1 << 15;

  /** Values that AdamW holds in arrays: plain loops over these become vector code of their own. */
  private static final int BLOCK = 1 << 11;

  private static final ThreadLocal<float[][]> HELD =
      ThreadLocal.withInitial(() -> new float[4][BLOCK]);
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

  private static final int LANES = FLOATS.length();
  private static final VectorSpecies<Double> DOUBLES = DoubleVector.SPECIES_PREFERRED;

  private final Workers workers;
  private final ReferenceOptimizer plain = new ReferenceOptimizer();

  /** Kernels that share the given threads. */
  public VectorOptimizer(Workers workers) {
    this.workers = workers;
  }

  /** Works on values {@code from} to before {@code to}. */
  @FunctionalInterface
  private interface Piece {
    void run(int number, long from, long to);
  }

  private void pieces(long n, Piece piece) {
    workers.run(
        Math.toIntExact((n + PIECE - 1) / PIECE),
        number -> {
          long from = (long) number * PIECE;
          piece.run(number, from, Math.min(n, from + PIECE));
        });
  }

  private static Buffer tail(Buffer x, long from, long count) {
    return x.slice(4 * from, 4 * count);
  }

  @Override
  public void adamW(AdamW p, long n, Buffer w, Buffer g, Buffer m, Buffer v) {
    MemorySegment weights = HostBuffer.of(w);
    MemorySegment gradients = HostBuffer.of(g);
    MemorySegment means = HostBuffer.of(m);
    MemorySegment squares = HostBuffer.of(v);
    float decay = (float) (p.learningRate() * p.weightDecay());
    float rate = (float) (p.learningRate() / p.biasCorrection1());
    float root = (float) (1 / Math.sqrt(p.biasCorrection2()));
    float eps = (float) p.eps();
    float keep1 = (float) p.beta1();
    float take1 = (float) (1 - p.beta1());
    float keep2 = (float) p.beta2();
    float take2 = (float) (1 - p.beta2());
    pieces(
        n,
        (number, from, to) -> {
          float[][] held = HELD.get();
          for (long i = from; i < to; i += BLOCK) {
            int count = (int) Math.min(BLOCK, to - i);
            read(gradients, i, held[0], count);
            read(means, i, held[1], count);
            read(squares, i, held[2], count);
            read(weights, i, held[3], count);
            average(held[1], held[0], keep1, take1, count);
            averageSquares(held[2], held[0], keep2, take2, count);
            move(held[3], held[1], held[2], rate, root, eps, decay, count);
            write(held[1], means, i, count);
            write(held[2], squares, i, count);
            write(held[3], weights, i, count);
          }
        });
  }

  private static void read(MemorySegment from, long at, float[] to, int count) {
    MemorySegment.copy(from, FLOAT, 4 * at, to, 0, count);
  }

  private static void write(float[] from, MemorySegment to, long at, int count) {
    MemorySegment.copy(from, 0, to, FLOAT, 4 * at, count);
  }

  private static void average(float[] m, float[] g, float keep, float take, int count) {
    for (int i = 0; i < count; i++) {
      m[i] = m[i] * keep + g[i] * take;
    }
  }

  private static void averageSquares(float[] v, float[] g, float keep, float take, int count) {
    for (int i = 0; i < count; i++) {
      v[i] = v[i] * keep + g[i] * take * g[i];
    }
  }

  private static void move(
      float[] w, float[] m, float[] v, float rate, float root, float eps, float decay, int count) {
    for (int i = 0; i < count; i++) {
      float scale = (float) Math.sqrt(v[i]) * root + eps;
      w[i] -= m[i] * rate / scale + w[i] * decay;
    }
  }

  @Override
  public void sgd(Sgd p, long n, Buffer w, Buffer g, Buffer b) {
    MemorySegment weights = HostBuffer.of(w);
    MemorySegment gradients = HostBuffer.of(g);
    MemorySegment momenta = HostBuffer.of(b);
    float decay = (float) p.weightDecay();
    float keep = (float) p.momentum();
    float rate = (float) p.learningRate();
    pieces(
        n,
        (number, from, to) -> {
          long i = from;
          for (; i <= to - LANES; i += LANES) {
            FloatVector weight = Runs.load(weights, i);
            FloatVector gradient = Runs.load(gradients, i).add(weight.mul(decay));
            FloatVector momentum =
                p.first() ? gradient : Runs.load(momenta, i).mul(keep).add(gradient);
            Runs.store(momentum, momenta, i);
            FloatVector step = p.nesterov() ? momentum.mul(keep).add(gradient) : momentum;
            Runs.store(weight.sub(step.mul(rate)), weights, i);
          }
          if (i < to) {
            long rest = to - i;
            plain.sgd(p, rest, tail(w, i, rest), tail(g, i, rest), tail(b, i, rest));
          }
        });
  }

  @Override
  public void movingAverage(long n, double decay, Buffer w, Buffer shadow) {
    MemorySegment weights = HostBuffer.of(w);
    MemorySegment averages = HostBuffer.of(shadow);
    float take = (float) (1 - decay);
    pieces(
        n,
        (number, from, to) -> {
          long i = from;
          for (; i <= to - LANES; i += LANES) {
            FloatVector average = Runs.load(averages, i);
            FloatVector distance = average.sub(Runs.load(weights, i));
            Runs.store(average.sub(distance.mul(take)), averages, i);
          }
          if (i < to) {
            long rest = to - i;
            plain.movingAverage(rest, decay, tail(w, i, rest), tail(shadow, i, rest));
          }
        });
  }

  @Override
  public double sumOfSquares(long n, Buffer g) {
    MemorySegment gradients = HostBuffer.of(g);
    double[] sums = new double[Math.toIntExact((n + PIECE - 1) / PIECE)];
    pieces(
        n,
        (number, from, to) -> {
          DoubleVector low = DoubleVector.zero(DOUBLES);
          DoubleVector high = DoubleVector.zero(DOUBLES);
          long i = from;
          for (; i <= to - LANES; i += LANES) {
            FloatVector gradient = Runs.load(gradients, i);
            DoubleVector a = (DoubleVector) gradient.convertShape(VectorOperators.F2D, DOUBLES, 0);
            DoubleVector b = (DoubleVector) gradient.convertShape(VectorOperators.F2D, DOUBLES, 1);
            low = a.fma(a, low);
            high = b.fma(b, high);
          }
          double sum = low.add(high).reduceLanes(VectorOperators.ADD);
          sums[number] = sum + plain.sumOfSquares(to - i, tail(g, i, to - i));
        });
    double sum = 0;
    for (double part : sums) {
      sum += part;
    }
    return sum;
  }

  /** What is wrong with a candidate, if anything: a step of AdamW. */
  public static @Nullable String fault(OptimizerKernels candidate, OptimizerKernels reference) {
    int n = 5003;
    HostBuffer g = new HostBuffer(SelfTest.numbers(DType.F32, n));
    return SelfTest.fault(n, w -> step(candidate, n, w, g), w -> step(reference, n, w, g));
  }

  /** From the same state each time, so that it can be done again and again. */
  private static void step(OptimizerKernels kernels, int n, HostBuffer w, HostBuffer g) {
    AdamW p = new AdamW(1e-2, 0.9, 0.999, 1e-8, 1e-2, 0.1, 1e-3);
    w.segment().copyFrom(g.segment());
    HostBuffer m = new HostBuffer(SelfTest.numbers(DType.F32, n));
    HostBuffer v = new HostBuffer(SelfTest.numbers(DType.F32, n));
    m.segment().fill((byte) 0);
    v.segment().fill((byte) 0);
    kernels.adamW(p, n, w, g, m, v);
  }
}
