package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;

/** {@code |x − target|}; F32 of one shape. The gradient is 0 where they are equal. */
public final class L1Loss {
  private L1Loss() {}

  /** The loss of every element, reduced. */
  public static Tensor of(Tensor x, Tensor target, Reduction reduction) {
    Expect.spec("L1Loss", "target", x.spec(), target.spec());
    return reduction.apply(Abs.of(Sub.of(x, target)));
  }
}
