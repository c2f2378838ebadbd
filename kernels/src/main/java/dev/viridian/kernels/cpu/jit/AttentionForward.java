package dev.viridian.kernels.cpu.jit;

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
import java.util.Arrays;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The forward pass of attention for one picture. Where there is no mask and no column is asked for,
 * tiles go by {@link BoundedTile}, else by {@link OnlineTile}; also for a single key, whose weight
 * must be exactly 1. All sizes have been checked.
 */
final class AttentionForward {
  /** Queries of a task; a multiple of the rows of every tile. */
  static final int ROWS = 48;

  /** From so many queries on a task has twice as many: keys and values are read half as often. */
  private static final int MANY = 2048;

  /** Most queries of a task. */
  static final int MOST_ROWS = 2 * ROWS;

  /**
   * With fewer scores what pairs need beforehand takes what they gain: 64 queries and keys take as
   * long without.
   */
  private static final int LEAST_PAIRED = 8192;

  private final Workers workers;
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

  /** Queries of a task. */
  final int rows;

  /** Whether tiles go by {@link BoundedTile}. */
  private final boolean bounded;

  /** How scores of those are summed. */
  final Scores scores;

  /** The same pass with nothing rounded. */
  private final Supplier<AttentionForward> alike;

  /** The columns' share of each head's queries. */
  final float[] columns;

  /**
   * A pass.
   *
   * @param weights the column's, readable in whole vectors; null if no column is wanted
   * @param rounded whether scores and weights may be bfloat16
   */
  AttentionForward(
      Workers workers,
      AttentionKit code,
      AttentionProblem p,
      int batch,
      Inputs in,
      @Nullable MemorySegment weights,
      Results to,
      boolean rounded) {
    this.workers = workers;
    this.code = code;
    this.p = p;
    this.batch = batch;
    q = HostBuffer.of(in.q());
    k = HostBuffer.of(in.k());
    v = HostBuffer.of(in.v());
    mask = AttentionMask.of(p, batch, in.mask());
    this.weights = weights;
    out = HostBuffer.of(to.out());
    lse = to.lse() == null ? null : HostBuffer.of(to.lse());
    columnMap = to.columnMap() == null ? null : HostBuffer.of(to.columnMap());
    rows = p.queries() < MANY ? ROWS : MOST_ROWS;
    bounded = bounded(p, in, to);
    // The backward pass computes plain scores: what it follows has to be of those, to the bit.
    boolean many = (long) p.queries() * p.keys() >= LEAST_PAIRED;
    boolean last = bounded && lse == null;
    scores =
        last && rounded && code.rounds()
            ? Scores.ROUNDED
            : last && many && code.paired(p.headDim()) ? Scores.PAIRED : Scores.PLAIN;
    panels = new HeadPanels(code, p.keys(), p.headDim(), true, scores == Scores.ROUNDED);
    packed =
        NativeScratch.get(NativeScratch.Part.PANELS, Math.multiplyExact(p.heads(), headBytes()));
    alike = () -> new AttentionForward(workers, code, p, batch, in, weights, to, false);
    columns = new float[columnMap == null ? 0 : Math.multiplyExact(p.heads(), p.queries())];
  }

  /** Whether scores can be bounded beforehand, and nothing but the result is wanted of them. */
  static boolean bounded(AttentionProblem p, Inputs in, Results to) {
    return in.mask() == null && !p.causal() && to.columnMap() == null && p.keys() > 1;
  }

  private long headBytes() {
    return panels.acrossBytes() + panels.downBytes();
  }

  long keysAt(int head) {
    return head * headBytes();
  }

  long valuesAt(int head) {
    return head * headBytes() + panels.acrossBytes();
  }

  long at(Strides s, int head, int token) {
    return batch * s.batch() + head * s.head() + token * s.token();
  }

