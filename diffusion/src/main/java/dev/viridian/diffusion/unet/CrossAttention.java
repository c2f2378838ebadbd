package dev.viridian.diffusion.unet;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.Linear;
import dev.viridian.engine.nn.Module;
import dev.viridian.engine.ops.Attention;
import dev.viridian.engine.ops.Cast;
import dev.viridian.engine.ops.Slice;
import dev.viridian.engine.ops.Stack;
import dev.viridian.kernels.DType;
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

  /** Keys and values in a type, to be computed once for a context that stays. */
  KeyValue keyValue(Tensor context, DType type) {
    try (MemoryScope scope = MemoryScope.open()) {
      return new KeyValue(
          scope.keep(Cast.of(toK.forward(context), type)),
          scope.keep(Cast.of(toV.forward(context), type)));
    }
  }

  /**
   * Whether x may come rounded to BF16.
   *
   * @param alone whether it is its own context
   */
  boolean takesRounded(Tensor x, boolean alone) {
    return toQ.takesRounded(x) && (!alone || toK.takesRounded(x) && toV.takesRounded(x));
  }

  /** Attention to itself, with what is added to the result, if that is not null. */
  Tensor forward(Tensor x, @Nullable Tensor residual) {
    try (MemoryScope scope = MemoryScope.open()) {
      return scope.keep(
          forward(x, keyValue(x, toK.packed() ? DType.F32 : x.dtype()), residual, null, null));
    }
  }

  /** In lower precision where the products around it are. */
  private Tensor attend(Tensor q, KeyValue kv) {
    return toQ.packed()
        ? Attention.rounded(q, kv.key, kv.value, heads)
        : Attention.of(q, kv.key, kv.value, heads);
  }

  /** Whether what is added to the result comes with the product. */
  boolean joinsOnto(Tensor x) {
    return toOut.joinsOnto(x);
  }

  private Tensor out(Tensor attended, @Nullable Tensor residual) {
    return residual == null ? toOut.forward(attended) : toOut.forwardOnto(attended, residual);
  }

  /**
   * Attention to a context.
   *
   * @param residual added to the result, or null
   * @param wanted which columns of the probabilities are handed out, or null
   * @param columns where the maps are added, one for each of the wanted weights
   */
  Tensor forward(
      Tensor x,
      KeyValue given,
      @Nullable Tensor residual,
      @Nullable Columns wanted,
      @Nullable List<Tensor> columns) {
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor q = toQ.forward(x);
      // the same, unless the context was made where a gradient was wanted and x was not
      KeyValue kv = new KeyValue(Cast.of(given.key, q.dtype()), Cast.of(given.value, q.dtype()));
      if (wanted == null || columns == null) {
        return scope.keep(out(attend(q, kv), residual));
      }
      if (wanted.perHead()) {
        for (Tensor weights : wanted.weights()) {
          columns.add(scope.keep(headByHead(q, kv, weights)));
        }
        return scope.keep(out(attend(q, kv), residual));
      }
      List<Tensor> both =
          Attention.withColumn(q, kv.key, kv.value, heads, wanted.weights().getFirst());
      columns.add(scope.keep(both.get(1)));
      for (Tensor weights : wanted.weights().subList(1, wanted.weights().size())) {
        columns.add(scope.keep(Attention.withColumn(q, kv.key, kv.value, heads, weights).get(1)));
      }
      return scope.keep(out(both.get(0), residual));
    }
  }

  /** The column of each head, [b, heads, l]. */
  private Tensor headByHead(Tensor q, KeyValue kv, Tensor weights) {
    long d = q.size(-1) / heads;
    Tensor[] maps = new Tensor[heads];
    for (int i = 0; i < heads; i++) {
      Tensor one = Slice.of(q, -1, i * d, (i + 1) * d);
      Tensor key = Slice.of(kv.key, -1, i * d, (i + 1) * d);
      Tensor value = Slice.of(kv.value, -1, i * d, (i + 1) * d);
      maps[i] = Attention.withColumn(one, key, value, 1, weights).get(1);
    }
    return Stack.of(1, maps);
  }
}
