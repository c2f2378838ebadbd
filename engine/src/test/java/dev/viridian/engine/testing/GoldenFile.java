package dev.viridian.engine.testing;

import dev.viridian.engine.io.FileType;
import dev.viridian.engine.io.HalfPrecision;
import dev.viridian.engine.io.Safetensors;
import dev.viridian.engine.io.TensorInfo;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.Assumptions;

/** The tensors of one safetensors file of the goldens, copied out as Java arrays. */
public final class GoldenFile implements AutoCloseable {
  private final Path path;
  private final Safetensors file;

  private GoldenFile(Path path, Safetensors file) {
    this.path = path;
    this.file = file;
  }

  /**
   * Opens a file of an area ({@code open("ops", "conv.safetensors")}); the calling test is skipped
   * where it is absent.
   */
  public static GoldenFile open(String area, String name) {
    return open(Golden.file(area, name));
  }

  /** Opens any safetensors file. */
  public static GoldenFile open(Path path) {
    return new GoldenFile(path, Safetensors.open(path));
  }

  /** The names of all tensors, in file order. */
  public Set<String> keys() {
    return file.tensors().keySet();
  }

  /** Whether there is such a tensor. */
  public boolean has(String key) {
    return file.has(key);
  }

  /** The core of the goldens has some of a file's cases: the others are skipped. */
  private TensorInfo info(String key) {
    Assumptions.assumeTrue(
        file.has(key) || !path.startsWith(Golden.ROOT) || !Golden.isPartial(),
        () -> "some of " + Golden.ROOT.relativize(path) + " is not in " + Golden.describe());
    return file.info(key);
  }

  /** The type that the file stores a tensor in. */
  public FileType type(String key) {
    return info(key).type();
  }

  /** The sizes of a tensor, slowest first. */
  public long[] shape(String key) {
    return info(key).dims();
  }

  /** The sizes of a tensor as ints. */
  public int[] dims(String key) {
    return info(key).shape().stream().mapToInt(Math::toIntExact).toArray();
  }

  /** A tensor's bytes as they lie in the file; valid until {@link #close}. */
  public MemorySegment data(String key) {
    return file.data(info(key).name());
  }

  /** A tensor of any type but complex ones, rounded to float where it is F64 or an integer. */
  public float[] floats(String key) {
    TensorInfo info = info(key);
    float[] out = new float[count(key)];
    switch (info.type()) {
      case F64, F32, F16, BF16 -> HalfPrecision.toFloats(info.type(), file.data(key), out);
      default -> {
        for (int i = 0; i < out.length; i++) {
          out[i] = integer(info.type(), file.data(key), i);
        }
      }
    }
    return out;
  }

  /** A tensor of a floating-point type, exactly. */
  public double[] doubles(String key) {
    if (type(key) == FileType.F64) {
      return file.data(key).toArray(ValueLayout.JAVA_DOUBLE_UNALIGNED);
    }
    float[] values = new float[count(key)];
    HalfPrecision.toFloats(type(key), file.data(key), values);
    double[] out = new double[values.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = values[i];
    }
    return out;
  }

  /** A tensor of integers or truth values (0 and 1). */
  public long[] longs(String key) {
    long[] out = new long[count(key)];
    MemorySegment data = file.data(key);
    for (int i = 0; i < out.length; i++) {
      out[i] = integer(type(key), data, i);
    }
    return out;
  }

  /** A tensor of integers or truth values (0 and 1) that fit an int. */
  public int[] ints(String key) {
    long[] values = longs(key);
    int[] out = new int[values.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = Math.toIntExact(values[i]);
    }
    return out;
  }

  /** A tensor of bytes as it is. */
  public byte[] bytes(String key) {
    return data(key).toArray(ValueLayout.JAVA_BYTE);
  }

  private int count(String key) {
    return Math.toIntExact(info(key).elements());
  }

  private static long integer(FileType type, MemorySegment data, long i) {
    return switch (type) {
      case I64 -> data.get(ValueLayout.JAVA_LONG_UNALIGNED, i * Long.BYTES);
      case I32 -> data.get(ValueLayout.JAVA_INT_UNALIGNED, i * Integer.BYTES);
      case I16 -> data.get(ValueLayout.JAVA_SHORT_UNALIGNED, i * Short.BYTES);
      case I8 -> data.get(ValueLayout.JAVA_BYTE, i);
      case U8, BOOL -> data.get(ValueLayout.JAVA_BYTE, i) & 0xff;
      default -> throw new IllegalArgumentException(type + " is no integer type");
    };
  }

  @Override
  public void close() {
    file.close();
  }
}
