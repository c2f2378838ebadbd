package dev.viridian.engine.ops;

import dev.viridian.engine.Shape;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.CopyKernels;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.ReduceKernels;
import dev.viridian.kernels.memory.Buffer;
import java.util.ArrayList;
import java.util.List;

/**
 * The transpose of a broadcast: x F32 is summed over the dimensions along which {@code shape} would
 * be repeated to x's shape.
 */
public record SumTo(Shape shape) implements ComputeOp {
  /** Sums x to a shape that broadcasts to x's; x itself if it has that shape. */
  public static Tensor of(Tensor x, Shape shape) {
    return x.shape().equals(shape) ? x : Tape.apply(new SumTo(shape), x);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    TensorSpec x = in.getFirst();
    if (x.dtype() != DType.F32 || !Shape.broadcast(x.shape(), shape).equals(x.shape())) {
      throw new ShapeException("SumTo: " + shape + " does not broadcast to " + x);
    }
    return List.of(TensorSpec.f32(shape));
  }

  @Override
  public boolean keepsInput(int i) {
    return false;
  }

  @Override
  public void forward(Forward c) {
    // One run of summed dimensions after the other, the innermost first.
    Shape now = c.in(0).shape();
    Buffer from = c.input(0);
    List<int[]> runs = runs(now);
    for (int i = 0; i < runs.size(); i++) {
      int[] run = runs.get(i);
      long size = now.range(run[0], run[1]);
      long outer = now.range(0, run[0]);
      long inner = now.range(run[1], now.rank());
      Buffer to =
          i == runs.size() - 1
              ? c.output(0)
              : Tensor.empty(c.device(), TensorSpec.f32(outer * inner)).buffer(name());
      c.kernels()
          .reduce()
          .sum(new ReduceKernels.Problem(outer, Math.toIntExact(size), inner), 1f, from, to);
      for (int d = run[0]; d < run[1]; d++) {
        now = now.with(d, 1);
      }
      from = to;
    }
    if (runs.isEmpty()) {
      long n = c.in(0).elements();
      CopyKernels.Copy copy =
          new CopyKernels.Copy(List.of(n), DType.F32, 0, List.of(1L), DType.F32, 0, List.of(1L));
      c.kernels().copy().copy(copy, from, c.output(0));
    }
  }

  /** Runs [from, to) of dimensions that are summed, the innermost first. */
  private List<int[]> runs(Shape x) {
    int shift = x.rank() - shape.rank();
    List<int[]> runs = new ArrayList<>();
    int end = -1;
    for (int d = x.rank() - 1; d >= -1; d--) {
      boolean summed = d >= 0 && x.dim(d) != 1 && (d < shift || (shape.dim(d - shift) == 1));
      if (summed && end < 0) {
        end = d + 1;
      } else if (!summed && end >= 0) {
        runs.add(new int[] {d + 1, end});
        end = -1;
      }
    }
    return runs;
  }

  @Override
  public void backward(Backward c) {
    c.give(0, Expand.of(c.gradOut(0), c.inSpec(0).shape()));
  }
}
