package dev.viridian.engine.ops;

import static dev.viridian.engine.ops.OpRow.In.constant;
import static dev.viridian.engine.ops.OpRow.In.of;
import static dev.viridian.engine.ops.OpRow.Sample.one;

import dev.viridian.engine.Shape;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.ops.OpRow.In;
import dev.viridian.engine.ops.OpRow.Sample;
import dev.viridian.kernels.Activation;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.Precision;
import java.util.List;

/** Rows for products, convolutions, attention, group norm, and the views they need. */
final class MatrixRows {
  private MatrixRows() {}

  private static In half(DType type, long... shape) {
    return new In(type, -1, 1, false, shape);
  }

  private static final PackedWeight BYTES = new PackedWeight(Precision.INT8, 5, 1, 17);
  private static final PackedWeight BRAIN = new PackedWeight(Precision.BF16, 5, 1, 17);
  private static final PackedWeight CONV_BYTES = new PackedWeight(Precision.INT8, 9, 9, 6);
  private static final PackedWeight CONV_BRAIN = new PackedWeight(Precision.BF16, 9, 9, 6);
  private static final Conv2d PLAIN_CONV = new Conv2d(1, 1, 1, 1, 1, 1, 1, 1, 1);
  private static final In CONV_WEIGHT = constant(9, 3, 3, 6);

  private static Tensor packed(Tensor[] t, PackedWeight w) {
    return PackedLinear.of(t[0], w, Pack.of(t[1], w), t.length > 2 ? t[2] : null);
  }

  private static Tensor convolved(Tensor[] t, PackedWeight w) {
    return new PackedConv2d(PLAIN_CONV, w, 3).apply(t[0], Pack.of(t[1], w), null);
  }

