package dev.viridian.engine.ops;

import static dev.viridian.engine.ops.OpRow.In.index;
import static dev.viridian.engine.ops.OpRow.In.of;
import static dev.viridian.engine.ops.OpRow.Sample.one;

import dev.viridian.engine.ops.OpRow.Sample;
import dev.viridian.kernels.ResampleKernels.Mode;
import java.util.ArrayList;
import java.util.List;

/** Rows for resizing and pooling. */
final class ResampleRows {
  private ResampleRows() {}

  static List<OpRow> rows() {
    List<Sample> resizes = new ArrayList<>();
    for (Mode mode : Mode.values()) {
      resizes.add(one(mode + " up", t -> Resize.of(t[0], 9, 8, mode), of(2, 5, 4, 3)));
      resizes.add(one(mode + " down", t -> Resize.of(t[0], 3, 2, mode), of(1, 7, 5, 2)));
      resizes.add(
          one(mode + " twice", t -> Resize.byFactor(t[0], 2, mode, false, false), of(2, 5, 3, 17)));
    }
    for (Mode mode : List.of(Mode.BILINEAR, Mode.BICUBIC)) {
      resizes.add(
          one(mode + " corners", t -> Resize.of(t[0], 9, 8, mode, true, false), of(1, 5, 4, 3)));
      resizes.add(
          one(mode + " smooth", t -> Resize.of(t[0], 3, 8, mode, false, true), of(1, 11, 4, 3)));
      resizes.add(
          one(
              mode + " factor",
              t -> Resize.byFactor(t[0], 1.7, mode, false, false),
              of(1, 5, 7, 1)));
    }
    return List.of(
        OpRow.of(
            Resize.class,
            resizes,
            List.of(
                one("nothing", t -> Resize.of(t[0], 0, 4, Mode.AREA), of(1, 3, 3, 2)),
                one("rank", t -> Resize.of(t[0], 2, 4, Mode.AREA), of(3, 3, 2)))),
        OpRow.of(
            MaxPool2d.class,
            // small: where two values of a window nearly tie, finite differences tell nothing
            List.of(
                new Sample("index", t -> MaxPool2d.withIndex(t[0], 3, 2, 1, true), of(1, 5, 4, 3)),
                one("overlap", t -> MaxPool2d.of(t[0], 3, 1, 1), of(1, 4, 4, 2)),
                one("one", t -> MaxPool2d.of(t[0], 3, 2, 1), of(2, 1, 1, 3))),
            List.of(
                one("padding", t -> MaxPool2d.of(t[0], 3, 2, 2), of(1, 8, 7, 5)),
                one("a large window", t -> MaxPool2d.of(t[0], 9, 1, 0), of(1, 8, 7, 5)))),
        OpRow.of(
            AveragePool2d.class,
            List.of(
                one("plain", t -> AveragePool2d.of(t[0], 2, 2), of(2, 7, 5, 3)),
                one("counted", t -> AveragePool2d.of(t[0], 3, 2, 1, true, true), of(1, 8, 7, 4)),
                one(
                    "not counted",
                    t -> AveragePool2d.of(t[0], 3, 2, 1, true, false),
                    of(1, 8, 7, 4))),
            List.of(one("type", t -> AveragePool2d.of(t[0], 2, 2), index(4, 1, 8, 7, 5)))));
  }
}
