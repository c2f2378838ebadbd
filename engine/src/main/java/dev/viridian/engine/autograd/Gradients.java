package dev.viridian.engine.autograd;

import dev.viridian.engine.Tensor;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The gradients of a scalar by leaf tensor; closes them with itself. */
public final class Gradients implements AutoCloseable {
  private final Map<Tensor, Tensor> byLeaf = new IdentityHashMap<>();

  Gradients() {}

  /** The gradient of a leaf, or null if the result does not depend on it. */
  public @Nullable Tensor get(Tensor leaf) {
    return byLeaf.get(leaf);
  }

  /** The leaves that have a gradient. */
  public Set<Tensor> leaves() {
    return byLeaf.keySet();
  }

  /** Takes ownership of a gradient; a second one for the same leaf is added. */
  void add(Tensor leaf, Tensor gradient) {
    Tensor old = byLeaf.putIfAbsent(leaf, gradient);
    if (old != null) {
      Tape.addInto(gradient, old);
      gradient.close();
    }
  }

  /** Adds the gradients of another, weighted: accumulation over micro-batches. */
  public void addAll(Gradients other, float weight) {
    for (Map.Entry<Tensor, Tensor> e : other.byLeaf.entrySet()) {
      Tensor sum = byLeaf.get(e.getKey());
      Tensor gradient = e.getValue();
      if (sum == null) {
        sum = Tape.unscopedZeros(gradient);
        byLeaf.put(e.getKey(), sum);
      }
      sum.device()
          .kernels()
          .pointwise()
          .addTo(sum.elements(), weight, gradient.buffer("addAll"), sum.buffer("addAll"));
    }
  }

  @Override
  public void close() {
    byLeaf.values().forEach(Tensor::close);
    byLeaf.clear();
  }
}
