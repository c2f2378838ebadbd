package dev.viridian.diffusion.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.diffusion.text.BytePairs.Merge;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.function.IntUnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BytePairsTest {
  private static final int LETTERS = 3;

  /** Counts the pairs that are looked up. */
  private static final class Counted extends HashMap<Long, Merge> {
    private static final long serialVersionUID = 1L;
    long lookups;

    @Override
    public Merge get(Object pair) {
      lookups++;
      return super.get(pair);
    }
  }

  /** Letters 0 to 2; every pair of tokens of up to 2^10 letters of a kind, and some mixed ones. */
  private static <M extends Map<Long, Merge>> M merges(M merges) {
    int next = LETTERS;
    int rank = 0;
    for (int letter = 0; letter < LETTERS; letter++) {
      int half = letter;
      for (int level = 0; level < 10; level++) {
        merges.put(BytePairs.pair(half, half), new Merge(rank++, next));
        half = next++;
      }
    }
    merges.put(BytePairs.pair(0, 1), new Merge(rank++, next++));
    merges.put(BytePairs.pair(1, 2), new Merge(rank++, next++));
    merges.put(BytePairs.pair(next - 2, 2), new Merge(rank, next));
    return merges;
  }

  /** The rule word for word: find the best pair, merge, start again. */
  private static int[] plainly(int[] word, Map<Long, Merge> merges) {
    int[] ids = word.clone();
    int n = ids.length;
    while (true) {
      int at = -1;
      Merge best = null;
      for (int i = 0; i + 1 < n; i++) {
        Merge merge = merges.get(BytePairs.pair(ids[i], ids[i + 1]));
        if (merge != null && (best == null || merge.rank() < best.rank())) {
          best = merge;
          at = i;
        }
      }
      if (best == null) {
        return Arrays.copyOf(ids, n);
      }
      ids[at] = best.id();
      System.arraycopy(ids, at + 2, ids, at + 1, n - at - 2);
      n--;
    }
  }

  private static int[] word(int length, IntUnaryOperator letter) {
    int[] ids = new int[length];
    Arrays.setAll(ids, letter);
    return ids;
  }

  @Test
  void mergesAsTheRuleSays() {
    Map<Long, Merge> merges = merges(new HashMap<>());
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int i = 0; i < 300; i++) {
      int[] word = word(random.nextInt(40), at -> random.nextInt(LETTERS));
      int[] expected = plainly(word, merges);
      int[] ids = word.clone();
      int count = new BytePairs(merges).merge(ids, ids.length);
      assertArrayEquals(expected, Arrays.copyOf(ids, count), () -> "seed " + seed);
    }
  }

  /** Each merge looks at the pair it takes and at two new neighbours, whatever the length. */
  @ParameterizedTest
  @ValueSource(ints = {1_000, 100_000})
  void aWordCostsAFewLookupsALetter(int length) {
    for (IntUnaryOperator letters :
        new IntUnaryOperator[] {i -> 0, i -> i % 2, i -> i % LETTERS, i -> i / 3 % LETTERS}) {
      Counted merges = merges(new Counted());
      int[] ids = word(length, letters);
      int count = new BytePairs(merges).merge(ids, length);
      assertTrue(count < length);
      assertTrue(merges.lookups <= 8L * length, () -> merges.lookups + " for " + length);
    }
  }

  @Test
  void nothingToMerge() {
    assertEquals(0, new BytePairs(Map.of()).merge(new int[0], 0));
    assertEquals(2, new BytePairs(Map.of()).merge(new int[] {7, 7}, 2));
  }
}
