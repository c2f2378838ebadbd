package dev.viridian.kernels.cpu.vector;

import static dev.viridian.kernels.cpu.vector.VectorMath.FLOATS;

import dev.viridian.kernels.AttentionKernels.Inputs;
import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.AttentionProblem.Strides;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/** What the passes of attention read, for one picture of the batch. */
final class AttentionInputs {
  private static final int LANES = FLOATS.length();

  final AttentionProblem p;
  final int batch;

  /** The picture's column weights and some zeros behind them, so that whole vectors can be read. */
  final float @Nullable [] columnWeights;

  private final MemorySegment q;
  private final MemorySegment k;
  private final MemorySegment v;
  private final @Nullable MemorySegment mask;

  AttentionInputs(AttentionProblem p, Inputs in, int batch) {
    this.p = p;
    this.batch = batch;
    q = HostBuffer.of(in.q());
    k = HostBuffer.of(in.k());
    v = HostBuffer.of(in.v());
    mask = in.mask() == null ? null : HostBuffer.of(in.mask());
    if (in.columnWeights() == null) {
      columnWeights = null;
    } else {
      columnWeights = new float[p.keys() + LANES];
      MemorySegment from = HostBuffer.of(in.columnWeights());
      FloatRuns.readFloats(from, (long) batch * p.keys(), columnWeights, 0, p.keys());
    }
  }

  /** Where a token of this picture begins. */
  long at(Strides strides, int head, int token) {
    return batch * strides.batch() + head * strides.head() + token * strides.token();
  }

  /** Index of a row of scores in [batch, heads, queries]. */
  long row(int head, int query) {
    return ((long) batch * p.heads() + head) * p.queries() + query;
  }

  private MatrixOperand tokens(MemorySegment segment, Strides strides, int head) {
    return TokenPanels.operand(segment, at(strides, head, 0), strides.token());
  }

  MatrixOperand q(int head) {
    return tokens(q, p.q(), head);
  }

  MatrixOperand k(int head) {
    return tokens(k, p.k(), head);
  }

  MatrixOperand v(int head) {
    return tokens(v, p.v(), head);
  }

  /** A tensor that has the strides of out. */
  MatrixOperand likeOut(MemorySegment segment, int head) {
    return tokens(segment, p.out(), head);
  }

  boolean masked() {
    return mask != null;
  }

  /** The additive mask of one score; 0 if there is none. */
  float maskAt(int head, int query, int key) {
    return mask == null ? 0 : Numbers.get(mask, at(p.mask(), head, query) + key);
  }

  /**
   * Adds the mask to the scores of a query with {@code width} keys from {@code key} on, hides those
   * that come after it if attention is causal, and pads with −∞ to whole vectors.
   */
  void maskRow(int head, int query, int key, int width, float[] scores, int from) {
    if (mask != null) {
      long at = at(p.mask(), head, query) + key;
      int j = 0;
      for (; j <= width - LANES; j += LANES) {
        FloatVector.fromArray(FLOATS, scores, from + j)
            .add(Runs.load(mask, at + j))
            .intoArray(scores, from + j);
      }
      for (; j < width; j++) {
        scores[from + j] += Numbers.get(mask, at + j);
      }
    }
    int visible = p.causal() ? Math.clamp(query + 1L - key, 0, width) : width;
    int padded = Math.ceilDiv(width, LANES) * LANES;
    if (visible < padded) {
      Arrays.fill(scores, from + visible, from + padded, Float.NEGATIVE_INFINITY);
    }
  }
}
