package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.AttentionKernels.Gradients;
import dev.viridian.kernels.AttentionKernels.Inputs;
import dev.viridian.kernels.AttentionKernels.Results;
import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.AttentionProblem.Strides;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import org.jspecify.annotations.Nullable;

/**
 * The backward pass of attention for one picture, in two sweeps that each compute the probabilities
 * anew: one over the queries for dq and the rows' corrections D, one over the keys for dk and dv.
 * So every sum is one tile's, and no tile waits for another. All sizes have been checked.
 */
final class JitAttentionBackward {
  private static final int ROWS = AttentionForward.ROWS;
  private static final int BLOCK = HeadPanels.BLOCK;

  private final Workers workers;
  private final AttentionKit code;
  private final AttentionMask mask;
  private final AttentionProblem p;
  private final int batch;
  private final MemorySegment q;
  private final MemorySegment k;
  private final MemorySegment v;
  private final MemorySegment out;
  private final MemorySegment lse;
  private final MemorySegment dOut;
  private final MemorySegment dq;
  private final MemorySegment dk;
  private final MemorySegment dv;
  private final @Nullable MemorySegment weights;
  private final @Nullable MemorySegment dColumnMap;
  private final HeadPanels queries;
  private final HeadPanels keys;
  private final int lanes;

  /** Of each head three rows, padded to whole vectors: lse, D, and the column's gradient g. */
  private final MemorySegment statistics;

  private final long pitch;
  private final MemorySegment zeros;

  /**
   * A pass.
   *
   * @param weights the column's, readable in whole vectors; null if it has no gradient
   */
  JitAttentionBackward(
      Workers workers,
      AttentionKit code,
      AttentionProblem p,
      int batch,
      Inputs in,
      @Nullable MemorySegment weights,
      Results of,
      Gradients g) {
    this.workers = workers;
    this.code = code;
    this.p = p;
    this.batch = batch;
    mask = AttentionMask.of(p, batch, in.mask());
    q = HostBuffer.of(in.q());
    k = HostBuffer.of(in.k());
    v = HostBuffer.of(in.v());
    out = HostBuffer.of(of.out());
    lse = HostBuffer.of(of.lse());
    dOut = HostBuffer.of(g.dOut());
    dq = HostBuffer.of(g.dq());
    dk = HostBuffer.of(g.dk());
    dv = HostBuffer.of(g.dv());
    this.weights = weights;
    dColumnMap = weights == null || g.dColumnMap() == null ? null : HostBuffer.of(g.dColumnMap());
    queries = new HeadPanels(code, p.queries(), p.headDim(), false, false);
    keys = new HeadPanels(code, p.keys(), p.headDim(), false, false);
    lanes = code.level.lanes();
    pitch = 64L * Math.ceilDiv(p.queries(), 16);
    statistics = NativeScratch.get(NativeScratch.Part.STATISTICS, 3 * pitch * p.heads());
    zeros = NativeScratch.get(NativeScratch.Part.ZEROS, 4L * BLOCK);
  }

  private long at(Strides s, int head, int token) {
    return batch * s.batch() + head * s.head() + token * s.token();
  }

  /** The three rows of a head, from a query on. */
  private NativeRows statistics(int head, int query) {
    return new NativeRows(statistics, 3 * pitch * head + 4L * query, pitch);
  }

  private NativeRows tokens(MemorySegment segment, Strides s, int head, int first) {
    return new NativeRows(segment, 4 * at(s, head, first), 4 * s.token());
  }

  /** The tokens of all heads, laid out for products. */
  private record Packed(HeadPanels panels, MemorySegment memory, long from, boolean down) {
    long size() {
      return down ? panels.downBytes() : panels.acrossBytes();
    }

    long at(int head) {
      return from + head * size();
    }
  }

  private void pack(Packed to, MemorySegment from, Strides s) {
    int blocks = to.panels.blocks();
    workers.run(
        Math.multiplyExact(p.heads(), blocks),
        task -> {
          int head = task / blocks;
          RightMatrix m = new RightMatrix(from, DType.F32, at(s, head, 0), s.token(), !to.down);
          if (to.down) {
            to.panels.packDown(m, task % blocks, to.memory, to.at(head));
          } else {
            to.panels.packAcross(m, task % blocks, to.memory, to.at(head), null);
          }
        });
  }

  void run() {
    statistics();
    overQueries();
    overKeys();
    Reference.reachabilityFence(statistics);
    Reference.reachabilityFence(zeros);
  }

