package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.testing.GoldenOps.Binding;
import dev.viridian.engine.testing.GoldenOps.Case;
import java.util.Map;
import java.util.function.UnaryOperator;

/** The golden families norm and softmax. */
final class NormGoldens {
  private NormGoldens() {}

  static void bind(Map<String, Binding> all) {
    all.put("group_norm", c -> Map.of("y", groupNorm(c)));
    all.put("layer_norm", c -> Map.of("y", layerNorm(c)));
    all.put("batch_norm_train", NormGoldens::batchNormTraining);
    all.put(
        "batch_norm_eval",
        c ->
            Map.of(
                "y",
                channelsLast(
                    c.in("x"),
                    x ->
                        BatchNormInference.of(
                            x,
                            c.optional("weight"),
                            c.optional("bias"),
                            c.in("running_mean"),
                            c.in("running_var"),
                            real(c, "eps")))));
    all.put("softmax", c -> Map.of("y", Softmax.of(c.in("x"), dim(c))));
    all.put(
        "softmax_masked", c -> Map.of("y", Softmax.of(Add.of(c.in("x"), c.in("mask")), dim(c))));
    all.put("log_softmax", c -> Map.of("y", LogSoftmax.of(c.in("x"), dim(c))));
    all.put(
        "logsumexp",
        c -> Map.of("y", LogSumExp.of(c.in("x"), dim(c), c.attribute("keepdim").asBoolean())));
  }

  private static float real(Case c, String attribute) {
    return (float) c.attribute(attribute).asDouble();
  }

  private static int dim(Case c) {
    return c.attribute("dim").asInt();
  }

  /**
   * Applies f to x with dimension 1, the goldens' channels, moved to the end, and moves it back.
   */
  private static Tensor channelsLast(Tensor x, UnaryOperator<Tensor> f) {
    int rank = x.shape().rank();
    int[] there = new int[rank];
    int[] back = new int[rank];
    for (int d = 0; d < rank; d++) {
      there[d] = d == 0 ? 0 : d == rank - 1 ? 1 : d + 1;
      back[there[d]] = d;
    }
    return Permute.of(f.apply(Permute.of(x, there)), back);
  }

  private static Tensor groupNorm(Case c) {
    return channelsLast(
        c.in("x"),
        x ->
            GroupNorm.of(
                x,
                c.optional("weight"),
                c.optional("bias"),
                c.attribute("groups").asInt(),
                real(c, "eps")));
  }

  private static Tensor layerNorm(Case c) {
    Tensor weight = c.optional("weight");
    return weight == null
        ? LayerNorm.of(c.in("x"), c.ints("normalized_shape").length, real(c, "eps"))
        : LayerNorm.of(c.in("x"), weight, c.in("bias"), real(c, "eps"));
  }

  private static Map<String, Tensor> batchNormTraining(Case c) {
    Tensor y =
        channelsLast(
            c.in("x"),
            x ->
                BatchNormTraining.of(
                    x,
                    c.optional("weight"),
                    c.optional("bias"),
                    c.in("running_mean"),
                    c.in("running_var"),
                    real(c, "eps"),
                    real(c, "momentum")));
    return Map.of(
        "y", y, "new_running_mean", c.in("running_mean"), "new_running_var", c.in("running_var"));
  }
}
