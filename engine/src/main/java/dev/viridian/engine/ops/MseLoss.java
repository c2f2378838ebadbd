package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;

/** {@code (x − target)²}; F32 of one shape. */
public final class MseLoss {
  private MseLoss() {}

  /** The loss of every element, reduced. */
  public static Tensor of(Tensor x, Tensor target, Reduction reduction) {
    Expect.spec("MseLoss", "target", x.spec(), target.spec());
    return reduction.apply(PowScalar.of(Sub.of(x, target), 2));
  }
}
