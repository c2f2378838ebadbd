package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.testing.GoldenOps.Binding;
import dev.viridian.engine.testing.GoldenOps.Case;
import java.util.Map;
import java.util.function.BinaryOperator;
import java.util.function.UnaryOperator;

/** The golden families activation and pointwise. */
final class ElementwiseGoldens {
  private ElementwiseGoldens() {}

  static void bind(Map<String, Binding> all) {
    unary(all, "silu", Silu::of);
    unary(all, "gelu", Gelu::of);
    unary(all, "gelu_tanh", GeluTanh::of);
    unary(all, "quick_gelu", QuickGelu::of);
    unary(all, "relu", Relu::of);
    unary(all, "relu6", Relu6::of);
    unary(all, "sigmoid", Sigmoid::of);
    unary(all, "tanh", Tanh::of);
    unary(all, "leaky_relu_0.2", x -> LeakyRelu.of(x, 0.2f));
    unary(all, "softplus", Softplus::of);
    unary(all, "geglu", Geglu::of);
    unary(all, "exp", Exp::of);
    unary(all, "log", Log::of);
    unary(all, "sqrt", Sqrt::of);
    unary(all, "rsqrt", Rsqrt::of);
    unary(all, "abs", Abs::of);
    unary(all, "neg", x -> Affine.of(x, -1, 0));
    unary(all, "sin", Sin::of);
    unary(all, "cos", Cos::of);
    all.put(
        "pow_scalar",
        c -> Map.of("y", PowScalar.of(c.in("x"), (float) c.attribute("exponent").asDouble())));
    all.put("clamp", c -> Map.of("y", clamp(c)));
    all.put("pow", c -> Map.of("z", Pow.of(c.in("x"), c.in("y"))));
    binary(all, "add", Add::of);
    binary(all, "sub", Sub::of);
    binary(all, "mul", Mul::of);
    binary(all, "div", Div::of);
    binary(all, "minimum", Minimum::of);
    binary(all, "maximum", Maximum::of);
    all.put("where", c -> Map.of("y", Where.of(c.in("c"), c.in("a"), c.in("b"))));
  }

  private static void unary(Map<String, Binding> all, String name, UnaryOperator<Tensor> f) {
    all.put(name, c -> Map.of("y", f.apply(c.in("x"))));
  }

  /** Cases of one operand use it twice. */
  private static void binary(Map<String, Binding> all, String name, BinaryOperator<Tensor> f) {
    all.put(
        name,
        c -> {
          Tensor b = c.optional("b");
          return Map.of("y", f.apply(c.in("a"), b == null ? c.in("a") : b));
        });
  }

  private static Tensor clamp(Case c) {
    float min =
        c.attribute("min") == null
            ? Float.NEGATIVE_INFINITY
            : (float) c.attribute("min").asDouble();
    float max =
        c.attribute("max") == null
            ? Float.POSITIVE_INFINITY
            : (float) c.attribute("max").asDouble();
    return Clamp.of(c.in("x"), min, max);
  }
}
