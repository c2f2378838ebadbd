package dev.viridian.engine.ops;

import dev.viridian.engine.Shape;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.testing.GoldenOps;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.UnaryOperator;

/** The golden family shape. */
final class ShapeGoldens {
  private ShapeGoldens() {}

  static void bind(Map<String, GoldenOps.Binding> all) {
    all.put("permute", c -> Map.of("y", Permute.of(c.in("x"), c.ints("dims"))));
    all.put("reshape", c -> Map.of("y", reshape(c)));
    all.put("slice", c -> Map.of("y", slice(c)));
    all.put("cat", c -> Map.of("y", Cat.of(dim(c), c.inputs().values().toArray(Tensor[]::new))));
    all.put(
        "stack", c -> Map.of("y", Stack.of(dim(c), c.inputs().values().toArray(Tensor[]::new))));
    all.put("chunk", ShapeGoldens::chunk);
    all.put("expand", c -> Map.of("y", Expand.of(c.in("x"), Shape.of(longs(c.ints("shape"))))));
    all.put("repeat", c -> Map.of("y", Repeat.of(c.in("x"), c.ints("repeats"))));
    all.put(
        "repeat_interleave",
        c -> Map.of("y", RepeatInterleave.of(c.in("x"), number(c, "repeats"), dim(c))));
    all.put("flip", c -> Map.of("y", Flip.of(c.in("x"), c.ints("dims"))));
    all.put("pad", c -> Map.of("y", pad(c)));
    all.put("gather", c -> Map.of("y", Gather.of(c.in("x"), dim(c), c.in("index"))));
    all.put(
        "scatter_add",
        c -> Map.of("y", ScatterAdd.of(c.in("x"), dim(c), c.in("index"), c.in("src"))));
    all.put("index_select", c -> Map.of("y", IndexSelect.of(c.in("x"), dim(c), c.in("index"))));
    all.put("embedding", c -> Map.of("y", Embedding.of(c.in("weight"), c.in("index"))));
    all.put("pixel_shuffle", c -> onMap(c, x -> PixelShuffle.of(x, number(c, "factor"))));
    all.put("pixel_unshuffle", c -> onMap(c, x -> PixelUnshuffle.of(x, number(c, "factor"))));
    all.put("unfold", c -> Map.of("y", unfold(c)));
    all.put("fold", c -> Map.of("y", fold(c)));
  }

  /** Turns the case's map, works on it, and turns the result back. */
  static Map<String, Tensor> onMap(GoldenOps.Case c, UnaryOperator<Tensor> work) {
    return Map.of("y", GoldenOps.nchw(work.apply(GoldenOps.nhwc(c.in("x")))));
  }

  static int number(GoldenOps.Case c, String attribute) {
    return c.attribute(attribute).asInt();
  }

  private static int dim(GoldenOps.Case c) {
    return number(c, "dim");
  }

  private static long[] longs(int[] values) {
    return Arrays.stream(values).asLongStream().toArray();
  }

  private static Tensor reshape(GoldenOps.Case c) {
    if (c.attribute("shape") != null) {
      return Reshape.of(c.in("x"), longs(c.ints("shape")));
    }
    // The one case of several steps says so in words: heads out of tokens.
    Tensor heads = Reshape.of(c.in("x"), 2, 5, 4, 3);
    return Reshape.of(Permute.of(heads, 0, 2, 1, 3), 8, 5, 3);
  }

  private static Tensor slice(GoldenOps.Case c) {
    int[] start = c.ints("start");
    int[] stop = c.ints("stop");
    int[] step = c.ints("step");
    Tensor y = c.in("x");
    for (int d = 0; d < start.length; d++) {
      y = Slice.of(y, d, start[d], stop[d], step[d]);
    }
    return y;
  }

  private static Map<String, Tensor> chunk(GoldenOps.Case c) {
    List<Tensor> parts = Chunk.of(c.in("x"), number(c, "chunks"), dim(c));
    return Map.of("y0", parts.get(0), "y1", parts.get(1));
  }

  private static Tensor pad(GoldenOps.Case c) {
    int[] widths = c.ints("left_right_top_bottom");
    Pad.Mode mode = Pad.Mode.valueOf(c.attribute("mode").asString().toUpperCase(Locale.ROOT));
    float value = mode == Pad.Mode.CONSTANT ? (float) c.attribute("value").asDouble() : 0;
    Tensor x = GoldenOps.nhwc(c.in("x"));
    return GoldenOps.nchw(Pad.of(x, widths[2], widths[3], widths[0], widths[1], mode, value));
  }

  private static Window window(GoldenOps.Case c) {
    int[] kernel = c.ints("kernel");
    int[] stride = c.ints("stride");
    int[] padding = c.ints("padding");
    int[] dilation = c.ints("dilation");
    return new Window(
        kernel[0],
        kernel[1],
        stride[0],
        stride[1],
        padding[0],
        padding[1],
        dilation[0],
        dilation[1]);
  }

  /** PyTorch writes a window as [n, c·kh·kw, h′·w′]. */
  private static Tensor unfold(GoldenOps.Case c) {
    Tensor y = Unfold.of(GoldenOps.nhwc(c.in("x")), window(c));
    long[] s = y.shape().sizes();
    return Reshape.of(Permute.of(y, 0, 5, 3, 4, 1, 2), s[0], s[5] * s[3] * s[4], s[1] * s[2]);
  }

  private static Tensor fold(GoldenOps.Case c) {
    Window window = window(c);
    int[] out = c.ints("output");
    Tensor x = c.in("x");
    Tensor apart =
        Reshape.of(
            x,
            x.size(0),
            -1,
            window.kernelH(),
            window.kernelW(),
            window.outH("Fold", out[0]),
            window.outW("Fold", out[1]));
    Tensor windows = Permute.of(apart, 0, 4, 5, 2, 3, 1);
    return GoldenOps.nchw(Fold.of(windows, out[0], out[1], window));
  }
}
