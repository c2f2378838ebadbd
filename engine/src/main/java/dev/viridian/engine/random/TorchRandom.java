package dev.viridian.engine.random;

import dev.viridian.engine.InputException;
import java.math.BigInteger;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * PyTorch's CPU generator, {@code torch.Generator("cpu").manual_seed(seed)}: the same seed and the
 * same calls draw the same numbers.
 *
 * <p>Whole numbers, {@code rand} and {@code randperm} are equal bit for bit. Normal draws are
 * computed in double and rounded once; PyTorch's vector kernels use single-precision approximations
 * of log, sin and cos and are up to 1.5e-6 away.
 *
 * <p><b>Seeds.</b> The engine takes the low 32 bits: 2<sup>32</sup>+5 draws what 5 draws, and -1
 * what 2<sup>32</sup>-1 draws.
 *
 * <p><b>How many values are asked for at once matters.</b> Fewer than 16 normal values are made
 * pair by pair in double precision, and the second value of a pair is kept for the next such call;
 * 16 or more are made in blocks of 16 from single-precision uniforms. So {@code randn(17)} shares
 * only its first value with {@code randn(16)}.
 *
 * <p>Not safe for use by several threads at once.
 */
public final class TorchRandom {
  /** From this many values on, normal draws go by blocks of this many. */
  private static final int BLOCK = 16;

  private static final BigInteger TWO_64 = BigInteger.ONE.shiftLeft(64);

  private long seed;
  private Mt19937 engine;

  /** The second normal value of a pair, waiting for the next small draw. */
  private @Nullable Double kept;

  /**
   * A generator seeded as by {@code manual_seed}.
   *
   * @param seed the 64 bits of the seed; negative values stand for themselves plus 2<sup>64</sup>
   */
  public TorchRandom(long seed) {
    this.seed = seed;
    this.engine = new Mt19937((int) seed);
  }

  /** A generator that continues where {@code state} was taken. */
  public TorchRandom(State state) {
    this.seed = state.seed;
    this.engine = new Mt19937(state.words, state.next);
    this.kept = state.kept;
  }

  /**
   * Reads a seed as PyTorch accepts it: a whole number from -2<sup>63</sup> to 2<sup>64</sup>-1.
   *
   * @return its 64 bits
   * @throws InputException for anything else
   */
  public static long parseSeed(String text) {
    BigInteger value;
    try {
      value = text.length() > 30 ? TWO_64 : new BigInteger(text);
    } catch (NumberFormatException e) {
      throw new InputException("seed '" + text + "' is not a whole number", e);
    }
    if (value.compareTo(TWO_64) >= 0 || value.compareTo(BigInteger.valueOf(Long.MIN_VALUE)) < 0) {
      throw new InputException(
          "seed "
              + (text.length() > 30 ? text.substring(0, 30) + "..." : text)
              + " is out of range: expected -2^63 to 2^64-1");
    }
    return value.longValue();
  }

  /** Starts again from a seed; a kept normal value is dropped. */
  public void manualSeed(long newSeed) {
    seed = newSeed;
    engine = new Mt19937((int) newSeed);
    kept = null;
  }

  /** The 64 bits of the seed that the generator was last given (unsigned in PyTorch). */
  public long initialSeed() {
    return seed;
  }

  /** Everything that determines the draws to come. */
  public State state() {
    return new State(seed, engine.words(), engine.next(), kept);
  }

  /** Goes back to a state taken earlier, of this or of another generator. */
  public void restore(State state) {
    seed = state.seed;
    engine = new Mt19937(state.words, state.next);
    kept = state.kept;
  }

  /** The next raw 32 bits of the engine. */
  public int nextInt() {
    return engine.nextInt();
  }

  /** 64 raw bits: two numbers of the engine, the first being the high half. */
  public long nextLong() {
    long high = engine.nextInt();
    return (high << 32) | (engine.nextInt() & 0xffffffffL);
  }

  private float uniformFloat() {
    return (engine.nextInt() & 0xffffff) * 0x1p-24f;
  }

  private double uniformDouble() {
    return (nextLong() & ((1L << 53) - 1)) * 0x1p-53;
  }

  /** {@code torch.rand(n)}: uniform in [0, 1), multiples of 2<sup>-24</sup>. */
  public float[] rand(int n) {
    float[] dst = new float[n];
    for (int i = 0; i < n; i++) {
      dst[i] = uniformFloat();
    }
    return dst;
  }

