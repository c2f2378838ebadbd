package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.AttentionKernels;
import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.AttentionProblem.Strides;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Selective;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Attention on generated code. For some queries, the scores with a block of keys are computed,
 * turned into weights relative to the largest score so far, and multiplied with the values, all in
 * the second cache. When the largest score grows, what has been summed is scaled down. A row's
 * result does not depend on the rows beside it, nor on the number of threads.
 */
public final class JitAttention implements AttentionKernels, Selective {
  /** Queries of a task; a multiple of the rows of every tile. */
  static final int ROWS = 48;

  private final Workers workers;
  private final Supplier<@Nullable AttentionKit> kit;

  /** Kernels that share the given threads, for the best instructions of this machine. */
  public JitAttention(Workers workers) {
    this.workers = workers;
    kit = AttentionKit::best;
  }

  /** The same for given instructions; declines everything if this machine lacks them. */
  JitAttention(Workers workers, VectorLevel level) {
    this.workers = workers;
    kit = () -> AttentionKit.of(level);
  }

  /**
   * Leaves gradients of a single key to the plain loops: q and k then have a gradient of exactly
   * zero, which is the difference of two sums that must be taken in the same order.
   */
  @Override
  public boolean accepts(String operation, Object problem) {
    return problem instanceof AttentionProblem p
        && (operation.equals("forward") || p.keys() > 1)
        && forwards(p.q())
        && forwards(p.k())
        && forwards(p.v())
        && forwards(p.out())
        && forwards(p.mask())
        && kit.get() != null;
  }

  private static boolean forwards(Strides s) {
    return s.batch() >= 0 && s.head() >= 0 && s.token() >= 0;
  }

  /** Checks that a buffer holds all tokens; {@code last} values of the last one are touched. */
  private static void check(
      String what, Buffer buffer, AttentionProblem p, Strides s, int tokens, int last) {
    if (tokens > 0) {
      long batch = Math.multiplyExact(p.batch() - 1L, s.batch());
      long head = Math.multiplyExact(p.heads() - 1L, s.head());
      long token = Math.multiplyExact(tokens - 1L, s.token());
      long extent = Math.addExact(Math.addExact(batch, head), Math.addExact(token, last));
      Range.address("attention: " + what, buffer, DType.F32, extent);
    }
  }

  private static void checkTokens(
      String what, Buffer buffer, AttentionProblem p, Strides s, int tokens) {
    check(what, buffer, p, s, tokens, p.headDim());
  }

  private static void checkInputs(
      AttentionProblem p, Buffer q, Buffer k, Buffer v, @Nullable Buffer mask) {
    checkTokens("q", q, p, p.q(), p.queries());
    checkTokens("k", k, p, p.k(), p.keys());
    checkTokens("v", v, p, p.v(), p.keys());
    if (mask != null) {
      check("mask", mask, p, p.mask(), p.queries(), p.keys());
    }
  }

  /** The column weights of all pictures, readable in whole vectors. */
  private static @Nullable MemorySegment weights(AttentionProblem p, @Nullable Buffer weights) {
    int columns = Math.multiplyExact(p.batch(), p.keys());
    return Bias.of("attention: columnWeights", weights, DType.F32, columns);
  }

  /**
   * {@inheritDoc}
   *
   * @throws IndexOutOfBoundsException if a buffer is shorter than the problem says
   * @throws IllegalArgumentException if the problem is not {@link #accepts accepted}
   */
  @Override
  public void forward(
      AttentionProblem p,
      Buffer q,
      Buffer k,
      Buffer v,
      @Nullable Buffer mask,
      @Nullable Buffer columnWeights,
      Buffer out,
      @Nullable Buffer lse,
      @Nullable Buffer columnMap) {
    AttentionKit code = kit.get();
    if (code == null || !accepts("forward", p)) {
      throw new IllegalArgumentException("JitAttention: does not take " + p);
    }
    if (p.batch() == 0 || p.queries() == 0) {
      return;
    }
    checkInputs(p, q, k, v, mask);
    checkTokens("out", out, p, p.out(), p.queries());
    long rows = Math.multiplyExact((long) p.batch(), p.queries());
    if (lse != null) {
      Range.address("attention: lse", lse, DType.F32, Math.multiplyExact(rows, p.heads()));
    }
    MemorySegment weights = null;
    if (columnMap != null) {
      Range.address("attention: columnMap", columnMap, DType.F32, rows);
      weights = weights(p, columnWeights);
    }
    for (int batch = 0; batch < p.batch(); batch++) {
      new Forward(code, p, batch, q, k, v, mask, weights, out, lse, columnMap).run();
    }
    Reference.reachabilityFence(q);
    Reference.reachabilityFence(k);
    Reference.reachabilityFence(v);
    Reference.reachabilityFence(weights);
    Reference.reachabilityFence(out);
  }

