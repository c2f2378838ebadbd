package dev.viridian.diffusion.text;

import java.util.Map;
import java.util.PriorityQueue;

/**
 * Byte-pair merging of one word: the neighbouring pair of lowest rank is merged, leftmost first,
 * until no neighbours have a rank. A queue over a linked list keeps this at n log n for a word of n
 * bytes, however long.
 */
final class BytePairs {
  /** What a pair of neighbouring tokens becomes, and how early. */
  record Merge(int rank, int id) {}

  private final Map<Long, Merge> merges;

  /** Merges by {@link #pair(int, int)}. Ranks are unique. */
  BytePairs(Map<Long, Merge> merges) {
    this.merges = merges;
  }

  static long pair(int left, int right) {
    return ((long) left << 32) | (right & 0xffffffffL);
  }

  /** Merges {@code ids[0..n)} in place and returns how many are left, at the front. */
  int merge(int[] ids, int n) {
    int[] next = new int[n];
    int[] previous = new int[n];
    // (rank, position): the lowest rank first, then the leftmost
    PriorityQueue<Long> queue = new PriorityQueue<>();
    for (int i = 0; i < n; i++) {
      next[i] = i + 1;
      previous[i] = i - 1;
      offer(queue, ids, i, next, n);
    }
    for (Long head = queue.poll(); head != null; head = queue.poll()) {
      int at = head.intValue();
      Merge merge = next[at] < n ? merges.get(pair(ids[at], ids[next[at]])) : null;
      if (ids[at] < 0 || merge == null || merge.rank() != (int) (head >> 32)) {
        continue; // a neighbour was merged away since
      }
      int gone = next[at];
      ids[at] = merge.id();
      ids[gone] = -1;
      next[at] = next[gone];
      if (next[at] < n) {
        previous[next[at]] = at;
      }
      offer(queue, ids, at, next, n);
      if (previous[at] >= 0) {
        offer(queue, ids, previous[at], next, n);
      }
    }
    int count = 0;
    for (int i = 0; i < n; i = next[i]) {
      ids[count++] = ids[i];
    }
    return count;
  }

  private void offer(PriorityQueue<Long> queue, int[] ids, int at, int[] next, int n) {
    Merge merge = next[at] < n ? merges.get(pair(ids[at], ids[next[at]])) : null;
    if (merge != null) {
      queue.add(((long) merge.rank() << 32) | at);
    }
  }
}
