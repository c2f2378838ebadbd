package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.AttentionKernels.Inputs;
import dev.viridian.kernels.AttentionKernels.Results;
import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.AttentionProblem.Strides;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.cpu.reference.ReferenceAttention;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The forward pass of attention for one picture in bfloat16 on tiles (AMX): as {@link
 * AttentionForward} with {@link Scores#ROUNDED}, tile by tile an {@link AmxTile}. All sizes have
 * been checked.
 */
final class AmxAttention {
  /** From so many queries on a task has more: keys and values are read less often. */
  private static final int MANY = 2048;

  /** Panels that a task lays out. */
  private static final int PACKED = 8;

  /** In the trial values are below 1; a weight's last bit may differ. */
  private static final float MOST_APART = 0x1p-7f;

  private final Workers workers;
  final AttentionKit code;

  /** {@link AmxAttentionCode} that does not clamp, and that does. */
  final Code[] pages;

  final AttentionProblem p;
  final int batch;
  private final Inputs in;
  private final Results to;
  final MemorySegment q;
  final MemorySegment k;
  final MemorySegment v;
  final MemorySegment out;
  final AmxPanels panels;
  final MemorySegment packed;

  /** Queries of a task. */
  final int rows;

  /** A pass; only if it {@link #takes} the problem. */
  AmxAttention(
      Workers workers, AttentionKit code, AttentionProblem p, int batch, Inputs in, Results to) {
    this.workers = workers;
    this.code = code;
    pages = new Code[] {code.tiles(p.headDim(), false), code.tiles(p.headDim(), true)};
    this.p = p;
    this.batch = batch;
    this.in = in;
    this.to = to;
    q = HostBuffer.of(in.q());
    k = HostBuffer.of(in.k());
    v = HostBuffer.of(in.v());
    out = HostBuffer.of(to.out());
    rows = (p.queries() < MANY ? 1 : 3) * AmxAttentionCode.ROWS;
    panels = new AmxPanels(code, p.keys(), p.headDim());
    packed =
        NativeScratch.get(NativeScratch.Part.PANELS, Math.multiplyExact(p.heads(), headBytes()));
  }

  /** Whether a problem whose scores may be rounded goes this way. */
  static boolean takes(AttentionKit code, AttentionProblem p, Inputs in, Results to) {
    return AttentionForward.bounded(p, in, to)
        && to.lse() == null
        && code.tiles(p.headDim(), false) != null
        && code.tiles(p.headDim(), true) != null
        && code.trustsTiles(() -> fault(code));
  }

  /**
   * What is wrong with all of it together on a small problem (two heads of 24 values, a last tile
   * of queries and a last panel of keys that are not whole), against plain loops; null if nothing.
   * In this thread alone: whoever waits for the trial may hold what other threads need.
   */
  static @Nullable String fault(AttentionKit code) {
    AttentionProblem small = AttentionProblem.blhd(1, 2, 40, 50, 24);
    int queries = 40 * 48;
    try (Arena arena = Arena.ofConfined();
        Workers one = new Workers(1)) {
      HostBuffer q = new HostBuffer(arena.allocate(4L * queries, 64));
      HostBuffer kv = new HostBuffer(arena.allocate(4L * 50 * 48, 64));
      Trial.fill(q.segment(), 37);
      Trial.fill(kv.segment(), 53);
      HostBuffer expected = new HostBuffer(arena.allocate(4L * queries, 64));
      HostBuffer actual = new HostBuffer(arena.allocate(4L * queries, 64));
      Inputs in = new Inputs(q, kv, kv);
      new ReferenceAttention(one).forwardRounded(small, in, new Results(expected));
      new AmxAttention(one, code, small, 0, in, new Results(actual)).run();
      for (int i = 0; i < queries; i++) {
        float e = expected.segment().getAtIndex(JAVA_FLOAT, i);
        float a = actual.segment().getAtIndex(JAVA_FLOAT, i);
        if (!(Math.abs(a - e) <= MOST_APART)) {
          return "value " + i + " is " + a + ", expected " + e;
        }
      }
      return null;
    }
  }

  private long headBytes() {
    return panels.keyBytes() + panels.valueBytes();
  }

  long keysAt(int head) {
    return head * headBytes();
  }

  long valuesAt(int head) {
    return head * headBytes() + panels.keyBytes();
  }

  long at(Strides s, int head, int token) {
    return batch * s.batch() + head * s.head() + token * s.token();
  }

  /** Lays out keys and values; the greatest length of each head's keys, NaN if one has it. */
  private float[] pack() {
    int tasks = Math.ceilDiv(panels.panels(), PACKED);
    float[] lengths = new float[Math.multiplyExact(p.heads(), tasks)];
    workers.run(
        lengths.length,
        task -> {
          int head = task / tasks;
          int first = task % tasks * PACKED;
          int end = Math.min(first + PACKED, panels.panels());
          long firstKey = at(p.k(), head, 0);
          long firstValue = at(p.v(), head, 0);
          RightMatrix keys = new RightMatrix(k, DType.F32, firstKey, p.k().token(), true);
          RightMatrix values = new RightMatrix(v, DType.F32, firstValue, p.v().token(), false);
          for (int panel = first; panel < end; panel++) {
            panels.packKeys(keys, panel, packed, keysAt(head));
            panels.packValues(values, panel, packed, valuesAt(head));
          }
          int key = first * AmxAttentionCode.KEYS;
          int count = Math.min(end * AmxAttentionCode.KEYS, p.keys()) - key;
          NativeRows rowsOfKeys = new NativeRows(k, 4 * at(p.k(), head, key), 4 * p.k().token());
          lengths[task] = AttentionForward.longest(code, rowsOfKeys, count, p.headDim());
        });
    float[] longest = new float[p.heads()];
    for (int i = 0; i < lengths.length; i++) {
      longest[i / tasks] = Math.max(longest[i / tasks], lengths[i]); // NaN stays
    }
    return longest;
  }

  void run() {
    float[] longest = pack();
    int tiles = Math.ceilDiv(p.queries(), rows);
    boolean[] @Nullable [] again = new boolean[Math.multiplyExact(p.heads(), tiles)][];
    workers.run(
        again.length,
        task -> {
          int head = task / tiles;
          int first = task % tiles * rows;
          int count = Math.min(rows, p.queries() - first);
          again[task] = new AmxTile(this, head, first, count).run(longest[head]);
        });
    Reference.reachabilityFence(packed);
    if (Arrays.stream(again).anyMatch(Objects::nonNull)) {
      new AttentionForward(workers, code, p, batch, in, null, to, false).only(again, rows);
    }
  }
}