  /** The forward pass of one picture. */
  private final class Forward {
    final AttentionKit code;
    final AttentionProblem p;
    final int batch;
    final MemorySegment q;
    final MemorySegment k;
    final MemorySegment v;
    final AttentionMask mask;
    final @Nullable MemorySegment weights;
    final MemorySegment out;
    final @Nullable MemorySegment lse;
    final @Nullable MemorySegment columnMap;
    final HeadPanels panels;
    final MemorySegment packed;

    /** The columns' share of each head's queries. */
    final float[] columns;

    Forward(
        AttentionKit code,
        AttentionProblem p,
        int batch,
        Buffer q,
        Buffer k,
        Buffer v,
        @Nullable Buffer mask,
        @Nullable MemorySegment weights,
        Buffer out,
        @Nullable Buffer lse,
        @Nullable Buffer columnMap) {
      this.code = code;
      this.p = p;
      this.batch = batch;
      this.q = HostBuffer.of(q);
      this.k = HostBuffer.of(k);
      this.v = HostBuffer.of(v);
      this.mask = new AttentionMask(p, batch, mask == null ? null : HostBuffer.of(mask));
      this.weights = weights;
      this.out = HostBuffer.of(out);
      this.lse = lse == null ? null : HostBuffer.of(lse);
      this.columnMap = columnMap == null ? null : HostBuffer.of(columnMap);
      panels = new HeadPanels(code, p.keys(), p.headDim());
      packed =
          NativeScratch.get(NativeScratch.Part.PANELS, Math.multiplyExact(p.heads(), headBytes()));
      columns = new float[columnMap == null ? 0 : Math.multiplyExact(p.heads(), p.queries())];
    }

    private long headBytes() {
      return panels.acrossBytes() + panels.downBytes();
    }

    private long keysAt(int head) {
      return head * headBytes();
    }

    private long valuesAt(int head) {
      return head * headBytes() + panels.acrossBytes();
    }

    private long at(Strides s, int head, int token) {
      return batch * s.batch() + head * s.head() + token * s.token();
    }

    void run() {
      int blocks = panels.blocks();
      workers.run(
          Math.multiplyExact(p.heads(), blocks),
          task -> {
            int head = task / blocks;
            long firstKey = at(p.k(), head, 0);
            long firstValue = at(p.v(), head, 0);
            RightMatrix keys = new RightMatrix(k, DType.F32, firstKey, p.k().token(), true);
            RightMatrix values = new RightMatrix(v, DType.F32, firstValue, p.v().token(), false);
            panels.packAcross(keys, task % blocks, packed, keysAt(head));
            panels.packDown(values, task % blocks, packed, valuesAt(head));
          });
      int tiles = Math.ceilDiv(p.queries(), ROWS);
      workers.run(
          Math.multiplyExact(p.heads(), tiles),
          task -> {
            int first = task % tiles * ROWS;
            new Tile(this, task / tiles, first, Math.min(ROWS, p.queries() - first)).run();
          });
      if (columnMap != null) {
        for (int i = 0; i < p.queries(); i++) {
          float sum = 0;
          for (int head = 0; head < p.heads(); head++) {
            sum += columns[head * p.queries() + i];
          }
          Numbers.set(columnMap, (long) batch * p.queries() + i, sum / p.heads());
        }
      }
      Reference.reachabilityFence(packed);
    }
  }

  /** Some queries of one head. */
  private static final class Tile {
    private static final int BYTES = Float.BYTES;

    final Forward f;
    final AttentionProblem p;
    final int head;
    final int first;
    final int count;
    final int lanes;
    final NativeRows queries;
    final NativeRows scores;
    final NativeRows sums;
    final NativeRows state;
    final NativeRows factor;

    Tile(Forward f, int head, int first, int count) {
      this.f = f;
      this.p = f.p;
      this.head = head;
      this.first = first;
      this.count = count;
      lanes = f.code.level.lanes();
      NativeRows[] groups =
          NativeRows.scratch(
              ROWS,
              NativeRows.width(p.headDim()),
              NativeRows.width(HeadPanels.BLOCK),
              NativeRows.width(f.panels.vectors() * lanes),
              4L * SoftmaxCode.STATE_VECTORS * lanes,
              4);
      queries = groups[0];
      scores = groups[1];
      sums = groups[2];
      state = groups[3];
      factor = groups[4];
    }

    void run() {
      HeadPanels panels = f.panels;
      begin();
      int visible = p.causal() ? Math.min(p.keys(), first + count) : p.keys();
      for (int block = 0; block * HeadPanels.BLOCK < visible; block++) {
        int key = block * HeadPanels.BLOCK;
        int width = panels.count(block);
        panels.scores(queries, count, f.packed, f.keysAt(head), block, scores);
        f.mask.apply(scores, head, first, count, key, width);
        NativeRows before = block == 0 ? null : sums;
        long weightsAt = 4L * f.batch * p.keys() + 4L * key;
        f.code.softmax(scores, count, width, state, before, panels.vectors(), f.weights, weightsAt);
        panels.addWeighted(scores, count, f.packed, f.valuesAt(head), block, sums, block > 0);
      }
      finish();
    }

