package dev.viridian.engine.ops;

import static dev.viridian.engine.ops.OpRow.In.of;
import static dev.viridian.engine.ops.OpRow.In.range;
import static dev.viridian.engine.ops.OpRow.Sample.one;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.autograd.Op;
import dev.viridian.engine.ops.OpRow.In;
import dev.viridian.engine.ops.OpRow.Sample;
import dev.viridian.kernels.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BinaryOperator;
import java.util.function.UnaryOperator;

/** Rows for the functions of one and two values, geglu and where. */
final class ElementwiseRows {
  private ElementwiseRows() {}

  static List<OpRow> rows() {
    List<OpRow> rows = new ArrayList<>();
    rows.add(unary(Silu.class, Silu::of, -9, 9));
    rows.add(unary(Gelu.class, Gelu::of, -6, 6));
    rows.add(unary(GeluTanh.class, GeluTanh::of, -6, 6));
    rows.add(unary(QuickGelu.class, QuickGelu::of, -6, 6));
    rows.add(kinked(Relu.class, Relu::of, -3, 3));
    rows.add(kinked(Relu6.class, Relu6::of, -3, 9));
    rows.add(unary(Sigmoid.class, Sigmoid::of, -9, 9));
    rows.add(unary(Tanh.class, Tanh::of, -4, 4));
    rows.add(kinked(LeakyRelu.class, x -> LeakyRelu.of(x, 0.2f), -3, 3));
    rows.add(unary(Softplus.class, Softplus::of, -5, 25));
    rows.add(unary(Exp.class, Exp::of, -3, 3));
    rows.add(unary(Log.class, Log::of, 0.1, 9));
    rows.add(unary(Sqrt.class, Sqrt::of, 0.1, 9));
    rows.add(unary(Rsqrt.class, Rsqrt::of, 0.1, 9));
    rows.add(kinked(Abs.class, Abs::of, -3, 3));
    rows.add(unary(Sin.class, Sin::of, -9, 9));
    rows.add(unary(Cos.class, Cos::of, -9, 9));
    rows.add(unary(PowScalar.class, x -> PowScalar.of(x, 2.5f), 0.1, 3));
    rows.add(unary(Affine.class, x -> Affine.of(x, -1.5f, 0.25f), -3, 3));
    rows.add(kinked(Clamp.class, x -> Clamp.of(x, -0.5f, 0.75f), -1, 1));
    rows.add(binary(Add.class, Add::of));
    rows.add(binary(Sub.class, Sub::of));
    rows.add(binary(Mul.class, Mul::of));
    rows.add(binary(Div.class, Div::of));
    rows.add(binary(Minimum.class, Minimum::of));
    rows.add(binary(Maximum.class, Maximum::of));
    rows.add(binary(Pow.class, Pow::of));
    rows.add(
        OpRow.of(
            Geglu.class,
            List.of(
                one("awkward", t -> Geglu.of(t[0]), range(-4, 4, 3, 7, 34)),
                one("one", t -> Geglu.of(t[0]), of(2)),
                one("none", t -> Geglu.of(t[0]), of(0, 8)),
                one("with a bias", t -> Geglu.of(t[0], t[1]), range(-4, 4, 3, 2, 48), of(48)),
                one("feed-forward", t -> Geglu.of(t[0]), range(-4, 4, 2, 16, 2560))),
            List.of(
                one("an odd width", t -> Geglu.of(t[0]), of(3, 7)),
                one("a short bias", t -> Geglu.of(t[0], t[1]), of(3, 8), of(4)))));
    rows.add(
        OpRow.of(
            BiasAdd.class,
            List.of(
                one("awkward", ElementwiseRows::biasAdd, of(3, 5, 17), of(17), of(3, 5, 17)),
                one("whole vectors", ElementwiseRows::biasAdd, of(9, 48), of(48), of(9, 48)),
                one("one", ElementwiseRows::biasAdd, of(1), of(1), of(1)),
                one("none", ElementwiseRows::biasAdd, of(0, 8), of(8), of(0, 8)),
                one(
                    "a map",
                    ElementwiseRows::biasAdd,
                    of(1, 8, 8, 320),
                    of(320),
                    of(1, 8, 8, 320))),
            List.of(
                one("a short bias", ElementwiseRows::biasAdd, of(3, 7), of(3), of(3, 7)),
                one("another residual", ElementwiseRows::biasAdd, of(3, 7), of(7), of(7)))));
    In condition = new In(DType.I32, 0, 2, false, 3, 5);
    rows.add(
        OpRow.of(
            Where.class,
            List.of(
                one("same", t -> Where.of(t[0], t[1], t[2]), condition, of(3, 5), of(3, 5)),
                one("repeated", t -> Where.of(t[0], t[1], t[2]), condition, of(5), of(2, 3, 1))),
            List.of(
                one("a condition of F32", t -> Where.of(t[0], t[1], t[2]), of(3), of(3), of(3)))));
    return rows;
  }

  private static OpRow unary(
      Class<? extends Op> op, UnaryOperator<Tensor> f, double low, double high) {
    return unary(op, f, low, high, low);
  }

  /** Of 70,001 values some lie too near a kink for differences: the large sample avoids it. */
  private static OpRow kinked(
      Class<? extends Op> op, UnaryOperator<Tensor> f, double low, double high) {
    return unary(op, f, low, high, 0.9 * high);
  }

  private static OpRow unary(
      Class<? extends Op> op, UnaryOperator<Tensor> f, double low, double high, double lowOfLarge) {
    return OpRow.of(
        op,
        List.of(
            one("awkward", t -> f.apply(t[0]), range(low, high, 3, 7, 5)),
            one("one", t -> f.apply(t[0]), range(low, high, 1)),
            one("a number", t -> f.apply(t[0]), range(low, high)),
            one("none", t -> f.apply(t[0]), range(low, high, 3, 0)),
            one("large", t -> f.apply(t[0]), range(lowOfLarge, high, 70_001))),
        List.of(one("whole numbers", t -> f.apply(t[0]), In.index(9, 3))));
  }

  /** Operands are positive, so that quotients and powers are tame. */
  private static OpRow binary(Class<? extends Op> op, BinaryOperator<Tensor> f) {
    return OpRow.of(
        op,
        List.of(
            sample("same", f, range(0.3, 2, 3, 7), range(0.4, 2, 3, 7)),
            sample("rows", f, range(0.3, 2, 4, 5, 33), range(0.4, 2, 33)),
            sample("columns", f, range(0.3, 2, 4, 5, 33), range(0.4, 2, 5, 1)),
            sample("both", f, range(0.3, 2, 4, 1, 3), range(0.4, 2, 5, 1)),
            sample("a number", f, range(0.3, 2), range(0.4, 2, 2, 3)),
            sample("none", f, range(0.3, 2, 0, 3), range(0.4, 2, 3)),
            sample("large", f, range(0.3, 2, 3, 30_001), range(0.4, 2, 3, 1))),
        List.of(
            sample("shapes", f, of(3, 4), of(3, 5)),
            sample("whole numbers", f, of(3), In.index(9, 3))));
  }

  private static Sample sample(String name, BinaryOperator<Tensor> f, In a, In b) {
    return one(name, t -> f.apply(t[0], t[1]), a, b);
  }

  private static Tensor biasAdd(Tensor... t) {
    return BiasAdd.of(t[0], t[1], t[2]);
  }
}
