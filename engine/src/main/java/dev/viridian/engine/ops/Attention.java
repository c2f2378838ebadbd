package dev.viridian.engine.ops;

import dev.viridian.engine.Layout;
import dev.viridian.engine.Shape;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.AttentionKernels.Gradients;
import dev.viridian.kernels.AttentionKernels.Inputs;
import dev.viridian.kernels.AttentionKernels.Results;
import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.AttentionProblem.Strides;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.memory.Buffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@code softmax(scale · q kᵀ + mask) v} by head: q [b, l, heads·d], k and v [b, m, heads·d],
 * result [b, l, heads·d], all F32, or 16 bits where the device has such activations. The score
 * matrix is never held as a whole.
 *
 * <p>With column weights e [b, m] a second result [b, l] is the weighted column of the
 * probabilities, averaged over the heads: {@code (1/heads) Σ_head Σ_j e[b, j] P[b, head, n, j]},
 * the A_green of the paper's L_g.
 *
 * @param masked whether an additive mask, broadcastable to [b, heads, l, m], is the fourth input;
 *     it gets no gradient
 * @param column whether column weights are the last input; they get no gradient
 * @param rounded whether it may be computed in lower precision where no gradient is wanted, without
 *     causality, mask and column
 */
public record Attention(
    int heads, float scale, boolean causal, boolean masked, boolean column, boolean rounded)
    implements ComputeOp {

  /** Plain attention with scale 1/√d. */
  public static Tensor of(Tensor q, Tensor k, Tensor v, int heads) {
    return of(q, k, v, heads, null, false);
  }

  /** Attention with scale 1/√d, an optional mask and optional causality. */
  public static Tensor of(
      Tensor q, Tensor k, Tensor v, int heads, @Nullable Tensor mask, boolean causal) {
    float scale = (float) (1 / Math.sqrt((double) q.size(-1) / heads));
    return apply(q, k, v, mask, null, heads, scale, causal).getFirst();
  }

  /**
   * Plain attention with scale 1/√d, in lower precision where the device gains by it and no
   * gradient is wanted: what {@link PackedLinear} is to {@link Linear}.
   */
  public static Tensor rounded(Tensor q, Tensor k, Tensor v, int heads) {
    float scale = (float) (1 / Math.sqrt((double) q.size(-1) / heads));
    Attention op = new Attention(heads, scale, false, false, false, true);
    return Tape.applyAll(op, q, k, v).getFirst();
  }

  /** Attention and the column: [result, column map]. Scale 1/√d. */
  public static List<Tensor> withColumn(
      Tensor q, Tensor k, Tensor v, int heads, Tensor columnWeights) {
    float scale = (float) (1 / Math.sqrt((double) q.size(-1) / heads));
    return apply(q, k, v, null, columnWeights, heads, scale, false);
  }

  /** Everything said. */
  public static List<Tensor> apply(
      Tensor q,
      Tensor k,
      Tensor v,
      @Nullable Tensor mask,
      @Nullable Tensor columnWeights,
      int heads,
      float scale,
      boolean causal) {
    List<Tensor> inputs = new ArrayList<>(List.of(q, k, v));
    if (mask != null) {
      inputs.add(mask);
    }
    if (columnWeights != null) {
      inputs.add(columnWeights);
    }
    Attention op = new Attention(heads, scale, causal, mask != null, columnWeights != null, false);
    return Tape.applyAll(op, inputs.toArray(Tensor[]::new));
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    TensorSpec q = in.get(0);
    if (!q.dtype().isFloat() || q.shape().rank() != 3 || q.shape().dim(2) % heads != 0) {
      throw new ShapeException(
          "Attention: q: expected F32, F16 or BF16 [b, l, " + heads + "·d], got " + q);
    }
    Shape keys = q.shape().with(1, in.get(1).shape().rank() == 3 ? in.get(1).shape().dim(1) : 0);
    for (int i = 1; i < 3; i++) {
      TensorSpec expected = new TensorSpec(keys, q.dtype());
      if (!in.get(i).equals(expected) || keys.dim(1) < 1) {
        throw new ShapeException(
            "Attention: " + (i == 1 ? "k" : "v") + ": expected " + expected + ", got " + in.get(i));
      }
    }
    if (masked) {
      TensorSpec mask = in.get(3);
      Shape full = Shape.of(q.shape().dim(0), heads, q.shape().dim(1), keys.dim(1));
      if (mask.dtype() != DType.F32
          || mask.shape().rank() > 4
          || mask.shape().rank() < 1
          || mask.shape().dim(-1) != full.dim(-1)
          || !Shape.broadcast(mask.shape(), full).equals(full)) {
        throw new ShapeException("Attention: mask: expected F32 " + full + ", got " + mask);
      }
    }
    List<TensorSpec> out = new ArrayList<>(List.of(q));
    if (column) {
      TensorSpec weights = in.getLast();
      if (!weights.equals(TensorSpec.f32(q.shape().dim(0), keys.dim(1)))) {
        throw new ShapeException(
            "Attention: column weights: expected F32 ["
                + q.shape().dim(0)
                + ", "
                + keys.dim(1)
                + "], got "
                + weights);
      }
      out.add(TensorSpec.f32(q.shape().dim(0), q.shape().dim(1)));
    }
    return out;
  }

  private AttentionProblem problem(Shape q, Shape k, @Nullable Shape mask) {
    int d = q.size(2) / heads;
    Strides ofQ = Strides.blhd(q.size(1), heads, d);
    Strides ofK = Strides.blhd(k.size(1), heads, d);
    Strides ofMask = Strides.NONE;
    if (mask != null) {
      Layout full = Layout.contiguous(mask).expand(Shape.of(q.dim(0), heads, q.dim(1), k.dim(1)));
      ofMask = new Strides(full.stride(0), full.stride(1), full.stride(2));
    }
    return new AttentionProblem(
        q.size(0), heads, q.size(1), k.size(1), d, scale, causal, ofQ, ofK, ofK, ofQ, ofMask);
  }

  @Override
  public List<TensorSpec> saved(List<TensorSpec> in) {
    Shape q = in.get(0).shape();
    return List.of(TensorSpec.f32(q.dim(0), heads, q.dim(1)));
  }

  @Override
  public boolean keepsOutput(int i) {
    return i == 0;
  }

  @Override
  public void forward(Forward c) {
    if (rounded && c.saved(0) == null) {
      c.kernels(0)
          .attention()
          .forwardRounded(
              problem(c.in(0).shape(), c.in(1).shape(), null),
              new Inputs(c.input(0), c.input(1), c.input(2)),
              new Results(c.output(0)));
      return;
    }
    c.kernels(0)
        .attention()
        .forward(
            problem(c.in(0).shape(), c.in(1).shape(), masked ? c.in(3).shape() : null),
            new Inputs(
                c.input(0),
                c.input(1),
                c.input(2),
                masked ? c.input(3) : null,
                column ? c.input(c.inputs() - 1) : null),
            new Results(c.output(0), c.saved(0), column ? c.output(1) : null));
  }

  @Override
  public void backward(Backward c) {
    Buffer dOut =
        c.arrived(0)
            ? c.gradOutput(0)
            : Tensors.zeros(c.device(), c.inSpec(0).shape()).buffer(name());
    Buffer[] d = new Buffer[3];
    for (int i = 0; i < 3; i++) {
      Buffer wanted = c.gradient(i);
      d[i] = wanted != null ? wanted : Tensor.empty(c.device(), c.inSpec(i)).buffer(name());
    }
    c.kernels()
        .attention()
        .backward(
            problem(c.inSpec(0).shape(), c.inSpec(1).shape(), masked ? c.inSpec(3).shape() : null),
            new Inputs(
                c.input(0),
                c.input(1),
                c.input(2),
                masked ? c.input(3) : null,
                column ? c.input(c.inputs() - 1) : null),
            new Results(c.output(0), c.saved(0), null),
            new Gradients(dOut, column && c.arrived(1) ? c.gradOutput(1) : null, d[0], d[1], d[2]));
  }
}
