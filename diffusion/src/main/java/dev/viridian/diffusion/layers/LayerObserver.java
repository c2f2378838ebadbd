package dev.viridian.diffusion.layers;

import dev.viridian.engine.Tensor;

/**
 * Sees each layer's output as it is made: to compare intermediates, to report progress, or, by
 * throwing, to abandon a pass within one layer's time.
 */
@FunctionalInterface
public interface LayerObserver {
  /** Sees nothing. */
  LayerObserver NONE = (module, value) -> {};

  /**
   * A layer is done.
   *
   * @param module its name in weight files, such as {@code down_blocks.0.resnets.1}
   * @param value its output, channels-last; closed by its owner later
   */
  void output(String module, Tensor value);
}
