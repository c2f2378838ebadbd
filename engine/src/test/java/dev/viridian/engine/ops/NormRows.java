package dev.viridian.engine.ops;

import static dev.viridian.engine.ops.OpRow.In.of;
import static dev.viridian.engine.ops.OpRow.In.range;
import static dev.viridian.engine.ops.OpRow.Sample.one;

import dev.viridian.engine.Shape;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.autograd.Op;
import dev.viridian.engine.ops.OpRow.In;
import dev.viridian.kernels.DType;
import java.util.List;
import java.util.function.BiFunction;

/** Rows for layer and batch norm, softmax and its kin. */
final class NormRows {
  private NormRows() {}

  static List<OpRow> rows() {
    return List.of(
        OpRow.of(
            LayerNorm.class,
            List.of(
                one(
                    "rows",
                    t -> LayerNorm.of(t[0], t[1], t[2], 1e-5f),
                    of(5, 3, 33),
                    of(33),
                    of(33)),
                one(
                    "two dimensions",
                    t -> LayerNorm.of(t[0], t[1], t[2], 1e-5f),
                    of(3, 4, 5),
                    of(4, 5),
                    of(4, 5)),
                one("bare", t -> LayerNorm.of(t[0], 1, 1e-5f), of(7, 17)),
                one("far from zero", t -> LayerNorm.of(t[0], 1, 1e-5f), range(30, 32, 7, 40)),
                one(
                    "half parameters",
                    t -> LayerNorm.of(t[0], t[1], t[2], 1e-5f),
                    of(5, 33),
                    new In(DType.F16, -1, 1, false, 33),
                    new In(DType.F16, -1, 1, false, 33)),
                one("none", t -> LayerNorm.of(t[0], t[1], t[2], 1e-5f), of(0, 5), of(5), of(5)),
                one(
                    "tokens",
                    t -> LayerNorm.of(t[0], t[1], t[2], 1e-5f),
                    of(1, 300, 320),
                    of(320),
                    of(320))),
            List.of(
                one("gamma", t -> LayerNorm.of(t[0], t[1], t[2], 1e-5f), of(3, 4), of(5), of(5)),
                one("beta", t -> LayerNorm.of(t[0], t[1], t[2], 1e-5f), of(3, 4), of(4), of(5)),
                one("no columns", t -> LayerNorm.of(t[0], 1, 1e-5f), of(3, 0)))),
        OpRow.of(
            BatchNormTraining.class,
            List.of(
                one("map", NormRows::training, of(2, 3, 5, 7), of(7), of(7)),
                one("rows", NormRows::training, of(9, 4), of(4), of(4)),
                one("wide", NormRows::training, of(130, 33), of(33), of(33))),
            List.of(
                one("one row", NormRows::training, of(1, 4), of(4), of(4)),
                one("gamma", NormRows::training, of(9, 4), of(5), of(4)))),
        OpRow.of(
            BatchNormInference.class,
            List.of(
                one("map", NormRows::inference, of(2, 3, 5, 7), of(7), of(7)),
                one("one", NormRows::inference, of(1, 1), of(1), of(1))),
            List.of(one("beta", NormRows::inference, of(9, 4), of(4), of(5)))),
        along(Softmax.class, Softmax::of),
        along(LogSoftmax.class, LogSoftmax::of),
        along(LogSumExp.class, (x, dim) -> LogSumExp.of(x, dim, false)));
  }

  private static Tensor training(Tensor... t) {
    Shape channels = t[1].shape();
    Tensor mean = Tensors.zeros(t[0].device(), channels);
    Tensor variance = Tensors.full(t[0].device(), channels, 1);
    return BatchNormTraining.of(t[0], t[1], t[2], mean, variance, 1e-5f, 0.1f);
  }

  private static Tensor inference(Tensor... t) {
    Shape channels = t[1].shape();
    Tensor mean = Tensors.full(t[0].device(), channels, 0.3);
    Tensor variance = Tensors.full(t[0].device(), channels, 0.7);
    return BatchNormInference.of(t[0], t[1], t[2], mean, variance, 1e-5f);
  }

  private static OpRow along(Class<? extends Op> op, BiFunction<Tensor, Integer, Tensor> f) {
    return OpRow.of(
        op,
        List.of(
            one("last", t -> f.apply(t[0], -1), range(-5, 5, 3, 5, 33)),
            one("middle", t -> f.apply(t[0], 1), range(-5, 5, 3, 5, 4)),
            one("one", t -> f.apply(t[0], 0), of(1)),
            one("no rows", t -> f.apply(t[0], -1), of(0, 5)),
            one("long", t -> f.apply(t[0], -1), range(-5, 5, 70, 1030))),
        List.of(
            one("no columns", t -> f.apply(t[0], -1), of(3, 0)),
            one("whole numbers", t -> f.apply(t[0], -1), In.index(9, 3))));
  }
}
