package dev.viridian.engine.ops;

import dev.viridian.engine.Layout;
import dev.viridian.engine.Shape;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.GemmProblem;
import java.util.List;

/**
 * Matrix products of F32 a [..., m, k] and b [..., k, n], leading dimensions broadcast: y [..., m,
 * n]. Transposed and expanded views are read where they lie.
 */
public record MatMul() implements ComputeOp {
  /** The products; a vector [k] on either side is taken for one row or column and drops out. */
  public static Tensor of(Tensor a, Tensor b) {
    Tensor rows = a.shape().rank() == 1 ? Reshape.of(a, 1, a.elements()) : a;
    Tensor cols = b.shape().rank() == 1 ? Reshape.of(b, b.elements(), 1) : b;
    Tensor y = Tape.apply(new MatMul(), rows, cols);
    Shape shape = y.shape();
    if (b.shape().rank() == 1) {
      shape = shape.without(-1);
    }
    if (a.shape().rank() == 1) {
      shape = shape.without(b.shape().rank() == 1 ? -1 : -2);
    }
    return shape.equals(y.shape()) ? y : Reshape.of(y, shape.sizes());
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    TensorSpec a = in.get(0);
    TensorSpec b = in.get(1);
    if (a.dtype() != DType.F32
        || b.dtype() != DType.F32
        || a.shape().rank() < 2
        || b.shape().rank() < 2
        || a.shape().dim(-1) != b.shape().dim(-2)) {
      throw new ShapeException(
          "MatMul: expected F32 a [..., m, k] and b [..., k, n], got " + a + " and " + b);
    }
    Shape batch = Shape.broadcast(batch(a.shape()), batch(b.shape()));
    int rank = batch.rank();
    return List.of(
        TensorSpec.f32(batch.insert(rank, a.shape().dim(-2)).insert(rank + 1, b.shape().dim(-1))));
  }

  private static Shape batch(Shape shape) {
    return shape.without(-1).without(-1);
  }

  @Override
  public boolean readsStrides(int i) {
    return true;
  }

  /** A stack of matrices as the kernel takes it. */
  private record Operand(Tensor tensor, boolean transposed, long leading, long stride) {
    static Operand of(Tensor t, Shape batch) {
      int rank = batch.rank();
      Shape full = batch.insert(rank, t.shape().dim(-2)).insert(rank + 1, t.shape().dim(-1));
      Layout layout = t.layout().expand(full);
      long stride = batchStride(layout, rank);
      long rows = layout.stride(-2);
      long cols = layout.stride(-1);
      long m = full.dim(-2);
      long n = full.dim(-1);
      if (stride >= 0 && (cols == 1 || n == 1) && (rows >= n || m <= 1)) {
        return new Operand(t, false, Math.max(rows, n), stride);
      }
      if (stride >= 0 && (rows == 1 || m == 1) && (cols >= m || n <= 1)) {
        return new Operand(t, true, Math.max(cols, m), stride);
      }
      Tensor copy = Contiguous.copyOf(t.view(layout));
      return new Operand(copy, false, Math.max(1, n), m * n);
    }

    /** The one distance between consecutive matrices, or −1 if there is none. */
    private static long batchStride(Layout layout, int rank) {
      long stride = -1;
      long step = 0;
      for (int i = rank - 1; i >= 0; i--) {
        long size = layout.shape().dim(i);
        if (size == 1) {
          continue;
        }
        if (stride < 0) {
          stride = layout.stride(i);
          step = stride;
        } else if (layout.stride(i) != step) {
          return -1;
        }
        step *= size;
      }
      return Math.max(stride, 0);
    }
  }

  @Override
  public void forward(Forward c) {
    multiply(c.in(0), c.in(1), c.out(0));
  }

  private static void multiply(Tensor a, Tensor b, Tensor y) {
    if (y.elements() == 0) {
      return;
    }
    Shape batch = batch(y.shape());
    Operand x = Operand.of(a, batch);
    Operand w = Operand.of(b, batch);
    int m = y.size(-2);
    int n = y.size(-1);
    GemmProblem p =
        GemmProblem.of(m, n, a.size(-1), x.transposed, w.transposed)
            .leading(x.leading, w.leading, n)
            .batched(Math.toIntExact(batch.elements()), x.stride, w.stride, (long) m * n);
    y.device()
        .kernels()
        .gemm()
        .gemm(p, x.tensor.buffer("MatMul"), w.tensor.buffer("MatMul"), null, y.buffer("MatMul"));
  }

  @Override
  public void backward(Backward c) {
    Tensor dy = c.gradOut(0);
    if (c.wants(0)) {
      c.give(0, SumTo.of(of(dy, transpose(c.in(1))), c.inSpec(0).shape()));
    }
    if (c.wants(1)) {
      c.give(1, SumTo.of(of(transpose(c.in(0)), dy), c.inSpec(1).shape()));
    }
  }

  private static Tensor transpose(Tensor t) {
    int[] dims = new int[t.shape().rank()];
    for (int i = 0; i < dims.length; i++) {
      dims[i] = i;
    }
    dims[dims.length - 1] = dims.length - 2;
    dims[dims.length - 2] = dims.length - 1;
    return Permute.of(t, dims);
  }
}
