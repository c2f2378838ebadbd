package dev.viridian.engine.optim;

import dev.viridian.engine.Tensor;
import org.jspecify.annotations.Nullable;

/** Where an optimiser finds gradients: {@code gradients::get}. */
@FunctionalInterface
public interface GradientSource {
  /** The gradient of a parameter: contiguous F32 of its shape, or null if it has none. */
  @Nullable Tensor get(Tensor parameter);
}
