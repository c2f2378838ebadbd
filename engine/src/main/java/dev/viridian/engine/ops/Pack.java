package dev.viridian.engine.ops;

import dev.viridian.engine.Shape;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.PackedWeight;
import java.util.List;

/**
 * A weight [out, …, channels] F32, F16 or BF16 as {@link PackedLinear} and {@link PackedConv2d}
 * read it: bytes that only they understand. Without a gradient.
 */
public record Pack(PackedWeight weight) implements ComputeOp {
  /** Packs a weight. */
  public static Tensor of(Tensor weight, PackedWeight as) {
    return Tape.apply(new Pack(as), weight);
  }

  /** What the packed form is, as a tensor. */
  static TensorSpec spec(PackedWeight w) {
    return new TensorSpec(Shape.of(w.bytes()), DType.U8);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    TensorSpec w = in.getFirst();
    int rank = w.shape().rank();
    if (!w.dtype().isFloat()
        || rank < 2
        || w.shape().dim(0) != weight.out()
        || w.shape().range(1, rank - 1) != weight.taps()
        || w.shape().dim(-1) != weight.channels()) {
      throw new ShapeException("Pack: expected a weight of " + weight + ", got " + w);
    }
    return List.of(spec(weight));
  }

  @Override
  public void forward(Forward c) {
    c.kernels().packed().pack(weight, c.in(0).dtype(), c.input(0), c.output(0));
  }
}
