package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * What is added to scores, and which of them are hidden, in one picture.
 *
 * @param mask additive, of a size that has been checked; null for none
 */
record AttentionMask(AttentionProblem p, int batch, @Nullable MemorySegment mask) {
  static AttentionMask of(AttentionProblem p, int batch, @Nullable Buffer mask) {
    return new AttentionMask(p, batch, mask == null ? null : HostBuffer.of(mask));
  }

  /** Applies it to rows of queries from {@code query} on, with columns of keys. */
  void apply(NativeRows scores, int head, int query, int count, int key, int width) {
    boolean hides = p.causal() && key + width > query + 1;
    for (int i = 0; i < count && (mask != null || hides); i++) {
      for (int j = 0; mask != null && j < width; j++) {
        add(scores, i, j, head, query + i, key + j);
      }
      int visible = p.causal() ? Math.clamp(query + i + 1L - key, 0, width) : width;
      hide(scores, i, visible, width);
    }
  }

  /** Applies it to rows of keys from {@code key} on, with columns of queries. */
  void applyTurned(NativeRows scores, int head, int key, int count, int query, int width) {
    boolean hides = p.causal() && key + count > query + 1;
    for (int j = 0; j < count && (mask != null || hides); j++) {
      for (int i = 0; mask != null && i < width; i++) {
        add(scores, j, i, head, query + i, key + j);
      }
      hide(scores, j, 0, p.causal() ? Math.clamp((long) key + j - query, 0, width) : 0);
    }
  }

  private void add(NativeRows scores, int row, int column, int head, int query, int key) {
    MemorySegment from = mask;
    if (from != null) {
      long picture = batch * p.mask().batch() + head * p.mask().head();
      float shift = Numbers.get(from, picture + query * p.mask().token() + key);
      long at = scores.at() + row * scores.step() + 4L * column;
      scores.memory().set(JAVA_FLOAT, at, scores.memory().get(JAVA_FLOAT, at) + shift);
    }
  }

  private static void hide(NativeRows scores, int row, int from, int to) {
    long at = scores.at() + row * scores.step();
    for (int i = from; i < to; i++) {
      scores.memory().set(JAVA_FLOAT, at + 4L * i, Float.NEGATIVE_INFINITY);
    }
  }
}
