package dev.viridian.kernels.cpu.vector;

import static dev.viridian.kernels.cpu.vector.MicroKernel.LDA;
import static dev.viridian.kernels.cpu.vector.TokenPanels.BLOCK;
import static dev.viridian.kernels.cpu.vector.TokenPanels.ROWS;
import static dev.viridian.kernels.cpu.vector.VectorMath.FLOATS;

import dev.viridian.kernels.AttentionKernels;
import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Selective;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import org.jspecify.annotations.Nullable;

/**
 * Attention block by block: for some queries, the scores with a block of keys are computed, turned
 * into weights relative to the largest score so far, and multiplied with the values, all in the
 * caches. When the largest score grows, what has been summed is scaled down.
 */
public final class VectorAttention implements AttentionKernels, Selective {
  private static final int LANES = FLOATS.length();

  private final Workers workers;

  /** Kernels that share the given threads. */
  public VectorAttention(Workers workers) {
    this.workers = workers;
  }

  /**
   * Leaves gradients of a single key to the plain loops: q and k then have a gradient of exactly
   * zero, which is the difference of two sums that must be taken in the same order.
   */
  @Override
  public boolean accepts(String operation, Object problem) {
    return !(operation.equals("backward")
        && problem instanceof AttentionProblem p
        && p.keys() == 1);
  }

  @Override
  public void forward(AttentionProblem p, Inputs in, Results to) {
    for (int batch = 0; batch < p.batch(); batch++) {
      new Forward(new AttentionInputs(p, in, batch), to).run();
    }
  }

  @Override
  public void backward(AttentionProblem p, Inputs in, Results of, Gradients g) {
    for (int batch = 0; batch < p.batch(); batch++) {
      new AttentionBackward(workers, new AttentionInputs(p, in, batch), of, g).run();
    }
  }

  /** The forward pass of one picture. */
  private final class Forward {
    final AttentionInputs in;
    final AttentionProblem p;
    final TokenPanels keyPanels;
    final float[] keys;
    final float[] values;
    final MemorySegment out;
    final @Nullable MemorySegment lse;
    final @Nullable MemorySegment columnMap;
    final float[] columns;

    Forward(AttentionInputs in, Results to) {
      this.in = in;
      this.p = in.p;
      out = HostBuffer.of(to.out());
      lse = to.lse() == null ? null : HostBuffer.of(to.lse());
      columnMap = to.columnMap() == null ? null : HostBuffer.of(to.columnMap());
      keyPanels = new TokenPanels(p.keys(), p.headDim());
      keys =
          Scratch.get(Scratch.Part.PANELS, Math.multiplyExact(p.heads(), keyPanels.acrossSize()));
      values =
          Scratch.get(Scratch.Part.VALUES, Math.multiplyExact(p.heads(), keyPanels.downSize()));
      columns = new float[columnMap == null ? 0 : p.heads() * p.queries()];
    }

    void run() {
      int blocks = keyPanels.blocks();
      workers.run(
          p.heads() * blocks,
          task -> {
            int head = task / blocks;
            keyPanels.packAcross(in.k(head), task % blocks, keys, head * keyPanels.acrossSize());
            keyPanels.packDown(in.v(head), task % blocks, values, head * keyPanels.downSize());
          });
      int tiles = Math.ceilDiv(p.queries(), ROWS);
      workers.run(
          Math.multiplyExact(p.heads(), tiles),
          task -> {
            int first = task % tiles * ROWS;
            new Rows(this, task / tiles, first, Math.min(ROWS, p.queries() - first)).run();
          });
      if (columnMap != null) {
        for (int i = 0; i < p.queries(); i++) {
          float sum = 0;
          for (int head = 0; head < p.heads(); head++) {
            sum += columns[head * p.queries() + i];
          }
          Numbers.set(columnMap, (long) in.batch * p.queries() + i, sum / p.heads());
        }
      }
    }
  }

  /** Some queries of one head. */
  private static final class Rows {
    final Forward f;
    final AttentionInputs in;
    final int head;
    final int first;
    final int count;
    final float[] scores = Scratch.get(Scratch.Part.SCORES, TokenPanels.SCORES);
    final float[] sums;

    /** The largest score so far. */
    final float[] max = new float[ROWS];

    /** Sums of weights, lane by lane. */
    final float[] total = new float[ROWS * LANES];

    /** Sums of weights times the column's, lane by lane. */
    final float[] column = new float[ROWS * LANES];

    Rows(Forward f, int head, int first, int count) {
      this.f = f;
      this.in = f.in;
      this.head = head;
      this.first = first;
      this.count = count;
      sums = Scratch.get(Scratch.Part.SUMS, f.keyPanels.sums());
    }

