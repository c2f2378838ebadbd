package dev.viridian.diffusion.text;

import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.weights.TextEncoderConfig;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.Embedding;
import dev.viridian.engine.nn.LayerNorm;
import dev.viridian.engine.nn.Linear;
import dev.viridian.engine.nn.Module;
import dev.viridian.engine.nn.ModuleLoader;
import dev.viridian.engine.ops.Add;
import dev.viridian.engine.ops.Attention;
import dev.viridian.engine.ops.Gelu;
import dev.viridian.engine.ops.QuickGelu;
import dev.viridian.kernels.Precision;
import java.util.ArrayList;
import java.util.List;

/**
 * CLIP's text transformer: token and position embedding, pre-norm layers with causal attention,
 * final layer norm. There is no padding mask. Thread-safe once loaded.
 */
public final class ClipTextModel extends Module {
  /**
   * Weights are packed where that gains (see {@link ModuleLoader}): with the few rows of a text, a
   * good part of a product's time goes to bringing the weight into order.
   */
  public static final ModuleLoader.Precisions PRECISIONS = (name, parameter) -> Precision.F32;

  private static final class Layer extends Module {
    private final TextEncoderConfig config;
    private final LayerNorm norm1;
    private final Linear toQ;
    private final Linear toK;
    private final Linear toV;
    private final Linear toOut;
    private final LayerNorm norm2;
    private final Linear wide;
    private final Linear narrow;

    Layer(TextEncoderConfig config) {
      this.config = config;
      int c = config.hiddenSize();
      toK = child("self_attn.k_proj", new Linear(c, c, true));
      toV = child("self_attn.v_proj", new Linear(c, c, true));
      toQ = child("self_attn.q_proj", new Linear(c, c, true));
      toOut = child("self_attn.out_proj", new Linear(c, c, true));
      norm1 = child("layer_norm1", new LayerNorm(c, config.layerNormEps()));
      wide = child("mlp.fc1", new Linear(c, config.intermediateSize(), true));
      narrow = child("mlp.fc2", new Linear(config.intermediateSize(), c, true));
      norm2 = child("layer_norm2", new LayerNorm(c, config.layerNormEps()));
    }

    Tensor forward(Tensor x) {
      try (MemoryScope scope = MemoryScope.open()) {
        Tensor n = norm1.forward(x);
        Tensor a =
            Attention.of(
                toQ.forward(n), toK.forward(n), toV.forward(n), config.heads(), null, true);
        Tensor h = Add.of(x, toOut.forward(a));
        Tensor w = wide.forward(norm2.forward(h));
        Tensor g = config.hiddenAct().equals("gelu") ? Gelu.of(w) : QuickGelu.of(w);
        return scope.keep(Add.of(h, narrow.forward(g)));
      }
    }
  }

  private final TextEncoderConfig config;
  private final Embedding tokens;
  private final Embedding positions;
  private final List<Layer> layers = new ArrayList<>();
  private final LayerNorm finalNorm;

  /** A network without numbers; names are those of CLIPTextModel less {@code text_model.}. */
  public ClipTextModel(TextEncoderConfig config) {
    this.config = config;
    int c = config.hiddenSize();
    tokens = child("embeddings.token_embedding", new Embedding(config.vocabSize(), c));
    positions = child("embeddings.position_embedding", new Embedding(config.maxPositions(), c));
    for (int i = 0; i < config.layers(); i++) {
      layers.add(child("encoder.layers." + i, new Layer(config)));
    }
    finalNorm = child("final_layer_norm", new LayerNorm(c, config.layerNormEps()));
  }

  /** Its configuration. */
  public TextEncoderConfig config() {
    return config;
  }

  /**
   * Encodes token ids.
   *
   * @param ids I64 [b, l], l at most the number of positions
   * @param skip how many of the last layers to leave out (diffusers' clip_skip), 0 for none
   * @param observer sees {@code hidden_states.0} (the embedding) to {@code hidden_states.N}
   * @return [b, l, hiddenSize], after the final layer norm
   */
  public Tensor forward(Tensor ids, int skip, LayerObserver observer) {
    if (ids.shape().rank() != 2 || ids.size(1) > config.maxPositions()) {
      throw new ShapeException(
          "ClipTextModel: ids: expected [b, at most " + config.maxPositions() + "], got " + ids);
    }
    if (skip < 0 || skip >= config.layers()) {
      throw new IllegalArgumentException(
          "ClipTextModel: skip " + skip + ", expected 0 to " + (config.layers() - 1));
    }
    try (MemoryScope scope = MemoryScope.open()) {
      long[] places = new long[ids.size(1)];
      for (int i = 0; i < places.length; i++) {
        places[i] = i;
      }
      Tensor place = positions.forward(Tensors.of(ids.device(), places, places.length));
      Tensor x = Add.of(tokens.forward(ids), place);
      observer.output("hidden_states.0", x);
      for (int i = 0; i < config.layers() - skip; i++) {
        Tensor before = x;
        x = layers.get(i).forward(x);
        before.close();
        observer.output("hidden_states." + (i + 1), x);
      }
      return scope.keep(finalNorm.forward(x));
    }
  }
}
