package dev.viridian.engine.optim;

import dev.viridian.engine.InputException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.kernels.CopyKernels;
import dev.viridian.kernels.DType;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The named parameters of an optimiser with what it keeps for each: tensors of the parameter's
 * shape, made of zeros with its first gradient, and a count of steps.
 */
final class Slots implements AutoCloseable {
  private final Map<String, Tensor> parameters;
  private final List<String> kinds;
  private final Map<String, List<Tensor>> kept = new LinkedHashMap<>();
  private final Map<String, Long> steps = new LinkedHashMap<>();

  /**
   * Parameters with their kept tensors.
   *
   * @param kinds names of the tensors kept for each
   */
  Slots(Map<String, Tensor> parameters, String... kinds) {
    this.parameters = new LinkedHashMap<>(parameters);
    this.kinds = List.of(kinds);
    this.parameters.forEach(Slots::requireTrainable);
  }

  static void requireTrainable(String name, Tensor parameter) {
    if (parameter.dtype() != DType.F32 || !parameter.isContiguous()) {
      throw new IllegalArgumentException(
          "parameter " + name + ": expected contiguous F32, got " + parameter);
    }
  }

  /** Works on one parameter that has a gradient. */
  @FunctionalInterface
  interface Update {
    /**
     * Updates.
     *
     * @param step its number from 1, for this parameter
     */
    void apply(Tensor parameter, Tensor gradient, List<Tensor> kept, long step);
  }

  /** Updates every parameter that has a gradient, in order. */
  void update(GradientSource gradients, Update update) {
    parameters.forEach(
        (name, parameter) -> {
          Tensor gradient = gradients.get(parameter);
          if (gradient != null) {
            requireGradient(name, parameter, gradient);
            long step = steps.merge(name, 1L, Long::sum);
            update.apply(parameter, gradient, kept(name, parameter), step);
          }
        });
  }

  static void requireGradient(String name, Tensor parameter, Tensor gradient) {
    if (!gradient.shape().equals(parameter.shape())
        || gradient.dtype() != DType.F32
        || !gradient.isContiguous()) {
      throw new IllegalArgumentException(
          "gradient of "
              + name
              + ": expected contiguous F32 "
              + parameter.shape()
              + ", got "
              + gradient);
    }
  }

  private List<Tensor> kept(String name, Tensor parameter) {
    return kept.computeIfAbsent(
        name, n -> kinds.stream().map(k -> unscopedZeros(parameter).named(n + "." + k)).toList());
  }

  /** Zeros like a tensor, beyond any scope. */
  static Tensor unscopedZeros(Tensor like) {
    try (MemoryScope scope = MemoryScope.open()) {
      return scope.detach(Tensors.zeros(like.device(), like.shape()));
    }
  }

  /** Copies contiguous F32 of the same shape. */
  static void copy(Tensor source, Tensor target) {
    long n = target.elements();
    CopyKernels.Copy p =
        new CopyKernels.Copy(List.of(n), DType.F32, 0, List.of(1L), DType.F32, 0, List.of(1L));
    target.device().kernels().copy().copy(p, source.buffer("copy"), target.buffer("copy"));
  }

  Map<String, Tensor> state() {
    Map<String, Tensor> state = new LinkedHashMap<>();
    kept.forEach(
        (name, tensors) -> {
          for (int i = 0; i < kinds.size(); i++) {
            state.put(name + "." + kinds.get(i), tensors.get(i));
          }
        });
    return state;
  }

  Map<String, Long> steps() {
    return Map.copyOf(steps);
  }

  /** Takes up an earlier state; nothing changes if it does not fit. */
  void restore(Map<String, Tensor> state, Map<String, Long> counts) {
    int expected = 0;
    for (Map.Entry<String, Long> count : counts.entrySet()) {
      Tensor parameter = parameters.get(count.getKey());
      if (parameter == null || count.getValue() < 1) {
        throw new InputException(
            "optimiser state: "
                + count.getValue()
                + " steps of parameter "
                + count.getKey()
                + (parameter == null ? ", which is not trained" : ""));
      }
      for (String kind : kinds) {
        String key = count.getKey() + "." + kind;
        requireState(key, parameter, state.get(key));
        expected++;
      }
    }
    if (state.size() != expected) {
      throw new InputException(
          "optimiser state: expected " + expected + " tensors, found " + state.size());
    }
    close();
    steps.clear();
    for (Map.Entry<String, Tensor> parameter : parameters.entrySet()) {
      String name = parameter.getKey();
      Long count = counts.get(name);
      if (count != null) {
        steps.put(name, count);
        List<Tensor> tensors = kept(name, parameter.getValue());
        for (int i = 0; i < kinds.size(); i++) {
          copy(state.get(name + "." + kinds.get(i)), tensors.get(i));
        }
      }
    }
  }

  /** Refuses a stored tensor that is missing or does not fit its parameter. */
  static void requireState(String key, Tensor parameter, @Nullable Tensor stored) {
    if (stored == null
        || stored.dtype() != DType.F32
        || !stored.isContiguous()
        || !stored.shape().equals(parameter.shape())) {
      throw new InputException(
          "optimiser state: "
              + key
              + ": expected F32 "
              + parameter.shape()
              + ", found "
              + (stored == null ? "nothing" : stored.spec()));
    }
  }

  @Override
  public void close() {
    kept.values().forEach(tensors -> tensors.forEach(Tensor::close));
    kept.clear();
  }
}