    void run() {
      TokenPanels panels = f.keyPanels;
      float[] queries = Scratch.get(Scratch.Part.ROWS, panels.rowsSize());
      panels.rows(in.q(head), first, count, f.p.scale(), queries);
      Arrays.fill(max, Float.NEGATIVE_INFINITY);
      Arrays.fill(sums, 0, panels.sums(), 0f);
      int visible = f.p.causal() ? Math.min(f.p.keys(), first + count) : f.p.keys();
      for (int block = 0; block * BLOCK < visible; block++) {
        panels.scores(queries, count, f.keys, head * panels.acrossSize(), block, scores);
        int width = panels.count(block);
        for (int i = 0; i < count; i++) {
          in.maskRow(head, first + i, block * BLOCK, width, scores, i * LDA);
          weigh(i, block * BLOCK, width);
        }
        panels.addWeighted(scores, count, f.values, head * panels.downSize(), block, sums);
      }
      for (int i = 0; i < count; i++) {
        finish(i);
      }
    }

    /** Turns a row of scores, padded with −∞ to whole vectors, into weights. */
    private void weigh(int i, int key, int width) {
      int from = i * LDA;
      FloatVector top = FloatVector.broadcast(FLOATS, max[i]);
      for (int j = 0; j < width; j += LANES) {
        top = top.max(FloatVector.fromArray(FLOATS, scores, from + j));
      }
      float newMax = top.reduceLanes(VectorOperators.MAX);
      if (newMax > max[i]) {
        // e^−∞ is 0: nothing has been summed yet.
        scale(i, (float) Math.exp(max[i] - newMax));
        max[i] = newMax;
      }
      // A row without any visible key yet: all weights become 0.
      float shift = newMax == Float.NEGATIVE_INFINITY ? 0 : newMax;
      FloatVector sum = FloatVector.fromArray(FLOATS, total, i * LANES);
      for (int j = 0; j < width; j += LANES) {
        FloatVector weight =
            VectorMath.expBelowLargest(FloatVector.fromArray(FLOATS, scores, from + j).sub(shift));
        weight.intoArray(scores, from + j);
        sum = sum.add(weight);
      }
      sum.intoArray(total, i * LANES);
      float[] columnWeights = in.columnWeights;
      if (columnWeights != null) {
        FloatVector c = FloatVector.fromArray(FLOATS, column, i * LANES);
        for (int j = 0; j < width; j += LANES) {
          FloatVector weight = FloatVector.fromArray(FLOATS, scores, from + j);
          c = weight.fma(FloatVector.fromArray(FLOATS, columnWeights, key + j), c);
        }
        c.intoArray(column, i * LANES);
      }
    }

    private void scale(int i, float factor) {
      int ld = f.keyPanels.ld();
      scale(sums, i * ld, ld, factor);
      scale(total, i * LANES, LANES, factor);
      scale(column, i * LANES, LANES, factor);
    }

    private static void scale(float[] x, int from, int length, float factor) {
      for (int i = from; i < from + length; i += LANES) {
        FloatVector.fromArray(FLOATS, x, i).mul(factor).intoArray(x, i);
      }
    }

    private void finish(int i) {
      float sum = 0;
      float weighted = 0;
      for (int lane = i * LANES; lane < (i + 1) * LANES; lane++) {
        sum += total[lane];
        weighted += column[lane];
      }
      float factor = sum == 0 ? 0 : 1 / sum;
      f.keyPanels.store(sums, i, factor, f.out, in.at(f.p.out(), head, first + i));
      if (f.lse != null) {
        Numbers.set(f.lse, in.row(head, first + i), (float) (max[i] + Math.log(sum)));
      }
      if (f.columnMap != null) {
        f.columns[head * f.p.queries() + first + i] = weighted * factor;
      }
    }
  }

  /** Compares a small problem with the plain loops'. */
  public static @Nullable String fault(AttentionKernels candidate, AttentionKernels reference) {
    AttentionProblem p = AttentionProblem.blhd(1, 2, 40, 50, 24);
    HostBuffer q = new HostBuffer(SelfTest.numbers(DType.F32, 40 * 48));
    HostBuffer kv = new HostBuffer(SelfTest.numbers(DType.F32, 50 * 48));
    return SelfTest.fault(
        40 * 48,
        out -> candidate.forward(p, new Inputs(q, kv, kv), new Results(out)),
        out -> reference.forward(p, new Inputs(q, kv, kv), new Results(out)));
  }
}
