package dev.viridian.engine.nn;

import dev.viridian.engine.Tensor;

/** A table {@code weight} [count, size], read by index. */
public final class Embedding extends Module {
  private final Parameter weight;

  /** A table of {@code count} rows of {@code size} values. */
  public Embedding(int count, int size) {
    weight = parameter("weight", count, size);
  }

  /** index [...] I64 to [..., size]. */
  public Tensor forward(Tensor index) {
    return dev.viridian.engine.ops.Embedding.of(weight.value(), index);
  }

  /** The whole table. */
  public Tensor table() {
    return weight.value();
  }
}
