package dev.viridian.engine.random;

/** The Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998), as raw 32-bit numbers. */
final class Mt19937 {
  /** Words of state. */
  static final int N = 624;

  private static final int M = 397;

  private final int[] words;
  private int next;

  /** {@code init_genrand(seed)}. */
  Mt19937(int seed) {
    words = new int[N];
    words[0] = seed;
    for (int i = 1; i < N; i++) {
      words[i] = 1812433253 * (words[i - 1] ^ (words[i - 1] >>> 30)) + i;
    }
    next = N;
  }

  /** Continues from copied-out {@link #words()} and {@link #next()}. */
  Mt19937(int[] words, int next) {
    this.words = words.clone();
    this.next = next;
  }

  int[] words() {
    return words.clone();
  }

  /** Index of the next unused word; {@link #N} when the state is to be refilled first. */
  int next() {
    return next;
  }

  /** The next 32 bits. */
  int nextInt() {
    if (next == N) {
      refill();
    }
    int y = words[next++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return y ^ (y >>> 18);
  }

  private void refill() {
    for (int i = 0; i < N; i++) {
      int y = (words[i] & 0x80000000) | (words[(i + 1) % N] & 0x7fffffff);
      words[i] = words[(i + M) % N] ^ (y >>> 1) ^ ((y & 1) == 0 ? 0 : 0x9908b0df);
    }
    next = 0;
  }
}
