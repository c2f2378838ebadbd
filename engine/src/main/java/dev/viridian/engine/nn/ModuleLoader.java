package dev.viridian.engine.nn;

import dev.viridian.engine.Device;
import dev.viridian.engine.InputException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.io.FileType;
import dev.viridian.engine.io.TensorInfo;
import dev.viridian.engine.io.WeightSource;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.Precision;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
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
    load(module, source, device, dtype, Precisions.NONE);
  }

  /** Says for which precision of its products a weight is packed. */
  @FunctionalInterface
  public interface Precisions {
    /** Nothing is packed. */
    Precisions NONE = (name, parameter) -> null;

    /**
     * What bytes may lose ({@link dev.viridian.kernels.PackedKernels#lost}): about twice what they
     * lose of normally distributed numbers.
     */
    double MOST_LOST = 0.02;

    /** That of a parameter, by its dotted name; null if it stays as it is. */
    @Nullable Precision of(String name, Parameter parameter);

    /** A weight of which bytes lose more than this is kept in a higher precision. */
    default double mostLost() {
      return MOST_LOST;
    }
  }

  /**
   * Loads all parameters, and packs those for which a precision is said, where the device has such
   * products ({@link Parameter#packing}): their numbers are not kept beside the packed form. Such a
   * module computes forward only. A weight that would lose too much as bytes is packed as bfloat16,
   * or kept as it is where the device has no products of that ({@link PackedLayers} says which).
   *
   * @throws InputException if a key is missing, unexpected, or has another shape or type than
   *     expected; nothing is bound then
   */
  public static void load(
      Module module,
      WeightSource source,
      Device device,
      @Nullable DType dtype,
      Precisions precisions) {
    check(module, source);
    bind(module, source, device, dtype, precisions, name -> true);
  }

  /**
   * Loads some parameters of a module that was {@link #check checked}: those that are wanted and
   * have no numbers yet. If that fails, the module is closed.
   *
   * @param wanted by dotted name
   */
  public static void bind(
      Module module,
      WeightSource source,
      Device device,
      @Nullable DType dtype,
      Predicate<String> wanted) {
    bind(module, source, device, dtype, Precisions.NONE, wanted);
  }

  private static void bind(
      Module module,
      WeightSource source,
      Device device,
      @Nullable DType dtype,
      Precisions precisions,
      Predicate<String> wanted) {
    try (MemoryScope scope = MemoryScope.open();
        ParameterReader reader = new ParameterReader(source, device, dtype)) {
      for (Map.Entry<String, Parameter> e : module.parameters().entrySet()) {
        if (e.getValue().isBound() || !wanted.test(e.getKey())) {
          continue;
        }
        Tensor value = reader.read(e.getKey(), e.getValue());
        e.getValue().bind(scope.detach(value.named(e.getKey())));
        Precision precision = precisions.of(e.getKey(), e.getValue());
        PackedWeight packing = precision == null ? null : e.getValue().packing(precision);
        if (packing != null && device.kernels().packed().offers(packing.precision())) {
          e.getValue().pack(packing, precisions.mostLost());
        }
      }
    } catch (RuntimeException | Error e) {
      module.close();
      throw e;
    }
  }

  /**
   * Compares a module with what it shall be loaded from.
   *
   * @throws InputException if a key is missing, unexpected, or has another shape or type than
   *     expected
   */
  public static void check(Module module, WeightSource source) {
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
}
