package dev.viridian.engine.ops;

import static dev.viridian.engine.ops.OpRow.In.index;
import static dev.viridian.engine.ops.OpRow.In.of;
import static dev.viridian.engine.ops.OpRow.Sample.one;

import dev.viridian.engine.ops.OpRow.In;
import dev.viridian.kernels.DType;
import java.util.List;

/** Rows for what moves, joins, cuts, pads and indexes. */
final class ShapeRows {
  private ShapeRows() {}

  static List<OpRow> rows() {
    Window window = new Window(3, 2, 2, 1, 1, 0, 1, 2);
    return List.of(
        OpRow.of(
            Slice.class,
            List.of(
                one("steps", t -> Slice.of(t[0], 1, 2, 17, 3), of(3, 17, 5)),
                one("last", t -> Slice.of(t[0], -1, 4, 5), of(3, 5)),
                one("none", t -> Slice.of(t[0], 0, 2, 2), of(3, 5))),
            List.of(
                one("stop", t -> Slice.of(t[0], 0, 0, 4), of(3, 5)),
                one("order", t -> Slice.of(t[0], 0, 2, 1), of(3, 5)))),
        OpRow.of(
            Cat.class,
            List.of(
                one("middle", t -> Cat.of(1, t[0], t[1]), of(2, 3, 5), of(2, 4, 5)),
                one("skip", t -> Cat.of(-1, t[0], t[1]), of(1, 4, 4, 33), of(1, 4, 4, 17)),
                one("none", t -> Cat.of(0, t[0], t[1]), of(0, 5), of(3, 5))),
            List.of(
                one("sizes", t -> Cat.of(0, t[0], t[1]), of(3, 4), of(3, 5)),
                one("types", t -> Cat.of(0, t[0], t[1]), of(3), index(4, 3)))),
        OpRow.of(
            Flip.class,
            List.of(
                one("two", t -> Flip.of(t[0], 0, -1), of(3, 4, 5)),
                one("none", t -> Flip.of(t[0], 0), of(0, 5))),
            List.of()),
        OpRow.of(
            Pad.class,
            List.of(
                one("zeros", t -> Pad.of(t[0], 0, 1, 0, 1), of(2, 5, 7, 3)),
                one("mirror", t -> Pad.of(t[0], 4, 2, 3, 6, Pad.Mode.REFLECT, 0), of(1, 5, 7, 2)),
                one("edge", t -> Pad.of(t[0], 0, 6, 3, 1, Pad.Mode.REPLICATE, 0), of(1, 5, 1, 2)),
                one(
                    "cut",
                    t -> Pad.of(t[0], -2, 1, 2, -3, Pad.Mode.CONSTANT, 0.5f),
                    of(1, 5, 7, 2))),
            List.of(
                one(
                    "a wide mirror",
                    t -> Pad.of(t[0], 5, 0, 0, 0, Pad.Mode.REFLECT, 0),
                    of(1, 5, 7, 2)),
                one("too much", t -> Pad.of(t[0], -3, -3, 0, 0), of(1, 5, 7, 2)))),
        OpRow.of(
            Gather.class,
            List.of(
                one("middle", t -> Gather.of(t[0], 1, t[1]), of(2, 5, 3), index(5, 2, 9, 3)),
                one("smaller", t -> Gather.of(t[0], 0, t[1]), of(5, 7), index(5, 2, 3))),
            List.of(one("rank", t -> Gather.of(t[0], 0, t[1]), of(5, 7), index(5, 2)))),
        OpRow.of(
            ScatterAdd.class,
            List.of(
                one(
                    "middle",
                    t -> ScatterAdd.of(t[0], 1, t[1], t[2]),
                    of(2, 4, 3),
                    index(4, 2, 9, 3),
                    of(2, 9, 3)),
                one(
                    "first",
                    t -> ScatterAdd.of(t[0], 0, t[1], t[2]),
                    of(6, 7),
                    index(6, 2, 7),
                    of(2, 7))),
            List.of(
                one(
                    "source",
                    t -> ScatterAdd.of(t[0], 0, t[1], t[2]),
                    of(6, 7),
                    index(6, 2, 7),
                    of(3, 7)))),
        OpRow.of(
            IndexSelect.class,
            List.of(
                one("middle", t -> IndexSelect.of(t[0], 1, t[1]), of(3, 5, 7), index(5, 9)),
                one("none", t -> IndexSelect.of(t[0], 0, t[1]), of(3, 5), index(3, 0)),
                one(
                    "half",
                    t -> IndexSelect.of(t[0], 0, t[1]),
                    new In(DType.F16, -1, 1, false, 5, 33),
                    index(5, 4))),
            List.of(one("type", t -> IndexSelect.of(t[0], 0, t[1]), of(3, 5), of(3)))),
        OpRow.of(
            Embedding.class,
            List.of(
                one("tokens", t -> Embedding.of(t[0], t[1]), of(49, 33), index(49, 2, 77)),
                one(
                    "half",
                    t -> Embedding.of(t[0], t[1]),
                    new In(DType.BF16, -1, 1, false, 9, 17),
                    index(9, 5))),
            List.of(
                one("rank", t -> Embedding.of(t[0], t[1]), of(4, 3, 2), index(4, 5)),
                one("type", t -> Embedding.of(t[0], t[1]), of(4, 3), of(5)))),
        OpRow.of(
            Unfold.class,
            List.of(
                one("attributes", t -> Unfold.of(t[0], window), of(2, 6, 7, 3)),
                one("3x3", t -> Unfold.of(t[0], Window.square(3, 1, 1)), of(1, 5, 4, 8))),
            List.of(
                one("a large window", t -> Unfold.of(t[0], Window.square(5, 1, 0)), of(1, 4, 9, 2)),
                one("rank", t -> Unfold.of(t[0], window), of(4, 9, 2)))),
        OpRow.of(
            Fold.class,
            List.of(
                one("attributes", t -> Fold.of(t[0], 6, 7, window), of(2, 3, 5, 3, 2, 4)),
                one(
                    "blocks",
                    t -> Fold.of(t[0], 6, 4, Window.square(2, 2, 0)),
                    of(1, 3, 2, 2, 2, 3))),
            List.of(one("positions", t -> Fold.of(t[0], 6, 7, window), of(2, 3, 4, 3, 2, 4)))));
  }
}
