package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.testing.GoldenOps.Binding;
import dev.viridian.engine.testing.GoldenOps.Case;
import java.util.Map;

/** The golden family reduce. */
final class ReduceGoldens {
  private ReduceGoldens() {}

  static void bind(Map<String, Binding> all) {
    all.put("sum", c -> Map.of("y", Sum.of(c.in("x"), keep(c), dims(c))));
    all.put("mean", c -> Map.of("y", Mean.of(c.in("x"), keep(c), dims(c))));
    all.put(
        "var",
        c ->
            Map.of(
                "y", Variance.of(c.in("x"), c.attribute("correction").asInt(), keep(c), dims(c))));
    all.put("norm2", c -> Map.of("y", Norm2.of(c.in("x"), keep(c), dim(c))));
    all.put("amax", c -> Map.of("y", Amax.of(c.in("x"), keep(c), dims(c))));
    all.put("max", c -> both(Max.of(c.in("x"), dim(c), keep(c))));
    all.put("min", c -> both(Min.of(c.in("x"), dim(c), keep(c))));
    all.put("argmax", c -> Map.of("y", Max.of(c.in("x"), dim(c), false).indices()));
    all.put("cumsum", c -> Map.of("y", CumulativeSum.of(c.in("x"), dim(c))));
    all.put("cumprod", c -> Map.of("y", CumulativeProduct.of(c.in("x"), dim(c))));
  }

  private static Map<String, Tensor> both(Selection s) {
    return Map.of("y", s.values(), "indices", s.indices());
  }

  private static boolean keep(Case c) {
    return c.attribute("keepdim").asBoolean();
  }

  private static int dim(Case c) {
    return c.attribute("dim").asInt();
  }

  private static int[] dims(Case c) {
    return c.attribute("dims").isNull() ? new int[0] : c.ints("dims");
  }
}
