package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.testing.GoldenOps;
import dev.viridian.engine.testing.GoldenOps.Binding;
import dev.viridian.engine.testing.GoldenOps.Case;
import dev.viridian.kernels.ImageKernels.Border;
import java.util.Locale;
import java.util.Map;

/** The golden family loss. */
final class LossGoldens {
  @FunctionalInterface
  private interface Loss {
    Tensor of(Tensor x, Tensor target, Reduction reduction);
  }

  private LossGoldens() {}

  static void bind(Map<String, Binding> all) {
    loss(all, "l1_loss", L1Loss::of);
    loss(all, "mse_loss", MseLoss::of);
    loss(all, "bce", BinaryCrossEntropy::of);
    loss(all, "bce_with_logits", BceWithLogits::of);
    all.put("dice_loss", c -> Map.of("y", dice(c)));
    all.put("cross_entropy", c -> Map.of("y", crossEntropy(c)));
    all.put("sobel", LossGoldens::sobel);
    all.put(
        "cosine_similarity",
        c ->
            Map.of(
                "y",
                CosineSimilarity.of(
                    c.in("a"), c.in("b"), c.attribute("dim").asInt(), real(c, "eps"))));
    all.put("dropout", c -> Map.of("y", Dropout.of(c.in("x"), c.in("mask"), real(c, "p"))));
  }

  private static float real(Case c, String attribute) {
    return (float) c.attribute(attribute).asDouble();
  }

  private static Reduction reduction(Case c) {
    return Reduction.valueOf(c.attribute("reduction").asString().toUpperCase(Locale.ROOT));
  }

  private static void loss(Map<String, Binding> all, String name, Loss f) {
    all.put(name, c -> Map.of("y", f.of(c.in("x"), c.in("target"), reduction(c))));
  }

  private static Tensor dice(Case c) {
    Tensor p = c.in("p");
    if (c.attribute("clamp_p_min") != null) {
      p = Clamp.of(p, real(c, "clamp_p_min"), Float.POSITIVE_INFINITY);
    }
    DiceLoss.Intersection intersection =
        c.attribute("intersection").asString().equals("min")
            ? DiceLoss.Intersection.MINIMUM
            : DiceLoss.Intersection.PRODUCT;
    return DiceLoss.of(p, c.in("m"), intersection, real(c, "eps"));
  }

  private static Tensor crossEntropy(Case c) {
    long ignored =
        c.attribute("ignore_index") == null
            ? CrossEntropy.IGNORED
            : c.attribute("ignore_index").asLong();
    double smoothing =
        c.attribute("label_smoothing") == null ? 0 : c.attribute("label_smoothing").asDouble();
    Tensor x = c.in("x").shape().rank() == 4 ? GoldenOps.nhwc(c.in("x")) : c.in("x");
    return new CrossEntropy(ignored, smoothing).apply(x, c.in("target"), reduction(c));
  }

  private static Map<String, Tensor> sobel(Case c) {
    Border border = Border.valueOf(c.attribute("padding").asString().toUpperCase(Locale.ROOT));
    Sobel.Responses s = Sobel.of(GoldenOps.nhwc(c.in("x")), border);
    Tensor sx = GoldenOps.nchw(s.x());
    Tensor sy = GoldenOps.nchw(s.y());
    Tensor sum =
        c.attribute("absolute").asBoolean() ? Add.of(Abs.of(sx), Abs.of(sy)) : Add.of(sx, sy);
    return Map.of("sx", sx, "sy", sy, "sum", sum);
  }
}