  /** Lays out keys and values; the greatest lengths of keys by head and block, if needed. */
  private float[] pack() {
    int blocks = panels.blocks();
    float[] lengths = new float[bounded ? Math.multiplyExact(p.heads(), blocks) : 0];
    workers.run(
        Math.multiplyExact(p.heads(), blocks),
        task -> {
          int head = task / blocks;
          long firstKey = at(p.k(), head, 0);
          long firstValue = at(p.v(), head, 0);
          RightMatrix keys = new RightMatrix(k, DType.F32, firstKey, p.k().token(), true);
          RightMatrix values = new RightMatrix(v, DType.F32, firstValue, p.v().token(), false);
          NativeRows surplus = scores == Scores.PAIRED ? surplus(head, task % blocks) : null;
          panels.packAcross(keys, task % blocks, packed, keysAt(head), surplus);
          Reference.reachabilityFence(surplus);
          panels.packDown(values, task % blocks, packed, valuesAt(head));
          if (bounded) {
            int block = task % blocks;
            lengths[task] = longest(code, keys(head, block), panels.count(block), p.headDim());
          }
        });
    return lengths;
  }

  private int tiles() {
    return Math.ceilDiv(p.queries(), rows);
  }

  private OnlineTile online(int task) {
    int first = task % tiles() * rows;
    return new OnlineTile(this, task / tiles(), first, Math.min(rows, p.queries() - first));
  }

  void run() {
    float[] lengths = pack();
    int blocks = panels.blocks();
    int tiles = tiles();
    boolean[] @Nullable [] again = new boolean[Math.multiplyExact(p.heads(), tiles)][];
    workers.run(
        again.length,
        task -> {
          int head = task / tiles;
          int first = task % tiles * rows;
          int count = Math.min(rows, p.queries() - first);
          float longest = 0;
          for (int block = 0; bounded && block < blocks; block++) {
            longest = Math.max(longest, lengths[head * blocks + block]); // NaN stays
          }
          boolean taken = bounded && BoundedTile.takes(scores, longest);
          boolean[] left = taken ? new BoundedTile(this, head, first, count).run(longest) : null;
          if (taken && left == null) {
            return;
          }
          if (scores == Scores.ROUNDED) {
            again[task] = left != null ? left : all(count);
          } else {
            online(task).run(left);
          }
        });
    if (Arrays.stream(again).anyMatch(Objects::nonNull)) {
      alike.get().only(again, rows);
    }
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

  /**
   * Computes only the rows that another way left.
   *
   * @param left by its tasks, head after head: which of a task's queries; null if none
   * @param each queries of such a task
   */
  void only(boolean[] @Nullable [] left, int each) {
    pack();
    int tiles = tiles();
    int tasks = Math.ceilDiv(p.queries(), each);
    workers.run(
        Math.multiplyExact(p.heads(), tiles),
        task -> {
          int first = task % tiles * rows;
          boolean[] wanted = new boolean[Math.min(rows, p.queries() - first)];
          boolean any = false;
          for (int i = 0; i < wanted.length; i++) {
            boolean[] part = left[task / tiles * tasks + (first + i) / each];
            wanted[i] = part != null && part[(first + i) % each];
            any |= wanted[i];
          }
          if (any) {
            online(task).run(wanted);
          }
        });
    Reference.reachabilityFence(packed);
  }

  private static boolean[] all(int count) {
    boolean[] all = new boolean[count];
    Arrays.fill(all, true);
    return all;
  }

  private NativeRows keys(int head, int block) {
    long first = 4 * at(p.k(), head, block * HeadPanels.BLOCK);
    return new NativeRows(k, first, 4 * p.k().token());
  }

  /** What {@link PairSums} adds too much for each key of a block. */
  private NativeRows surplus(int head, int block) {
    int count = panels.count(block);
    NativeRows surplus = NativeRows.scratch(1, PairCode.bytes(count))[0];
    code.pairs(keys(head, block), count, p.headDim(), surplus);
    return surplus;
  }

  /** The greatest length of some keys as vectors; NaN if one of them has it. */
  static float longest(AttentionKit code, NativeRows keys, int count, int dim) {
    NativeRows squares = NativeRows.scratch(1, LengthCode.bytes(count))[0];
    code.squares(keys, count, dim, squares);
    float greatest = 0;
    for (int i = 0; i < count; i++) {
      greatest = Math.max(greatest, squares.memory().get(Numbers.FLOAT, squares.at() + 4L * i));
    }
    return length(greatest);
  }

  /** A little more than the length of a vector whose squares have a sum that was rounded. */
  static float length(float squares) {
    return (float) Math.sqrt(squares) * 1.001f;
  }
}