  /** Enters lse, the part of D that does not depend on the columns, and g. */
  private void statistics() {
    workers.run(
        p.heads(),
        head -> {
          for (int i = 0; i < p.queries(); i++) {
            long row = ((long) batch * p.heads() + head) * p.queries() + i;
            float value = Numbers.get(lse, row);
            // A row without a visible key: e^(s − ∞) is 0.
            value = value == Float.NEGATIVE_INFINITY ? Float.POSITIVE_INFINITY : value;
            double sum = 0;
            long at = at(p.out(), head, i);
            for (int d = 0; d < p.headDim(); d++) {
              sum += (double) Numbers.get(out, at + d) * Numbers.get(dOut, at + d);
            }
            float g =
                dColumnMap == null
                    ? 0
                    : Numbers.get(dColumnMap, (long) batch * p.queries() + i) / p.heads();
            NativeRows to = statistics(head, i);
            statistics.set(JAVA_FLOAT, to.at(), value);
            statistics.set(JAVA_FLOAT, to.at() + pitch, (float) sum);
            statistics.set(JAVA_FLOAT, to.at() + 2 * pitch, g);
          }
        });
  }

  private void overQueries() {
    long across = keys.acrossBytes() * p.heads();
    MemorySegment memory =
        NativeScratch.get(NativeScratch.Part.PANELS, 2 * across + keys.downBytes() * p.heads());
    Packed keysAcross = new Packed(keys, memory, 0, false);
    Packed valuesAcross = new Packed(keys, memory, across, false);
    Packed keysDown = new Packed(keys, memory, 2 * across, true);
    pack(keysAcross, k, p.k());
    pack(valuesAcross, v, p.v());
    pack(keysDown, k, p.k());
    int tiles = Math.ceilDiv(p.queries(), ROWS);
    workers.run(
        Math.multiplyExact(p.heads(), tiles),
        task -> {
          int head = task / tiles;
          int first = task % tiles * ROWS;
          int count = Math.min(ROWS, p.queries() - first);
          Tile t = new Tile(keys);
          t.begin(tokens(q, p.q(), head, first), tokens(dOut, p.out(), head, first), count);
          int visible = p.causal() ? Math.min(p.keys(), first + count) : p.keys();
          if (weights != null) {
            addColumns(t, head, first, count, visible, keysAcross);
          }
          for (int i = 0; i < count; i++) {
            NativeRows from = statistics(head, first + i);
            for (int j = 0; j < 3; j++) {
              t.number(i, j, statistics.get(JAVA_FLOAT, from.at() + j * pitch));
            }
          }
          for (int block = 0; block * BLOCK < visible; block++) {
            int key = block * BLOCK;
            int width = keys.count(block);
            keys.scores(t.left, count, memory, keysAcross.at(head), block, t.scores);
            keys.scores(t.gradient, count, memory, valuesAcross.at(head), block, t.gradients);
            mask.apply(t.scores, head, first, count, key, width);
            NativeRows e =
                weights == null
                    ? new NativeRows(zeros, 0, 0)
                    : new NativeRows(weights, 4L * (batch * (long) p.keys() + key), 0);
            code.gradients(false, t.scores, t.gradients, count, width, t.numbers, e);
            keys.addWeighted(t.scores, count, memory, keysDown.at(head), block, t.sums, block > 0);
          }
          code.copy(t.sums, tokens(dq, p.q(), head, first), count, p.headDim(), t.scale);
        });
    Reference.reachabilityFence(memory);
  }

  /** Adds {@code g Σ_j e_j P_j} to the corrections D of some queries. */
  private void addColumns(Tile t, int head, int first, int count, int visible, Packed keysAcross) {
    for (int i = 0; i < count; i++) {
      float logSum = statistics.get(JAVA_FLOAT, statistics(head, first + i).at());
      for (int j = 0; j < SoftmaxCode.STATE_VECTORS * lanes; j++) {
        // With lse in the place of the largest score, weights are probabilities.
        float max = logSum == Float.POSITIVE_INFINITY ? SoftmaxCode.NONE : logSum;
        t.state(i, j, j < lanes ? max : 0);
      }
    }
    for (int block = 0; block * BLOCK < visible; block++) {
      int key = block * BLOCK;
      int width = keys.count(block);
      keys.scores(t.left, count, keysAcross.memory, keysAcross.at(head), block, t.scores);
      mask.apply(t.scores, head, first, count, key, width);
      long at = 4L * (batch * (long) p.keys() + key);
      code.softmax(t.scores, count, width, t.state, null, 0, weights, at);
    }
    for (int i = 0; i < count; i++) {
      float sum = 0;
      for (int j = 2 * lanes; j < 3 * lanes; j++) {
        sum += t.state.memory().get(JAVA_FLOAT, t.state.at() + i * t.state.step() + 4L * j);
      }
      long d = statistics(head, first + i).at() + pitch;
      float g = statistics.get(JAVA_FLOAT, d + pitch);
      statistics.set(JAVA_FLOAT, d, statistics.get(JAVA_FLOAT, d) + g * sum);
    }
  }