  /**
   * {@code torch.rand(n, dtype=torch.float64)}: uniform in [0, 1), multiples of 2<sup>-53</sup>.
   */
  public double[] randDouble(int n) {
    double[] dst = new double[n];
    for (int i = 0; i < n; i++) {
      dst[i] = uniformDouble();
    }
    return dst;
  }

  /** {@code dst.uniform_(from, to)}: {@code from + u * (to - from)} with one rounding. */
  public void uniform(float[] dst, float from, float to) {
    if (!(from <= to)) {
      throw new IllegalArgumentException("uniform: expected from <= to, got " + from + " > " + to);
    }
    for (int i = 0; i < dst.length; i++) {
      dst[i] = Math.fma(uniformFloat(), to - from, from);
    }
  }

  /** {@code torch.randn(n)}: normal with mean 0 and deviation 1. */
  public float[] randn(int n) {
    float[] dst = new float[n];
    randn(dst);
    return dst;
  }

  /** {@code torch.randn} of as many values as {@code dst} holds. */
  public void randn(float[] dst) {
    normal(dst, 0, 1);
  }

  /** {@code dst.normal_(mean, std)}. */
  public void normal(float[] dst, double mean, double std) {
    int n = dst.length;
    if (n < BLOCK) {
      for (int i = 0; i < n; i++) {
        dst[i] = (float) (normalPairwise() * std + mean);
      }
      return;
    }
    for (int i = 0; i < n; i++) {
      dst[i] = uniformFloat();
    }
    for (int i = 0; i + BLOCK <= n; i += BLOCK) {
      transform(dst, i, mean, std);
    }
    redrawTail(dst, mean, std);
  }

  /**
   * {@code torch.randn(n, dtype=torch.float16)}: values rounded to binary16. For fewer than 16
   * values and for a multiple of 16 these are {@link #randn(int)} rounded; otherwise the last 16
   * differ, because only full blocks are filled before the last 16 are drawn.
   */
  public float[] randnHalf(int n) {
    float[] dst = new float[n];
    if (n < BLOCK) {
      randn(dst);
    } else {
      for (int i = 0; i < n / BLOCK * BLOCK; i++) {
        dst[i] = uniformFloat();
      }
      for (int i = 0; i + BLOCK <= n; i += BLOCK) {
        transform(dst, i, 0, 1);
      }
      redrawTail(dst, 0, 1);
    }
    for (int i = 0; i < n; i++) {
      dst[i] = Float.float16ToFloat(Float.floatToFloat16(dst[i]));
    }
    return dst;
  }

  /** {@code torch.randn(n, dtype=torch.float64)}. */
  public double[] randnDouble(int n) {
    double[] dst = new double[n];
    if (n < BLOCK) {
      for (int i = 0; i < n; i++) {
        dst[i] = normalPairwise();
      }
      return dst;
    }
    for (int i = 0; i < n; i++) {
      dst[i] = uniformDouble();
    }
    for (int i = 0; i + BLOCK <= n; i += BLOCK) {
      transform(dst, i);
    }
    if (n % BLOCK != 0) {
      for (int i = n - BLOCK; i < n; i++) {
        dst[i] = uniformDouble();
      }
      transform(dst, n - BLOCK);
    }
    return dst;
  }

  /** A length that is no multiple of 16 gets its last 16 values from 16 new uniforms. */
  private void redrawTail(float[] dst, double mean, double std) {
    int n = dst.length;
    if (n % BLOCK == 0) {
      return;
    }
    for (int i = n - BLOCK; i < n; i++) {
      dst[i] = uniformFloat();
    }
    transform(dst, n - BLOCK, mean, std);
  }

  /** Box-Muller over the 16 uniforms from {@code at}, with pairs (j, j + 8). */
  private static void transform(float[] d, int at, double mean, double std) {
    for (int j = at; j < at + BLOCK / 2; j++) {
      double r = radius(d[j]);
      double angle = 2 * Math.PI * d[j + BLOCK / 2];
      d[j] = (float) (r * StrictMath.cos(angle) * std + mean);
      d[j + BLOCK / 2] = (float) (r * StrictMath.sin(angle) * std + mean);
    }
  }

