package dev.viridian.engine.ops;

import dev.viridian.engine.Layout;
import dev.viridian.engine.Shape;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.engine.autograd.ViewOp;
import java.util.Arrays;

/** The same elements in row-major order in another shape: a view where the layout allows it. */
public record Reshape(Shape shape) implements ViewOp {
  /**
   * Reshapes; copies first where a view is impossible.
   *
   * @param sizes one of them may be −1: what remains
   */
  public static Tensor of(Tensor x, long... sizes) {
    Shape target = resolve(x.shape(), sizes);
    Tensor source = x.layout().reshape(target) == null ? Contiguous.of(x) : x;
    return Tape.apply(new Reshape(target), source);
  }

  private static Shape resolve(Shape from, long[] sizes) {
    long[] resolved = sizes.clone();
    long known = 1;
    int open = -1;
    for (int i = 0; i < sizes.length; i++) {
      if (sizes[i] == -1 && open < 0) {
        open = i;
      } else {
        known *= sizes[i];
      }
    }
    if (open >= 0) {
      if (known == 0 || from.elements() % known != 0) {
        throw new ShapeException("Reshape: " + from + " to " + Arrays.toString(sizes));
      }
      resolved[open] = from.elements() / known;
    }
    Shape target = Shape.of(resolved);
    if (target.elements() != from.elements()) {
      throw new ShapeException("Reshape: " + from + " has not the elements of " + target);
    }
    return target;
  }

  @Override
  public Layout view(Layout input) {
    Layout view = input.reshape(shape);
    if (view == null) {
      throw new ShapeException("Reshape: " + input + " to " + shape + " takes a copy");
    }
    return view;
  }

  @Override
  public void backward(Backward c) {
    c.give(0, of(c.gradOut(0), c.inSpec(0).shape().sizes()));
  }
}
