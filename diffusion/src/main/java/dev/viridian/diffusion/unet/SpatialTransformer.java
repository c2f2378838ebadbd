package dev.viridian.diffusion.unet;

import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.Conv2d;
import dev.viridian.engine.nn.GroupNorm;
import dev.viridian.engine.nn.LayerNorm;
import dev.viridian.engine.nn.Module;
import dev.viridian.engine.ops.Add;
import dev.viridian.engine.ops.Reshape;
import dev.viridian.kernels.Activation;
import dev.viridian.kernels.DType;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A transformer block on the pixels of a map: group norm (eps 1e-6) and 1×1 projection, attention
 * to itself, attention to the text, feed-forward, 1×1 projection, plus the map.
 */
final class SpatialTransformer extends Module {
  private static final float NORM_EPS = 1e-6f;
  private static final float LAYER_NORM_EPS = 1e-5f;

  private final GroupNorm norm;
  private final Conv2d projectIn;
  private final LayerNorm norm1;
  private final CrossAttention self;
  private final LayerNorm norm2;
  private final CrossAttention cross;
  private final LayerNorm norm3;
  private final FeedForward feedForward;
  private final Conv2d projectOut;
  private final String name;

  SpatialTransformer(String name, int channels, int contextChannels, int heads, int groups) {
    this.name = name;
    String block = "transformer_blocks.0.";
    norm = child("norm", new GroupNorm(groups, channels, NORM_EPS));
    projectIn = child("proj_in", new Conv2d(channels, channels, 1, 1, 0));
    norm1 = child(block + "norm1", new LayerNorm(channels, LAYER_NORM_EPS));
    self = child(block + "attn1", new CrossAttention(channels, channels, heads));
    norm2 = child(block + "norm2", new LayerNorm(channels, LAYER_NORM_EPS));
    cross = child(block + "attn2", new CrossAttention(channels, contextChannels, heads));
    norm3 = child(block + "norm3", new LayerNorm(channels, LAYER_NORM_EPS));
    feedForward = child(block + "ff", new FeedForward(channels));
    projectOut = child("proj_out", new Conv2d(channels, channels, 1, 1, 0));
  }

  /** Keys and values of the text in a type, the same in every step. */
  CrossAttention.KeyValue keyValue(Tensor context, DType type) {
    return cross.keyValue(context, type);
  }

  /** Name of the attention to the text. */
  String crossAttentionName() {
    return name + ".transformer_blocks.0.attn2";
  }

  Tensor forward(
      Tensor x,
      CrossAttention.KeyValue kv,
      @Nullable Columns wanted,
      @Nullable List<Tensor> columns,
      LayerObserver observer) {
    String block = name + ".transformer_blocks.0.";
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor n = norm.forward(x, Activation.NONE, projectIn.takesRounded(x));
      Tensor map = projectIn.forward(n);
      n.close();
      Tensor t = Reshape.of(map, map.size(0), (long) map.size(1) * map.size(2), map.size(3));
      map.close();

      boolean half = x.dtype() != DType.F32;
      boolean fused = half || self.joinsOnto(t); // the sum comes with the product
      Tensor a = self.forward(norm1.forward(t, self.takesRounded(t, true)), fused ? t : null);
      Tensor t1 = sum(block + "attn1", t, a, fused, observer);

      fused = half || cross.joinsOnto(t1);
      Tensor n2 = norm2.forward(t1, cross.takesRounded(t1, false));
      Tensor b = cross.forward(n2, kv, fused ? t1 : null, wanted, columns);
      if (columns != null) {
        columns.forEach(scope::keep);
      }
      Tensor t2 = sum(block + "attn2", t1, b, fused, observer);

      fused = half || feedForward.joinsOnto(t2);
      Tensor n3 = norm3.forward(t2, feedForward.takesRounded(t2));
      Tensor f = feedForward.forward(n3, fused ? t2 : null);
      Tensor t3 = sum(block + "ff", t2, f, fused, observer);

      Tensor out = scope.keep(projectOut.forwardOnto(Reshape.of(t3, x.shape().sizes()), x));
      observer.output(name, out);
      return out;
    }
  }

  /**
   * The sum; the terms are not needed any more.
   *
   * @param added what the observer is told of; the sum itself if that is {@code fused}
   */
  private static Tensor sum(
      String name, Tensor t, Tensor added, boolean fused, LayerObserver observer) {
    observer.output(name, added);
    if (fused) {
      t.close();
      return added;
    }
    Tensor sum = Add.of(t, added);
    t.close();
    added.close();
    return sum;
  }
}