  private void overKeys() {
    long across = queries.acrossBytes() * p.heads();
    long down = queries.downBytes() * p.heads();
    MemorySegment memory = NativeScratch.get(NativeScratch.Part.PANELS, 2 * across + 2 * down);
    Packed queriesAcross = new Packed(queries, memory, 0, false);
    Packed gradientsAcross = new Packed(queries, memory, across, false);
    Packed queriesDown = new Packed(queries, memory, 2 * across, true);
    Packed gradientsDown = new Packed(queries, memory, 2 * across + down, true);
    pack(queriesAcross, q, p.q());
    pack(gradientsAcross, dOut, p.out());
    pack(queriesDown, q, p.q());
    pack(gradientsDown, dOut, p.out());
    int tiles = Math.ceilDiv(p.keys(), ROWS);
    workers.run(
        Math.multiplyExact(p.heads(), tiles),
        task -> {
          int head = task / tiles;
          int first = task % tiles * ROWS;
          int count = Math.min(ROWS, p.keys() - first);
          Tile t = new Tile(queries);
          t.begin(tokens(k, p.k(), head, first), tokens(v, p.v(), head, first), count);
          for (int j = 0; j < count; j++) {
            long at = 4L * (batch * (long) p.keys() + first + j);
            t.number(j, 0, weights == null ? 0 : weights.get(JAVA_FLOAT, at));
          }
          int firstBlock = p.causal() ? first / BLOCK : 0;
          boolean add = false;
          for (int block = firstBlock; block < queries.blocks(); block++) {
            int query = block * BLOCK;
            int width = queries.count(block);
            queries.scores(t.left, count, memory, queriesAcross.at(head), block, t.scores);
            queries.scores(t.gradient, count, memory, gradientsAcross.at(head), block, t.gradients);
            mask.applyTurned(t.scores, head, first, count, query, width);
            NativeRows columns = statistics(head, query);
            code.gradients(true, t.scores, t.gradients, count, width, t.numbers, columns);
            queries.addWeighted(
                t.scores, count, memory, gradientsDown.at(head), block, t.otherSums, add);
            queries.addWeighted(
                t.gradients, count, memory, queriesDown.at(head), block, t.sums, add);
            add = true;
          }
          if (!add) {
            t.clear();
          }
          code.copy(t.sums, tokens(dk, p.k(), head, first), count, p.headDim(), t.scale);
          code.copy(t.otherSums, tokens(dv, p.v(), head, first), count, p.headDim(), t.one);
        });
    Reference.reachabilityFence(memory);
  }

  /** The memory of a task: some rows of one head against all tokens on the other side. */
  private final class Tile {
    final NativeRows left;
    final NativeRows gradient;
    final NativeRows scores;
    final NativeRows gradients;
    final NativeRows sums;
    final NativeRows otherSums;
    final NativeRows state;
    final NativeRows numbers;
    final NativeRows scale;
    final NativeRows one;

    Tile(HeadPanels panels) {
      long values = NativeRows.width(panels.vectors() * lanes);
      long block = NativeRows.width(BLOCK);
      NativeRows[] groups =
          NativeRows.scratch(
              ROWS,
              NativeRows.width(p.headDim()),
              NativeRows.width(p.headDim()),
              block,
              block,
              values,
              values,
              4L * SoftmaxCode.STATE_VECTORS * lanes,
              ScoreGradientCode.ROW_NUMBERS,
              4,
              4);
      left = groups[0];
      gradient = groups[1];
      scores = groups[2];
      gradients = groups[3];
      sums = groups[4];
      otherSums = groups[5];
      state = groups[6];
      numbers = groups[7];
      scale = groups[8].alike();
      one = groups[9].alike();
    }

    /** Copies the left factors of scores and of their gradients. */
    void begin(NativeRows forScores, NativeRows forGradients, int count) {
      scale.memory().set(JAVA_FLOAT, scale.at(), p.scale());
      one.memory().set(JAVA_FLOAT, one.at(), 1f);
      code.copy(forScores, left, count, p.headDim(), scale);
      code.copy(forGradients, gradient, count, p.headDim(), one);
    }

    void number(int row, int which, float value) {
      numbers.memory().set(JAVA_FLOAT, numbers.at() + row * numbers.step() + 4L * which, value);
    }

    void state(int row, int which, float value) {
      state.memory().set(JAVA_FLOAT, state.at() + row * state.step() + 4L * which, value);
    }

    /** Makes the sums zero: no query sees these keys. */
    void clear() {
      sums.memory().asSlice(sums.at(), ROWS * sums.step()).fill((byte) 0);
      otherSums.memory().asSlice(otherSums.at(), ROWS * otherSums.step()).fill((byte) 0);
    }
  }
}
