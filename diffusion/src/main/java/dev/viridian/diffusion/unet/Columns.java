package dev.viridian.diffusion.unet;

import dev.viridian.engine.Tensor;
import java.util.List;

/**
 * Which columns of the cross-attentions' probabilities are handed out: for weights e [b, m] the map
 * {@code Σ_j e[b, j] P[b, head, n, j]}, as the loss on the word "green" reads it.
 *
 * @param weights one F32 [b, m] for each map that is wanted of a layer, at least one; they stay the
 *     caller's and get no gradient
 * @param perHead whether a map has its heads apart, [b, heads, n]; else it is their mean, [b, n].
 *     The mean of the first weights comes with the attention itself and costs next to nothing; each
 *     other map takes another pass over the layer's keys.
 */
public record Columns(List<Tensor> weights, boolean perHead) {
  /** Copies the list. */
  public Columns {
    weights = List.copyOf(weights);
    if (weights.isEmpty()) {
      throw new IllegalArgumentException("Columns: no weights");
    }
  }

  /** One map a layer, averaged over the heads. */
  public static Columns of(Tensor weights) {
    return new Columns(List.of(weights), false);
  }
}