    private void begin() {
      factor.memory().set(JAVA_FLOAT, factor.at(), p.scale());
      NativeRows from = new NativeRows(f.q, 4 * f.at(p.q(), head, first), 4 * p.q().token());
      f.code.copy(from, queries, count, p.headDim(), factor);
      MemorySegment fresh = Fresh.STATE.get(f.code.level);
      MemorySegment.copy(fresh, 0, state.memory(), state.at(), count * state.step());
    }

    private void finish() {
      NativeRows to = new NativeRows(f.out, 4 * f.at(p.out(), head, first), 4 * p.out().token());
      f.code.divide(sums, to, count, p.headDim(), state.shifted(4L * lanes));
      MemorySegment lse = f.lse;
      for (int i = 0; i < count && (lse != null || f.columnMap != null); i++) {
        double sum = lanes(i, 1);
        if (lse != null) {
          double max = state.memory().get(JAVA_FLOAT, state.at() + i * state.step());
          long row = ((long) f.batch * p.heads() + head) * p.queries() + first + i;
          Numbers.set(lse, row, max + Math.log(sum));
        }
        if (f.columnMap != null) {
          f.columns[head * p.queries() + first + i] = sum == 0 ? 0 : (float) (lanes(i, 2) / sum);
        }
      }
      Reference.reachabilityFence(state.memory());
    }

    /** Sum of the lanes of a vector of a row's state. */
    private double lanes(int row, int vector) {
      double sum = 0;
      long at = state.at() + row * state.step() + (long) BYTES * vector * lanes;
      for (int i = 0; i < lanes; i++) {
        sum += state.memory().get(JAVA_FLOAT, at + (long) BYTES * i);
      }
      return sum;
    }
  }

  /** The state of rows before the first key. */
  private static final class Fresh {
    static final java.util.EnumMap<VectorLevel, MemorySegment> STATE =
        new java.util.EnumMap<>(VectorLevel.class);

    static {
      for (VectorLevel level : VectorLevel.values()) {
        int lanes = level.lanes();
        int row = SoftmaxCode.STATE_VECTORS * lanes;
        MemorySegment state = Arena.global().allocate(4L * ROWS * row, 64);
        for (int i = 0; i < ROWS * row; i++) {
          state.setAtIndex(JAVA_FLOAT, i, i % row < lanes ? SoftmaxCode.NONE : 0f);
        }
        STATE.put(level, state);
      }
    }

    private Fresh() {}
  }

  /**
   * {@inheritDoc}
   *
   * @throws IndexOutOfBoundsException if a buffer is shorter than the problem says
   * @throws IllegalArgumentException if the problem is not {@link #accepts accepted}
   */
  @Override
  public void backward(
      AttentionProblem p,
      Buffer q,
      Buffer k,
      Buffer v,
      @Nullable Buffer mask,
      @Nullable Buffer columnWeights,
      Buffer out,
      Buffer lse,
      Buffer dOut,
      @Nullable Buffer dColumnMap,
      Buffer dq,
      Buffer dk,
      Buffer dv) {
    AttentionKit code = kit.get();
    if (code == null || !accepts("backward", p)) {
      throw new IllegalArgumentException("JitAttention: does not take " + p);
    }
    if (p.batch() == 0) {
      return;
    }
    checkInputs(p, q, k, v, mask);
    checkTokens("out", out, p, p.out(), p.queries());
    checkTokens("dOut", dOut, p, p.out(), p.queries());
    checkTokens("dq", dq, p, p.q(), p.queries());
    checkTokens("dk", dk, p, p.k(), p.keys());
    checkTokens("dv", dv, p, p.v(), p.keys());
    long rows = Math.multiplyExact((long) p.batch(), p.queries());
    Range.address("attention: lse", lse, DType.F32, Math.multiplyExact(rows, p.heads()));
    MemorySegment weights = null;
    if (dColumnMap != null && columnWeights != null) {
      Range.address("attention: dColumnMap", dColumnMap, DType.F32, rows);
      weights = weights(p, columnWeights);
    }
    for (int batch = 0; batch < p.batch(); batch++) {
      MemorySegment maskHere = mask == null ? null : HostBuffer.of(mask);
      new JitAttentionBackward(
              workers,
              code,
              new AttentionMask(p, batch, maskHere),
              weights,
              weights == null || dColumnMap == null ? null : HostBuffer.of(dColumnMap))
          .run(
              HostBuffer.of(q),
              HostBuffer.of(k),
              HostBuffer.of(v),
              HostBuffer.of(out),
              HostBuffer.of(lse),
              HostBuffer.of(dOut),
              HostBuffer.of(dq),
              HostBuffer.of(dk),
              HostBuffer.of(dv));
    }
    Reference.reachabilityFence(weights);
  }
}
