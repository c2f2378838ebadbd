package dev.viridian.engine.nn;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.io.FileType;
import dev.viridian.engine.io.TensorInfo;
import dev.viridian.engine.io.WeightSource;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.ops.Contiguous;
import dev.viridian.engine.ops.Permute;
import dev.viridian.kernels.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A module's weights as a file would hold them: to write what was trained. The module must outlive
 * it and not change while it is read. For one thread.
 */
public final class ModuleSource implements WeightSource {
  private final String name;
  private final Map<String, Tensor> values = new LinkedHashMap<>();
  private final Map<String, TensorInfo> infos = new LinkedHashMap<>();
  private Arena arena = Arena.ofConfined();
  private @Nullable String held;
  private MemorySegment bytes = MemorySegment.NULL;

  /**
   * The weights of a module.
   *
   * @param name what to call it in messages
   * @param instead other numbers for some of its parameters, by name, such as moving averages
   */
  public ModuleSource(String name, Module module, Map<String, Tensor> instead) {
    this.name = name;
    module
        .parameters()
        .forEach(
            (key, parameter) -> {
              Tensor value = instead.getOrDefault(key, parameter.value());
              values.put(key, value);
              infos.put(
                  key, new TensorInfo(key, type(value.dtype()), parameter.fileShape().toList()));
            });
  }

  private static FileType type(DType dtype) {
    for (FileType type : FileType.values()) {
      if (type.dtype() == dtype) {
        return type;
      }
    }
    throw new IllegalArgumentException("no file type for " + dtype);
  }

  @Override
  public String describe() {
    return name;
  }

  @Override
  public Map<String, TensorInfo> tensors() {
    return Collections.unmodifiableMap(infos);
  }

  @Override
  public Map<String, String> metadata() {
    return Map.of();
  }

  /** As in the interface; valid until the next tensor is asked for. */
  @Override
  public MemorySegment data(String key) {
    if (!key.equals(held)) {
      TensorInfo info = info(key);
      arena.close();
      arena = Arena.ofConfined();
      bytes = arena.allocate(Math.max(1, info.bytes()), 64).asSlice(0, info.bytes());
      try (MemoryScope scope = MemoryScope.open()) {
        Tensor value = values.get(key);
        boolean turned = value.shape().rank() == 4;
        Tensor own = scope.keep(Contiguous.of(turned ? Permute.of(value, 0, 3, 1, 2) : value));
        own.device().download(own.buffer("ModuleSource"), bytes);
        if (own != value) {
          own.close();
        }
      }
      held = key;
    }
    return bytes;
  }

  @Override
  public void read(String key, long byteOffset, MemorySegment dest) {
    dest.copyFrom(data(key).asSlice(byteOffset, dest.byteSize()));
  }

  @Override
  public void close() {
    arena.close();
  }
}
