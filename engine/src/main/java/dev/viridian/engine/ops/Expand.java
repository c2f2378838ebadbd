package dev.viridian.engine.ops;

import dev.viridian.engine.Layout;
import dev.viridian.engine.Shape;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.engine.autograd.ViewOp;

/** A tensor repeated to a larger shape without a copy: sizes match from the last, 1 gives way. */
public record Expand(Shape shape) implements ViewOp {
  /** Repeats x to a shape. */
  public static Tensor of(Tensor x, Shape shape) {
    return Tape.apply(new Expand(shape), x);
  }

  @Override
  public Layout view(Layout input) {
    return input.expand(shape);
  }

  @Override
  public void backward(Backward c) {
    c.give(0, SumTo.of(c.gradOut(0), c.inSpec(0).shape()));
  }
}
