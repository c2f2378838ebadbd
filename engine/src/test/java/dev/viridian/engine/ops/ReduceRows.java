package dev.viridian.engine.ops;

import static dev.viridian.engine.ops.OpRow.In.of;
import static dev.viridian.engine.ops.OpRow.In.range;
import static dev.viridian.engine.ops.OpRow.Sample.one;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.autograd.Op;
import dev.viridian.engine.ops.OpRow.In;
import dev.viridian.engine.ops.OpRow.Sample;
import java.util.List;

/** Rows for reductions and running sums. */
final class ReduceRows {
  /** A reduction over dimensions; none means all. */
  @FunctionalInterface
  private interface Over {
    Tensor of(Tensor x, boolean keep, int... dims);
  }

  @FunctionalInterface
  private interface Along {
    Tensor of(Tensor x, int dim);
  }

  private ReduceRows() {}

  static List<OpRow> rows() {
    Sample nothing = one("nothing", t -> Amax.of(t[0], false, 1), of(3, 0));
    return List.of(
        over(Variance.class, (x, keep, dims) -> Variance.of(x, 1, keep, dims)),
        over(Norm2.class, Norm2::of),
        OpRow.of(
            Amax.class,
            List.of( // few values a result: of many, two lie too near each other for differences
                one("last", t -> Amax.of(t[0], false, -1), of(3, 2, 4)),
                one("outer and inner", t -> Amax.of(t[0], true, 0, 2), of(2, 4, 2)),
                one("first", t -> Amax.of(t[0], false, 0), of(2, 33)),
                one("one", t -> Amax.of(t[0], false), of(1)),
                one("no results", t -> Amax.of(t[0], false, 1), of(0, 5))),
            List.of(nothing)),
        OpRow.of(
            Max.class,
            selections(Max::of),
            List.of(one("nothing", t -> Max.of(t[0], 0, false).values(), of(0, 3)))),
        OpRow.of(
            Min.class,
            selections(Min::of),
            List.of(one("nothing", t -> Min.of(t[0], 0, false).values(), of(0, 3)))),
        along(CumulativeSum.class, CumulativeSum::of),
        along(CumulativeProduct.class, CumulativeProduct::of));
  }

  private static OpRow over(Class<? extends Op> op, Over f) {
    return OpRow.of(
        op,
        List.of(
            one("last", t -> f.of(t[0], false, -1), of(3, 5, 7)),
            one("first", t -> f.of(t[0], true, 0), of(4, 5, 33)),
            one("outer and inner", t -> f.of(t[0], true, 0, 2), of(3, 5, 7)),
            one("all", t -> f.of(t[0], false), of(3, 5)),
            one("no results", t -> f.of(t[0], false, 1), of(0, 5)),
            one("rows", t -> f.of(t[0], false, 0), of(1500, 40)),
            one("long", t -> f.of(t[0], false, 1), range(2, 3, 3, 9000))),
        List.of(one("whole numbers", t -> f.of(t[0], false, 0), In.index(9, 3))));
  }

  @FunctionalInterface
  private interface Search {
    Selection of(Tensor x, int dim, boolean keep);
  }

  private static List<Sample> selections(Search f) {
    return List.of(
        both("first", f, 0, of(7, 5)),
        both("middle", f, 1, of(3, 6, 4)),
        both("last", f, 2, of(3, 6, 34)),
        both("one", f, 0, of(1)),
        both("no results", f, 1, of(0, 4)));
  }

  private static Sample both(String name, Search f, int dim, In x) {
    return new Sample(
        name,
        t -> {
          Selection s = f.of(t[0], dim, false);
          return List.of(s.values(), s.indices());
        },
        x);
  }

  private static OpRow along(Class<? extends Op> op, Along f) {
    return OpRow.of(
        op,
        List.of(
            one("first", t -> f.of(t[0], 0), of(7, 5)),
            one("middle", t -> f.of(t[0], 1), of(3, 6, 4)),
            one("last", t -> f.of(t[0], 2), range(0.5, 1.4, 3, 4, 33)),
            one("one", t -> f.of(t[0], 0), of(1)),
            one("none", t -> f.of(t[0], 1), of(3, 0))),
        List.of(one("whole numbers", t -> f.of(t[0], 0), In.index(9, 3))));
  }
}
