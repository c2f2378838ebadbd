package dev.viridian.engine.io;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/**
 * Weights that need no file: every tensor is a pure function of its name and shape, so that a model
 * of any size can be filled, and what it computes be compared, anywhere.
 *
 * <pre>
 * h(key)   = FNV-1a, 64 bit, over the UTF-8 bytes of the key
 * z(key,i) = splitmix64 finaliser of h + (i+1)·0x9E3779B97F4A7C15, i the row-major element index
 * r(key,i) = (z &gt;&gt;&gt; 40)·2⁻²³ − 1                    in [−1, 1), exact in float
 * value    = scale·r + offset                     two float operations
 * </pre>
 *
 * <p>Scale and offset follow from the last part of the key and from the rank: batch-norm statistics
 * 0.1·r and 1 + 0.5·r, embeddings 0.1·r, norm weights 1 + 0.1·r, biases 0.05·r, and everything of
 * rank ≥ 2 gain·√(3/fan_in)·r with fan_in the product of all sizes but the first, which has unit
 * variance for gain 1. Stateless and thread-safe.
 */
public final class FormulaWeights {
  private static final long STEP = 0x9E3779B97F4A7C15L;
  private static final int BLOCK = 4096;

  private FormulaWeights() {}

  /** FNV-1a, 64 bit, over the UTF-8 bytes of {@code text}. */
  public static long fnv1a64(String text) {
    long h = 0xCBF29CE484222325L;
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      h = (h ^ (b & 0xff)) * 0x100000001B3L;
    }
    return h;
  }

  /** {@code n} values in [−1, 1) that depend on {@code key} alone. */
  public static float[] uniform(String key, int n) {
    float[] out = new float[n];
    uniform(fnv1a64(key), 0, out, n);
    return out;
  }

  /** r(key, first…first+n) into out[0…n). */
  private static void uniform(long h, long first, float[] out, int n) {
    for (int i = 0; i < n; i++) {
      long z = h + (first + i + 1) * STEP;
      z ^= z >>> 30;
      z *= 0xBF58476D1CE4E5B9L;
      z ^= z >>> 27;
      z *= 0x94D049BB133111EBL;
      z ^= z >>> 31;
      out[i] = (int) (z >>> 40) * 0x1p-23f - 1f;
    }
  }

  /** The type of the tensor of that name: I64 for counters and position ids, else F32. */
  public static FileType type(String key) {
    return key.endsWith("num_batches_tracked") || key.endsWith("position_ids")
        ? FileType.I64
        : FileType.F32;
  }

  /**
   * Computes a tensor.
   *
   * @param key the tensor's name, which with the rank decides scale and offset
   * @param shape its sizes, slowest first, in the order of weight files ([out, in, kh, kw])
   * @param prefix put before the key where the values are drawn, so that equal keys of two models
   *     differ
   * @param gain factor on the scale of tensors of rank ≥ 2
   * @param dest where to write, row-major, of exactly the tensor's size in {@link #type}
   */
  public static void fill(
      String key, long[] shape, String prefix, double gain, MemorySegment dest) {
    long bytes = elements(shape) * type(key).bytes();
    if (dest.byteSize() != bytes) {
      throw new IllegalArgumentException(
          "FormulaWeights.fill: dest has "
              + dest.byteSize()
              + " bytes, "
              + key
              + " takes "
              + bytes);
    }
    fill(key, shape, prefix, gain, 0, dest);
  }

  /**
   * Computes a part of a tensor: as many elements as {@code dest} takes, from the {@code first}.
   *
   * @param first row-major index of the first element to compute
   * @param dest where to write, a multiple of the size of {@link #type}
   */
  public static void fill(
      String key, long[] shape, String prefix, double gain, long first, MemorySegment dest) {
    FileType type = type(key);
    long n = dest.byteSize() / type.bytes();
    if (first < 0 || n > elements(shape) - first || n * type.bytes() != dest.byteSize()) {
      throw new IllegalArgumentException(
          "FormulaWeights.fill: "
              + dest.byteSize()
              + " bytes from element "
              + first
              + " of "
              + key
              + ", which has "
              + elements(shape));
    }
    if (type == FileType.I64) {
      boolean positions = key.endsWith("position_ids");
      for (long i = 0; i < n; i++) {
        dest.set(ValueLayout.JAVA_LONG_UNALIGNED, i * Long.BYTES, positions ? first + i : 0);
      }
      return;
    }
    float scale = (float) scale(key, shape, gain);
    float offset = offset(key, shape);
    long h = fnv1a64(prefix + key);
    float[] block = new float[(int) Math.min(BLOCK, n)];
    for (long done = 0; done < n; done += BLOCK) {
      int count = (int) Math.min(BLOCK, n - done);
      uniform(h, first + done, block, count);
      for (int i = 0; i < count; i++) {
        block[i] = scale * block[i] + offset;
      }
      MemorySegment.copy(
          block, 0, dest, ValueLayout.JAVA_FLOAT_UNALIGNED, done * Float.BYTES, count);
    }
  }

  private static long elements(long[] shape) {
    long n = 1;
    for (long size : shape) {
      n = Math.multiplyExact(n, size);
    }
    return n;
  }

  private static String last(String key) {
    return key.substring(key.lastIndexOf('.') + 1);
  }

  private static boolean isEmbedding(String key) {
    return key.endsWith("token_embedding.weight")
        || key.endsWith("position_embedding.weight")
        || key.endsWith("class_embedding");
  }

  private static double scale(String key, long[] shape, double gain) {
    if (last(key).equals("running_mean") || isEmbedding(key)) {
      return 0.1;
    }
    if (last(key).equals("running_var")) {
      return 0.5;
    }
    if (shape.length <= 1) {
      return last(key).equals("weight") ? 0.1 : 0.05;
    }
    double fanIn = 1;
    for (int i = 1; i < shape.length; i++) {
      fanIn *= shape[i];
    }
    return gain * Math.sqrt(3 / fanIn);
  }

  private static float offset(String key, long[] shape) {
    boolean norm = shape.length <= 1 && last(key).equals("weight") && !isEmbedding(key);
    return norm || last(key).equals("running_var") ? 1 : 0;
  }
}
