package dev.viridian.engine.ops;

import dev.viridian.engine.Layout;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.engine.autograd.ViewOp;
import java.util.Arrays;
import java.util.List;

/**
 * The dimensions in another order, as a view.
 *
 * @param dims dimension i of the result is dimension {@code dims[i]} of the input
 */
public record Permute(List<Integer> dims) implements ViewOp {
  /** Dimension i of the result is dimension {@code dims[i]} of x. */
  public static Tensor of(Tensor x, int... dims) {
    return Tape.apply(new Permute(Arrays.stream(dims).boxed().toList()), x);
  }

  @Override
  public Layout view(Layout input) {
    return input.permute(dims.stream().mapToInt(Integer::intValue).toArray());
  }

  @Override
  public void backward(Backward c) {
    int[] back = new int[dims.size()];
    for (int i = 0; i < back.length; i++) {
      back[c.inSpec(0).shape().axis(dims.get(i))] = i;
    }
    c.give(0, of(c.gradOut(0), back));
  }
}
