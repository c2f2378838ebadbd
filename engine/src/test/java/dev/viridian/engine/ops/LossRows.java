package dev.viridian.engine.ops;

import static dev.viridian.engine.ops.OpRow.In.of;
import static dev.viridian.engine.ops.OpRow.In.range;
import static dev.viridian.engine.ops.OpRow.Sample.one;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.ops.OpRow.In;
import dev.viridian.engine.ops.OpRow.Sample;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.ImageKernels.Border;
import java.util.List;

/** Rows for the losses that are ops of their own, and Sobel. */
final class LossRows {
  private LossRows() {}

  static List<OpRow> rows() {
    return List.of(
        OpRow.of(
            BinaryCrossEntropy.class,
            List.of(
                one("each", t -> bce(t, Reduction.NONE), range(0.1, 0.9, 3, 7), target(3, 7)),
                one("sum", t -> bce(t, Reduction.SUM), range(0.1, 0.9, 5), target(5)),
                one("mean", t -> bce(t, Reduction.MEAN), range(0.1, 0.9, 2, 3, 4), target(2, 3, 4)),
                one("none", t -> bce(t, Reduction.SUM), range(0.1, 0.9, 0), target(0))),
            List.of(one("shapes", t -> bce(t, Reduction.NONE), of(3), target(4)))),
        OpRow.of(
            BceWithLogits.class,
            List.of(
                one("each", t -> logits(t, Reduction.NONE), range(-9, 9, 3, 7), target(3, 7)),
                one("sum", t -> logits(t, Reduction.SUM), range(-9, 9, 5), target(5)),
                one("none", t -> logits(t, Reduction.SUM), range(-9, 9, 0), target(0))),
            List.of(one("shapes", t -> logits(t, Reduction.NONE), of(3), target(4)))),
        OpRow.of(
            Sobel.class,
            List.of(
                sobel("zero", Border.ZERO, of(2, 5, 7, 3)),
                sobel("reflect", Border.REFLECT, of(1, 4, 6, 2)),
                sobel("replicate", Border.REPLICATE, of(1, 4, 6, 2)),
                sobel("one", Border.ZERO, of(1, 1, 1, 1)),
                sobel("none", Border.ZERO, of(0, 4, 4, 2)),
                one("of one", t -> Sobel.of(t[0], Border.ZERO).y(), of(1, 5, 5, 1))),
            List.of(
                sobel("a rank", Border.ZERO, of(4, 4)),
                sobel("one row", Border.REFLECT, of(1, 1, 4, 1)))));
  }

  private static In target(long... shape) {
    return new In(DType.F32, 0, 1, false, shape);
  }

  private static Tensor bce(Tensor[] t, Reduction reduction) {
    return BinaryCrossEntropy.of(t[0], t[1], reduction);
  }

  private static Tensor logits(Tensor[] t, Reduction reduction) {
    return BceWithLogits.of(t[0], t[1], reduction);
  }

  private static Sample sobel(String name, Border border, In x) {
    return new Sample(
        name,
        t -> {
          Sobel.Responses s = Sobel.of(t[0], border);
          return List.of(s.x(), s.y());
        },
        x);
  }
}
