package dev.viridian.diffusion.unet;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.Linear;
import dev.viridian.engine.nn.Module;
import dev.viridian.engine.ops.Attention;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Multi-head attention of tokens [b, l, channels] to a context [b, m, contextChannels]; to
 * themselves it is self-attention. q, k and v have no bias.
 */
final class CrossAttention extends Module {
  /** Keys and values of a context, [b, m, channels] each. */
  record KeyValue(Tensor key, Tensor value) {}

  private final int heads;
  private final Linear toQ;
  private final Linear toK;
  private final Linear toV;
  private final Linear toOut;

  CrossAttention(int channels, int contextChannels, int heads) {
    this.heads = heads;
    toQ = child("to_q", new Linear(channels, channels, false));
    toK = child("to_k", new Linear(contextChannels, channels, false));
    toV = child("to_v", new Linear(contextChannels, channels, false));
    toOut = child("to_out.0", new Linear(channels, channels, true));
  }

  /** Keys and values, to be computed once for a context that stays. */
  KeyValue keyValue(Tensor context) {
    return new KeyValue(toK.forward(context), toV.forward(context));
  }

  /** Attention to itself. */
  Tensor forward(Tensor x) {
    try (MemoryScope scope = MemoryScope.open()) {
      return scope.keep(forward(x, keyValue(x), null, null));
    }
  }

  /**
   * Attention to a context.
   *
   * @param columnWeights [b, m], or null
   * @param columns where the weighted column of the probabilities, [b, l], is added, when weights
   *     are given
   */
  Tensor forward(
      Tensor x, KeyValue kv, @Nullable Tensor columnWeights, @Nullable List<Tensor> columns) {
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor q = toQ.forward(x);
      if (columnWeights == null || columns == null) {
        return scope.keep(toOut.forward(Attention.of(q, kv.key, kv.value, heads)));
      }
      List<Tensor> both = Attention.withColumn(q, kv.key, kv.value, heads, columnWeights);
      columns.add(scope.keep(both.get(1)));
      return scope.keep(toOut.forward(both.get(0)));
    }
  }
}
