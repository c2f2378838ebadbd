package dev.viridian.kernels;

/**
 * Philox 4×32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3; SC
 * 2011): ten rounds of multiplying and mixing turn a counter of four words and a key of two into
 * four random words.
 */
public final class Philox {
  private static final int ROUNDS = 10;
  private static final long MULTIPLIER_0 = 0xD2511F53L;
  private static final long MULTIPLIER_1 = 0xCD9E8D57L;
  private static final int WEYL_0 = 0x9E3779B9;
  private static final int WEYL_1 = 0xBB67AE85;

  private Philox() {}

  /**
   * The four words of a block.
   *
   * @param counter low word first, int [4]
   * @param key low word first, int [2]
   */
  public static int[] block(int[] counter, int[] key) {
    int[] words = new int[4];
    block(counter[0], counter[1], counter[2], counter[3], key[0], key[1], words);
    return words;
  }

  /**
   * Block number {@code block} of the stream {@code seed}: the counter is (low word of block, high
   * word of block, 0, 0), the key (low word of seed, high word of seed).
   *
   * @param words int [4], written
   */
  public static void block(long seed, long block, int[] words) {
    block((int) block, (int) (block >>> 32), 0, 0, (int) seed, (int) (seed >>> 32), words);
  }

  private static void block(int c0, int c1, int c2, int c3, int k0, int k1, int[] words) {
    for (int round = 0; round < ROUNDS; round++) {
      long product0 = MULTIPLIER_0 * Integer.toUnsignedLong(c0);
      long product1 = MULTIPLIER_1 * Integer.toUnsignedLong(c2);
      c0 = (int) (product1 >>> 32) ^ c1 ^ k0;
      c1 = (int) product1;
      c2 = (int) (product0 >>> 32) ^ c3 ^ k1;
      c3 = (int) product0;
      k0 += WEYL_0;
      k1 += WEYL_1;
    }
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;
  }
}
