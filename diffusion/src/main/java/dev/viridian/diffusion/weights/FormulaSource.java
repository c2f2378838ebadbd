package dev.viridian.diffusion.weights;

import dev.viridian.engine.io.FileType;
import dev.viridian.engine.io.FormulaWeights;
import dev.viridian.engine.io.HalfPrecision;
import dev.viridian.engine.io.TensorInfo;
import dev.viridian.engine.io.WeightSource;
import dev.viridian.kernels.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Weights that are computed from their names when they are asked for ({@link FormulaWeights}): a
 * network of any size without a file. {@link #data} keeps what it computed until {@link #close},
 * {@link #read} keeps nothing. Thread-safe but for {@link #close}.
 */
public final class FormulaSource implements WeightSource {
  /** Elements converted at once. */
  private static final int BLOCK = 1 << 14;

  private final String prefix;
  private final Map<String, TensorInfo> tensors;
  private final Map<String, MemorySegment> computed = new ConcurrentHashMap<>();
  private final Arena arena = Arena.ofShared();

  /**
   * Weights of a network.
   *
   * @param shapes the sizes of each tensor, by name
   * @param prefix put before each name where its numbers are drawn, e.g. {@code "unet."}
   * @param dtype the type of the numbers: F32, or F16 or BF16 to round to
   */
  public FormulaSource(Map<String, List<Long>> shapes, String prefix, DType dtype) {
    if (dtype != DType.F32 && dtype != DType.F16 && dtype != DType.BF16) {
      throw new IllegalArgumentException("FormulaSource: expected F32, F16 or BF16, got " + dtype);
    }
    this.prefix = prefix;
    Map<String, TensorInfo> infos = new LinkedHashMap<>();
    shapes.forEach(
        (name, shape) -> {
          boolean whole = FormulaWeights.type(name) != FileType.F32;
          FileType type = whole ? FormulaWeights.type(name) : FileType.of(dtype);
          infos.put(name, new TensorInfo(name, type, shape));
        });
    this.tensors = Collections.unmodifiableMap(infos);
  }

  /** Weights of one network of a model, drawn as the goldens' scripts draw them. */
  static FormulaSource of(Component component, List<TensorName> names, DType dtype) {
    Map<String, List<Long>> shapes = new LinkedHashMap<>();
    names.forEach(name -> shapes.put(name.name(), name.shape()));
    return new FormulaSource(
        shapes, component.folder() + "." + component.writtenFolderPrefix(), dtype);
  }

  @Override
  public String describe() {
    return "formula weights " + prefix;
  }

  @Override
  public Map<String, TensorInfo> tensors() {
    return tensors;
  }

  @Override
  public Map<String, String> metadata() {
    return Map.of();
  }

  @Override
  public MemorySegment data(String name) {
    TensorInfo info = info(name);
    return computed.computeIfAbsent(
        name,
        key -> {
          MemorySegment out = arena.allocate(info.bytes(), 64);
          read(key, 0, out);
          return out.asReadOnly();
        });
  }

  @Override
  public void read(String name, long byteOffset, MemorySegment dest) {
    TensorInfo info = info(name);
    Objects.checkFromIndexSize(byteOffset, dest.byteSize(), info.bytes());
    int size = info.type().bytes();
    if (byteOffset % size != 0 || dest.byteSize() % size != 0) {
      throw new IllegalArgumentException(
          "read: bytes " + byteOffset + " + " + dest.byteSize() + " cut a number of " + name);
    }
    long first = byteOffset / size;
    if (info.type() == FormulaWeights.type(name)) {
      FormulaWeights.fill(name, info.dims(), prefix, 1, first, dest);
      return;
    }
    long count = dest.byteSize() / size;
    float[] block = new float[(int) Math.min(BLOCK, count)];
    try (Arena scratch = Arena.ofConfined()) {
      MemorySegment floats = scratch.allocate(ValueLayout.JAVA_FLOAT, Math.max(1, block.length));
      for (long done = 0; done < count; done += block.length) {
        int now = (int) Math.min(block.length, count - done);
        float[] values = now == block.length ? block : new float[now];
        FormulaWeights.fill(
            name,
            info.dims(),
            prefix,
            1,
            first + done,
            floats.asSlice(0, (long) now * Float.BYTES));
        MemorySegment.copy(floats, ValueLayout.JAVA_FLOAT, 0, values, 0, now);
        HalfPrecision.fromFloats(values, info.type(), dest.asSlice(done * size));
      }
    }
  }

  @Override
  public void close() {
    arena.close();
  }
}
