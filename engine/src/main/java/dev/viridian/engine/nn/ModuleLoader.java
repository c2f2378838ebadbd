package dev.viridian.engine.nn;

import dev.viridian.engine.Device;
import dev.viridian.engine.InputException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.io.FileType;
import dev.viridian.engine.io.TensorInfo;
import dev.viridian.engine.io.WeightSource;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.kernels.CopyKernels;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Binds a module's parameters to the tensors of a weight source. Everything is checked before
 * anything is bound: each missing, unexpected or misshaped key is named.
 *
 * <p>Weights keep the type they have in the file unless another is asked for. On a device that
 * reads host memory, those that lie in the file as they are used stay mapped; the source must then
 * outlive the module.
 */
public final class ModuleLoader {
  private static final int LISTED = 20;

  private ModuleLoader() {}

  /**
   * Loads all parameters.
   *
   * @param dtype the type to convert floating-point weights to; null to keep theirs
   * @throws InputException if a key is missing, unexpected, or has another shape or type than
   *     expected; nothing is bound then
   */
  public static void load(
      Module module, WeightSource source, Device device, @Nullable DType dtype) {
    check(module, source);
    try (MemoryScope scope = MemoryScope.open()) {
      for (Map.Entry<String, Parameter> e : module.parameters().entrySet()) {
        Tensor value = read(e.getKey(), e.getValue(), source, device, dtype);
        e.getValue().bind(scope.detach(value.named(e.getKey())));
      }
    } catch (RuntimeException | Error e) {
      module.close();
      throw e;
    }
  }

  private static void check(Module module, WeightSource source) {
    List<String> missing = new ArrayList<>();
    List<String> wrong = new ArrayList<>();
    Set<String> unexpected = new LinkedHashSet<>(source.tensors().keySet());
    module
        .parameters()
        .forEach(
            (name, parameter) -> {
              TensorInfo info = source.tensors().get(name);
              unexpected.remove(name);
              if (info == null) {
                missing.add(source.keyOf(name) + " " + parameter.fileShape());
              } else if (!fits(info, parameter) || info.type() == FileType.I64 || isWhole(info)) {
                wrong.add(
                    source.keyOf(name)
                        + ": expected "
                        + parameter.fileShape()
                        + " of F32, F16 or BF16, found "
                        + info.type()
                        + info.shape());
              }
            });
    if (missing.isEmpty() && wrong.isEmpty() && unexpected.isEmpty()) {
      return;
    }
    StringBuilder message = new StringBuilder(source.describe()).append(": ");
    List<String> parts = new ArrayList<>();
    append(parts, "misshaped", wrong);
    append(parts, "missing", missing);
    append(parts, "unexpected", unexpected.stream().map(source::keyOf).toList());
    throw new InputException(message.append(String.join("; ", parts)).toString());
  }

  private static boolean isWhole(TensorInfo info) {
    return switch (info.type()) {
      case F64, F32, F16, BF16 -> false;
      default -> true;
    };
  }

  private static boolean fits(TensorInfo info, Parameter parameter) {
    return info.shape().equals(parameter.fileShape().toList());
  }

  private static void append(List<String> parts, String what, List<String> keys) {
    if (keys.isEmpty()) {
      return;
    }
    String listed = String.join(", ", keys.subList(0, Math.min(LISTED, keys.size())));
    String rest = keys.size() > LISTED ? " and " + (keys.size() - LISTED) + " more" : "";
    parts.add(keys.size() + " " + what + ": " + listed + rest);
  }

  private static Tensor read(
      String name,
      Parameter parameter,
      WeightSource source,
      Device device,
      @Nullable DType wanted) {
    TensorInfo info = source.info(name);
    DType stored = info.type().dtype();
    DType kept = stored == null ? DType.F32 : stored;
    DType dtype = wanted == null ? kept : wanted;
    boolean turned =
        parameter.form() == Parameter.Form.CONVOLUTION
            && parameter.fileShape().range(2, 4) > 1
            && parameter.fileShape().dim(1) > 1;
    TensorSpec spec = new TensorSpec(parameter.shape(), dtype);
    if (stored == dtype && !turned && device.readsHostMemory()) {
      return Tensor.borrow(device, new HostBuffer(source.data(name)), spec);
    }
    // Shared, since the copy below may be divided among threads.
    try (Arena arena = Arena.ofShared()) {
      // Read past the mapping: what is converted or turned must not stay in memory twice.
      MemorySegment bytes = arena.allocate(Math.max(1, info.bytes()), 64).asSlice(0, info.bytes());
      source.read(name, 0, bytes);
      if (info.type() == FileType.F64) {
        bytes = narrow(bytes, arena);
        stored = DType.F32;
      }
      Tensor value = Tensor.empty(device, spec);
      if (stored == dtype && !turned) {
        value.upload(bytes);
        return value;
      }
      // Conversion and turning are one strided copy, done on the CPU.
      Tensor target = device.readsHostMemory() ? value : Tensor.empty(Device.cpu(), spec);
      long[] file = parameter.fileShape().strides();
      List<Long> strides =
          parameter.form() == Parameter.Form.CONVOLUTION
              ? List.of(file[0], file[2], file[3], file[1])
              : parameter.fileShape().stridesList();
      CopyKernels.Copy copy =
          new CopyKernels.Copy(
              parameter.shape().toList(),
              java.util.Objects.requireNonNull(stored),
              0,
              strides,
              dtype,
              0,
              parameter.shape().stridesList());
      target
          .device()
          .kernels()
          .copy()
          .copy(copy, new HostBuffer(bytes), target.buffer("ModuleLoader"));
      if (target != value) {
        value.upload(HostBuffer.of(target.buffer()).asSlice(0, spec.bytes()));
      }
      return value;
    }
  }

  private static MemorySegment narrow(MemorySegment doubles, Arena arena) {
    long n = doubles.byteSize() / Double.BYTES;
    MemorySegment floats = arena.allocate(Math.max(1, n * Float.BYTES), 64);
    for (long i = 0; i < n; i++) {
      floats.setAtIndex(
          java.lang.foreign.ValueLayout.JAVA_FLOAT,
          i,
          (float) doubles.getAtIndex(java.lang.foreign.ValueLayout.JAVA_DOUBLE, i));
    }
    return floats.asSlice(0, n * Float.BYTES);
  }
}