  static List<OpRow> rows() {
    Conv2d strided = new Conv2d(2, 1, 1, 0, 2, 1, 1, 2, 2);
    ConvTranspose2d up = new ConvTranspose2d(2, 2, 1, 1, 1, 1, 1, 1, 1);
    return List.of(
        OpRow.of(
            Linear.class,
            List.of(
                one("awkward", t -> Linear.of(t[0], t[1], t[2]), of(3, 7, 17), of(5, 17), of(5)),
                one("one", t -> Linear.of(t[0], t[1], null), of(1, 1), of(1, 1)),
                one("empty", t -> Linear.of(t[0], t[1], t[2]), of(0, 4), of(3, 4), of(3)),
                one(
                    "half weights",
                    t -> Linear.of(t[0], t[1], t[2]),
                    of(9, 33),
                    half(DType.F16, 20, 33),
                    half(DType.BF16, 20)),
                one("tokens", t -> Linear.of(t[0], t[1], t[2]), of(2, 77, 64), of(96, 64), of(96))),
            List.of(
                one("width", t -> Linear.of(t[0], t[1], null), of(2, 3), of(4, 5)),
                one("bias", t -> Linear.of(t[0], t[1], t[2]), of(2, 3), of(4, 3), of(3)),
                one("type", t -> Linear.of(t[0], t[1], null), In.index(4, 2, 3), of(4, 3)))),
        OpRow.of(
            MatMul.class,
            List.of(
                one("plain", t -> MatMul.of(t[0], t[1]), of(5, 7), of(7, 3)),
                one("batched", t -> MatMul.of(t[0], t[1]), of(4, 1, 5, 7), of(3, 7, 2)),
                one("vector", t -> MatMul.of(t[0], t[1]), of(5, 7), of(7)),
                one("no inner", t -> MatMul.of(t[0], t[1]), of(5, 0), of(0, 3)),
                one("one", t -> MatMul.of(t[0], t[1]), of(1, 1), of(1, 1))),
            List.of(one("inner", t -> MatMul.of(t[0], t[1]), of(5, 7), of(6, 3)))),
        OpRow.of(
            Conv2d.class,
            List.of(
                one(
                    "3x3",
                    t -> Conv2d.of(t[0], t[1], t[2], 1, 1),
                    of(2, 5, 7, 6),
                    of(9, 3, 3, 6),
                    of(9)),
                one(
                    "attributes",
                    t -> strided.apply(t[0], t[1], null),
                    of(1, 6, 9, 4),
                    of(6, 3, 2, 2)),
                one("1x1", t -> Conv2d.of(t[0], t[1], null, 1, 0), of(1, 4, 3, 5), of(8, 1, 1, 5)),
                one("none", t -> Conv2d.of(t[0], t[1], null, 1, 1), of(0, 4, 3, 5), of(8, 3, 3, 5)),
                one(
                    "half",
                    t -> Conv2d.of(t[0], t[1], t[2], 1, 1),
                    of(1, 8, 8, 32),
                    half(DType.F16, 40, 3, 3, 32),
                    half(DType.F16, 40))),
            List.of(
                one(
                    "channels",
                    t -> Conv2d.of(t[0], t[1], null, 1, 1),
                    of(1, 4, 4, 3),
                    of(2, 3, 3, 4)),
                one(
                    "a kernel too large",
                    t -> Conv2d.of(t[0], t[1], null, 1, 0),
                    of(1, 2, 2, 3),
                    of(2, 3, 3, 3)))),
        OpRow.of(
            Pack.class,
            List.of(one("bytes", t -> Pack.of(t[0], BYTES), constant(5, 17))),
            List.of(one("shape", t -> Pack.of(t[0], BYTES), constant(5, 16)))),
        OpRow.of(
            PackedLinear.class,
            List.of(
                one("bytes", t -> packed(t, BYTES), constant(3, 7, 17), constant(5, 17)),
                one("bf16", t -> packed(t, BRAIN), constant(3, 7, 17), constant(5, 17)),
                one("bias", t -> packed(t, BYTES), constant(4, 17), constant(5, 17), constant(5)),
                one("empty", t -> packed(t, BRAIN), constant(0, 17), constant(5, 17))),
            List.of(
                one("width", t -> packed(t, BYTES), constant(3, 7, 16), constant(5, 17)),
                one(
                    "another form",
                    t -> PackedLinear.of(t[0], BRAIN, Pack.of(t[1], BYTES), null),
                    constant(3, 17),
                    constant(5, 17)))),
        OpRow.of(
            PackedConv2d.class,
            List.of(
                one("bytes", t -> convolved(t, CONV_BYTES), constant(2, 5, 7, 6), CONV_WEIGHT),
                one("bf16", t -> convolved(t, CONV_BRAIN), constant(2, 5, 7, 6), CONV_WEIGHT)),
            List.of(
                one("channels", t -> convolved(t, CONV_BYTES), constant(1, 4, 4, 5), CONV_WEIGHT),
                one(
                    "another form",
                    t ->
                        new PackedConv2d(PLAIN_CONV, CONV_BRAIN, 3)
                            .apply(t[0], Pack.of(t[1], CONV_BYTES), null),
                    constant(1, 4, 4, 6),
                    CONV_WEIGHT))),
        OpRow.of(
            ConvTranspose2d.class,
            List.of(
                one("up", t -> up.apply(t[0], t[1], t[2]), of(2, 3, 4, 5), of(5, 3, 3, 4), of(4))),
            List.of(
                one("channels", t -> up.apply(t[0], t[1], null), of(1, 3, 4, 5), of(4, 3, 3, 4)))),
        OpRow.of(
            Attention.class,
            List.of(
                one(
                    "plain",
                    t -> Attention.of(t[0], t[1], t[2], 2),
                    of(2, 9, 8),
                    of(2, 7, 8),
                    of(2, 7, 8)),
                one(
                    "causal",
                    t -> Attention.of(t[0], t[1], t[2], 3, null, true),
                    of(1, 11, 12),
                    of(1, 11, 12),
                    of(1, 11, 12)),
                one(
                    "masked",
                    t -> Attention.of(t[0], t[1], t[2], 2, t[3], false),
                    of(2, 5, 8),
                    of(2, 6, 8),
                    of(2, 6, 8),
                    constant(2, 1, 5, 6)),
                new Sample(
                    "column",
                    t -> Attention.withColumn(t[0], t[1], t[2], 2, t[3]),
                    of(2, 10, 8),
                    of(2, 7, 8),
                    of(2, 7, 8),
                    constant(2, 7)),
                one(
                    "long",
                    t -> Attention.of(t[0], t[1], t[2], 1),
                    of(1, 130, 40),
                    of(1, 530, 40),
                    of(1, 530, 40))),
            List.of(
                one(
                    "heads",
                    t -> Attention.of(t[0], t[1], t[2], 3),
                    of(1, 4, 8),
                    of(1, 4, 8),
                    of(1, 4, 8)),
                one(
                    "keys",
                    t -> Attention.of(t[0], t[1], t[2], 2),
                    of(1, 4, 8),
                    of(1, 5, 8),
                    of(1, 4, 8)))),
        OpRow.of(
            GroupNorm.class,
            List.of(
                one(
                    "fused",
                    t -> GroupNorm.of(t[0], t[1], t[2], 4, 1e-5f, Activation.SILU),
                    of(2, 3, 5, 12),
                    of(12),
                    of(12)),
                one("bare", t -> GroupNorm.of(t[0], null, null, 2, 1e-5f), of(1, 9, 6)),
                one("none", t -> GroupNorm.of(t[0], null, null, 2, 1e-5f), of(0, 9, 6))),
            List.of(
                one("groups", t -> GroupNorm.of(t[0], null, null, 4, 1e-5f), of(1, 9, 6)),
                one(
                    "gamma",
                    t -> GroupNorm.of(t[0], t[1], t[2], 2, 1e-5f),
                    of(1, 9, 6),
                    of(5),
                    of(6)))),
        OpRow.of(
            LinearCombination.class,
            List.of(
                one(
                    "three",
                    t -> LinearCombination.of(new double[] {0.5, -2, 1e-3}, t[0], t[1], t[2]),
                    of(7, 5),
                    of(7, 5),
                    of(7, 5))),
            List.of(
                one(
                    "shapes",
                    t -> LinearCombination.of(new double[] {1, 1}, t[0], t[1]),
                    of(3),
                    of(4)))),
        OpRow.of(
            Contiguous.class,
            List.of(one("copy", t -> Contiguous.copyOf(t[0]), of(3, 4, 5))),
            List.of()),
        OpRow.of(
            Cast.class,
            List.of(
                one("from half", t -> Cast.of(t[0], DType.F32), half(DType.F16, 3, 4)),
                one("from brain float", t -> Cast.of(t[0], DType.F32), half(DType.BF16, 17)),
                one("none", t -> Cast.of(t[0], DType.F32), half(DType.F16, 0))),
            List.of()),
        OpRow.of(
            Permute.class,
            List.of(one("three", t -> Permute.of(t[0], 2, 0, 1), of(3, 4, 5))),
            List.of()),
        OpRow.of(
            Reshape.class,
            List.of(
                one("split", t -> Reshape.of(t[0], 3, 2, -1), of(6, 5)),
                one("none", t -> Reshape.of(t[0], 0, 5), of(5, 0))),
            List.of(one("elements", t -> Reshape.of(t[0], 7, 5), of(6, 5)))),
        OpRow.of(
            Expand.class,
            List.of(one("rows", t -> Expand.of(t[0], Shape.of(3, 4, 5)), of(4, 1))),
            List.of()),
        OpRow.of(
            SumTo.class,
            List.of(
                one("two", t -> SumTo.of(t[0], Shape.of(4, 1)), of(3, 4, 5)),
                one("all", t -> SumTo.of(t[0], Shape.of()), of(3, 4))),
            List.of(one("shape", t -> SumTo.of(t[0], Shape.of(7)), of(3, 4)))));
  }
}
