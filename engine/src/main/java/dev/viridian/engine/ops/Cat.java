package dev.viridian.engine.ops;

import dev.viridian.engine.Layout;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.engine.autograd.Tape;
import java.util.List;

/**
 * Tensors of one type joined along a dimension; their other sizes agree.
 *
 * @param dim −1 is the last
 */
public record Cat(int dim) implements ComputeOp {
  /** Joins, in order. */
  public static Tensor of(int dim, Tensor... parts) {
    return Tape.apply(new Cat(dim), parts);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    TensorSpec first = in.getFirst();
    int axis = first.shape().axis(dim);
    long size = 0;
    for (int i = 0; i < in.size(); i++) {
      TensorSpec part = in.get(i);
      if (part.dtype() != first.dtype()
          || part.shape().rank() != first.shape().rank()
          || !part.shape().with(axis, 0).equals(first.shape().with(axis, 0))) {
        throw new ShapeException(
            "Cat: part "
                + i
                + ": expected "
                + first
                + " but for dimension "
                + dim
                + ", got "
                + part);
      }
      size += part.shape().dim(axis);
    }
    return List.of(new TensorSpec(first.shape().with(axis, size), first.dtype()));
  }

  @Override
  public boolean readsStrides(int i) {
    return true;
  }

  @Override
  public boolean keepsInput(int i) {
    return false;
  }

  @Override
  public void forward(Forward c) {
    Layout whole = c.out(0).layout();
    long start = 0;
    for (int i = 0; i < c.inputs(); i++) {
      long size = c.in(i).shape().dim(dim);
      Regions.write(c.kernels(), c.in(i), whole.slice(dim, start, start + size, 1), c.output(0));
      start += size;
    }
  }

  @Override
  public void backward(Backward c) {
    Tensor dy = c.gradOut(0);
    long start = 0;
    for (int i = 0; i < c.inputs(); i++) {
      long size = c.inSpec(i).shape().dim(dim);
      if (c.wants(i)) {
        c.give(i, dy.view(dy.layout().slice(dim, start, start + size, 1)));
      }
      start += size;
    }
  }
}
