package dev.viridian.diffusion.weights;

/**
 * The shape of CLIP's text tower, as {@code text_encoder/config.json} gives it. Immutable.
 *
 * @param vocabSize tokens that have an embedding (49408)
 * @param hiddenSize width of the states (768)
 * @param intermediateSize width inside the feed-forward layers (3072)
 * @param layers transformer layers (12)
 * @param heads attention heads, a divisor of {@code hiddenSize} (12)
 * @param maxPositions positions that have an embedding (77)
 * @param layerNormEps epsilon of every layer norm (1e-5)
 * @param hiddenAct activation of the feed-forward layers: {@code quick_gelu}, x·sigmoid(1.702·x),
 *     or {@code gelu}, with erf
 */
public record TextEncoderConfig(
    int vocabSize,
    int hiddenSize,
    int intermediateSize,
    int layers,
    int heads,
    int maxPositions,
    float layerNormEps,
    String hiddenAct) {
  /**
   * Checks that the values fit one another.
   *
   * @throws IllegalArgumentException naming the keys of config.json that do not fit
   */
  public TextEncoderConfig {
    ConfigChecks.positive("vocab_size", vocabSize);
    ConfigChecks.positive("hidden_size", hiddenSize);
    ConfigChecks.positive("intermediate_size", intermediateSize);
    ConfigChecks.range("num_hidden_layers", layers, 1, ConfigChecks.MOST_LAYERS);
    ConfigChecks.positive("num_attention_heads", heads);
    ConfigChecks.positive("max_position_embeddings", maxPositions);
    ConfigChecks.epsilon("layer_norm_eps", layerNormEps);
    if (hiddenSize % heads != 0) {
      throw new IllegalArgumentException(
          "num_attention_heads " + heads + " does not divide hidden_size " + hiddenSize);
    }
    if (!hiddenAct.equals("quick_gelu") && !hiddenAct.equals("gelu")) {
      throw new IllegalArgumentException(
          "hidden_act '" + hiddenAct + "', expected quick_gelu or gelu");
    }
  }
}
