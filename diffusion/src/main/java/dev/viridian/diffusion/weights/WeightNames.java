package dev.viridian.diffusion.weights;

import dev.viridian.engine.io.TensorInfo;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Questions to the names in a weight file, each answered without going through all of them. */
final class WeightNames {
  private final TreeMap<String, TensorInfo> tensors;

  WeightNames(Map<String, TensorInfo> tensors) {
    this.tensors = new TreeMap<>(tensors);
  }

  /** All names, sorted. */
  Set<String> all() {
    return tensors.keySet();
  }

  boolean has(String name) {
    return tensors.containsKey(name);
  }

  @Nullable TensorInfo info(String name) {
    return tensors.get(name);
  }

  /** Whether a name begins with {@code prefix}. */
  boolean any(String prefix) {
    String next = tensors.ceilingKey(prefix);
    return next != null && next.startsWith(prefix);
  }

  /** Whether there are names, and all begin with {@code prefix}. */
  boolean allStartWith(String prefix) {
    return !tensors.isEmpty()
        && tensors.firstKey().startsWith(prefix)
        && tensors.lastKey().startsWith(prefix);
  }

  /** The names that begin with {@code prefix}, without it. */
  WeightNames under(String prefix) {
    TreeMap<String, TensorInfo> inner = new TreeMap<>();
    tensors
        .tailMap(prefix, true)
        .forEach(
            (name, info) -> {
              if (name.startsWith(prefix)) {
                inner.put(name.substring(prefix.length()), info);
              }
            });
    return new WeightNames(inner);
  }

  /** The first name that begins and ends so, or null. */
  @Nullable String first(String prefix, String suffix) {
    for (String name : tensors.tailMap(prefix, true).keySet()) {
      if (!name.startsWith(prefix)) {
        return null;
      }
      if (name.endsWith(suffix)) {
        return name;
      }
    }
    return null;
  }

  /** Size of a dimension, or null where there is no such tensor or dimension. */
  @Nullable Long size(String name, int dimension) {
    TensorInfo info = tensors.get(name);
    return info == null || info.rank() <= dimension ? null : info.shape().get(dimension);
  }

  /** Notes the size of a dimension under {@code label}, where there is one. */
  void put(Map<String, String> details, String label, String name, int dimension) {
    Long size = size(name, dimension);
    if (size != null) {
      details.put(label, size.toString());
    }
  }
}
