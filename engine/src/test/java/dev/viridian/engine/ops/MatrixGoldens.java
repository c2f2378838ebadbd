package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.testing.GoldenOps;
import java.util.Map;

/** The golden families conv, matmul and attention. */
final class MatrixGoldens {
  private MatrixGoldens() {}

  static void bind(Map<String, GoldenOps.Binding> all) {
    all.put("linear", c -> Map.of("y", Linear.of(c.in("x"), c.in("weight"), c.optional("bias"))));
    all.put("matmul", c -> Map.of("y", MatMul.of(c.in("a"), c.in("b"))));
    all.put("conv2d", c -> Map.of("y", conv(c)));
    all.put("conv_transpose2d", c -> Map.of("y", transposed(c)));
    all.put("attention", c -> Map.of("y", attention(c)));
  }

  private static Tensor conv(GoldenOps.Case c) {
    int[] stride = c.ints("stride");
    int[] pad = c.ints("padding_top_bottom_left_right");
    int[] dilation = c.ints("dilation");
    Conv2d op =
        new Conv2d(
            stride[0],
            stride[1],
            pad[0],
            pad[1],
            pad[2],
            pad[3],
            dilation[0],
            dilation[1],
            c.attribute("groups").asInt());
    return GoldenOps.nchw(
        op.apply(GoldenOps.nhwc(c.in("x")), GoldenOps.nhwc(c.in("weight")), c.optional("bias")));
  }

  private static Tensor transposed(GoldenOps.Case c) {
    int[] stride = c.ints("stride");
    int[] pad = c.ints("padding");
    int[] extra = c.ints("output_padding");
    int[] dilation = c.ints("dilation");
    ConvTranspose2d op =
        new ConvTranspose2d(
            stride[0],
            stride[1],
            pad[0],
            pad[1],
            extra[0],
            extra[1],
            dilation[0],
            dilation[1],
            c.attribute("groups").asInt());
    return GoldenOps.nchw(
        op.apply(GoldenOps.nhwc(c.in("x")), GoldenOps.nhwc(c.in("weight")), c.optional("bias")));
  }

  private static Tensor attention(GoldenOps.Case c) {
    boolean heads = c.attribute("layout").asString().equals("BHLD");
    Tensor y =
        Attention.apply(
                tokens(c.in("q"), heads),
                tokens(c.in("k"), heads),
                tokens(c.in("v"), heads),
                c.optional("mask"),
                null,
                c.attribute("heads").asInt(),
                (float) c.attribute("scale").asDouble(),
                c.attribute("causal").asBoolean())
            .getFirst();
    int h = c.attribute("heads").asInt();
    Tensor split = Reshape.of(y, y.size(0), y.size(1), h, y.size(2) / h);
    return heads ? Permute.of(split, 0, 2, 1, 3) : split;
  }

  private static Tensor tokens(Tensor x, boolean headsFirst) {
    Tensor t = headsFirst ? Permute.of(x, 0, 2, 1, 3) : x;
    return Reshape.of(t, t.size(0), t.size(1), -1);
  }
}