  private static void transform(double[] d, int at) {
    for (int j = at; j < at + BLOCK / 2; j++) {
      double r = radius(d[j]);
      double angle = 2 * Math.PI * d[j + BLOCK / 2];
      d[j] = r * StrictMath.cos(angle);
      d[j + BLOCK / 2] = r * StrictMath.sin(angle);
    }
  }

  private static double radius(double u) {
    return Math.sqrt(-2 * StrictMath.log(1 - u));
  }

  /** The small path: the angle comes from the first uniform, the radius from the second. */
  private double normalPairwise() {
    Double waiting = kept;
    if (waiting != null) {
      kept = null;
      return waiting;
    }
    double angle = 2 * Math.PI * uniformDouble();
    double r = Math.sqrt(-2 * StrictMath.log1p(-uniformDouble()));
    kept = r * StrictMath.sin(angle);
    return r * StrictMath.cos(angle);
  }

  /**
   * {@code torch.randint(low, high, (n,))}: whole numbers from low to high - 1. A range of
   * 2<sup>28</sup> and more takes 64 bits a number, a smaller one 32.
   */
  public long[] randint(long low, long high, int n) {
    long range = high - low;
    if (high <= low) {
      throw new IllegalArgumentException(
          "randint: expected low < high, got low " + low + ", high " + high);
    }
    // high - low of two longs is a correct unsigned number even where it overflows
    boolean wide = Long.compareUnsigned(range, 1L << 28) >= 0;
    long[] dst = new long[n];
    for (int i = 0; i < n; i++) {
      long bits = wide ? nextLong() : engine.nextInt() & 0xffffffffL;
      dst[i] = Long.remainderUnsigned(bits, range) + low;
    }
    return dst;
  }

  /** {@code torch.randperm(n)}: the numbers 0 to n - 1 in random order. */
  public long[] randperm(int n) {
    long[] r = new long[n];
    for (int i = 0; i < n; i++) {
      r[i] = i;
    }
    for (int i = 0; i < n - 1; i++) {
      int j = i + Integer.remainderUnsigned(engine.nextInt(), n - i);
      long swap = r[i];
      r[i] = r[j];
      r[j] = swap;
    }
    return r;
  }

  /**
   * Everything that determines the draws to come; immutable.
   *
   * @param seed what the generator was last seeded with
   * @param words the 624 words of the engine
   * @param next index of the next unused word, 624 when they are used up
   * @param kept the normal value that waits for the next small draw, if there is one
   */
  public record State(long seed, int[] words, int next, @Nullable Double kept) {
    private static final int LENGTH = Mt19937.N + 4;

    /** Copies the words. */
    public State {
      if (words.length != Mt19937.N || next < 0 || next > Mt19937.N) {
        throw new IllegalArgumentException(
            "generator state: expected 624 words and a next index of 0 to 624, got "
                + words.length
                + " words and index "
                + next);
      }
      words = words.clone();
    }

    /** A copy of the words. */
    @Override
    public int[] words() {
      return words.clone();
    }

    /** The state as 628 numbers, for a checkpoint. */
    public long[] toLongs() {
      long[] out = new long[LENGTH];
      out[0] = seed;
      out[1] = next;
      out[2] = kept == null ? 0 : 1;
      out[3] = kept == null ? 0 : Double.doubleToRawLongBits(kept);
      for (int i = 0; i < Mt19937.N; i++) {
        out[4 + i] = words[i] & 0xffffffffL;
      }
      return out;
    }

    /**
     * Reads what {@link #toLongs()} wrote.
     *
     * @throws InputException if the numbers are not such a state
     */
    public static State of(long[] numbers) {
      if (numbers.length != LENGTH
          || numbers[1] < 0
          || numbers[1] > Mt19937.N
          || (numbers[2] & ~1L) != 0) {
        throw new InputException(
            "generator state: expected the 628 numbers of a saved state, found "
                + (numbers.length == LENGTH ? "others" : numbers.length));
      }
      int[] words = new int[Mt19937.N];
      for (int i = 0; i < Mt19937.N; i++) {
        words[i] = (int) numbers[4 + i];
      }
      Double kept = numbers[2] == 0 ? null : Double.valueOf(Double.longBitsToDouble(numbers[3]));
      return new State(numbers[0], words, (int) numbers[1], kept);
    }

    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof State s && Arrays.equals(toLongs(), s.toLongs());
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(toLongs());
    }
  }
}
