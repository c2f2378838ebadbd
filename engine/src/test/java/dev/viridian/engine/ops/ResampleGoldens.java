package dev.viridian.engine.ops;

import static dev.viridian.engine.ops.ShapeGoldens.number;
import static dev.viridian.engine.ops.ShapeGoldens.onMap;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.testing.GoldenOps;
import dev.viridian.kernels.ResampleKernels.Mode;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/** The golden families resize and pool. */
final class ResampleGoldens {
  private ResampleGoldens() {}

  static void bind(Map<String, GoldenOps.Binding> all) {
    all.put("resize_nearest", c -> resize(c, Mode.NEAREST));
    all.put("resize_nearest-exact", c -> resize(c, Mode.NEAREST_EXACT));
    all.put("resize_bilinear", c -> resize(c, Mode.BILINEAR));
    all.put("resize_bicubic", c -> resize(c, Mode.BICUBIC));
    all.put("resize_area", c -> resize(c, Mode.AREA));
    all.put("max_pool2d", ResampleGoldens::maxPool);
    all.put("avg_pool2d", ResampleGoldens::averagePool);
    all.put("adaptive_avg_pool2d", c -> resize(c, Mode.AREA));
    all.put("max_unpool2d", ResampleGoldens::unpool);
  }

  private static boolean flag(GoldenOps.Case c, String attribute) {
    JsonNode value = c.attribute(attribute);
    return value != null && !value.isNull() && value.asBoolean();
  }

  private static Map<String, Tensor> resize(GoldenOps.Case c, Mode mode) {
    boolean align = flag(c, "align_corners");
    boolean antialias = flag(c, "antialias");
    if (c.attribute("size").isNull()) {
      double factor = c.attribute("scale_factor").asDouble();
      return onMap(c, x -> Resize.byFactor(x, factor, mode, align, antialias));
    }
    int[] size = c.ints("size");
    return onMap(c, x -> Resize.of(x, size[0], size[1], mode, align, antialias));
  }

  private static Map<String, Tensor> maxPool(GoldenOps.Case c) {
    List<Tensor> results =
        MaxPool2d.withIndex(
            GoldenOps.nhwc(c.in("x")),
            number(c, "kernel"),
            number(c, "stride"),
            number(c, "padding"),
            flag(c, "ceil_mode"));
    return Map.of("y", GoldenOps.nchw(results.get(0)), "indices", GoldenOps.nchw(results.get(1)));
  }

  private static Map<String, Tensor> averagePool(GoldenOps.Case c) {
    return onMap(
        c,
        x ->
            AveragePool2d.of(
                x,
                number(c, "kernel"),
                number(c, "stride"),
                number(c, "padding"),
                flag(c, "ceil_mode"),
                flag(c, "count_include_pad")));
  }

  private static Map<String, Tensor> unpool(GoldenOps.Case c) {
    int[] out = c.ints("output");
    Tensor index = GoldenOps.nhwc(c.in("index"));
    return onMap(c, x -> MaxUnpool2d.of(x, index, out[0], out[1]));
  }
}
