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
import org.jspecify.annotations.Nullable;

/**
 * {@link Linear} with a weight from {@link Pack}: x [..., in] F32, b [out] F32, F16 or BF16, y
 * [..., out] F32. Without a gradient.
 */
public record PackedLinear(PackedWeight weight) implements ComputeOp {
  /** Applies a packed weight and, unless it is null, a bias [out]. */
  public static Tensor of(Tensor x, PackedWeight weight, Tensor packed, @Nullable Tensor bias) {
    PackedLinear op = new PackedLinear(weight);
    return bias == null ? Tape.apply(op, x, packed) : Tape.apply(op, x, packed, bias);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    TensorSpec x = in.get(0);
    if (x.dtype() != DType.F32
        || x.shape().rank() < 1
        || x.shape().dim(-1) != weight.channels()
        || weight.taps() != 1) {
      throw new ShapeException("PackedLinear: x: expected F32 [..., in] for " + weight + ": " + x);
    }
    if (!in.get(1).equals(Pack.spec(weight))) {
      throw new ShapeException("PackedLinear: not packed as " + weight + ": " + in.get(1));
    }
    if (in.size() > 2) {
      Expect.parameter(name(), "bias", Shape.of(weight.out()), in.get(2));
    }
    return List.of(TensorSpec.f32(x.shape().with(-1, weight.out())));
  }

  @Override
  public void forward(Forward c) {
    int rows = Math.toIntExact(c.in(0).elements() / weight.channels());
    DType biasType = c.inputs() > 2 ? c.in(2).dtype() : DType.F32;
    c.kernels()
        .packed()
        .product(weight, rows, c.input(0), c.input(1), biasType, c.optionalInput(2), c.output(0));
  }
}
