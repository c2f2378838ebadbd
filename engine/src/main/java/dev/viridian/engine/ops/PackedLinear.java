package dev.viridian.engine.ops;

import dev.viridian.engine.Shape;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.PackedJoin;
import dev.viridian.kernels.PackedKernels;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.Precision;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * {@link Linear} with a weight from {@link Pack}: x [..., in] F32, b [out] F32, F16 or BF16, y
 * [..., out] F32. Without a gradient.
 *
 * @param join what becomes of the product in the same pass; null: nothing. x may be BF16 then; what
 *     is added to the product is the last input
 */
public record PackedLinear(PackedWeight weight, PackedJoin.@Nullable Kind join)
    implements ComputeOp {
  /** Applies a packed weight and, unless it is null, a bias [out]. */
  public static Tensor of(Tensor x, PackedWeight weight, Tensor packed, @Nullable Tensor bias) {
    PackedJoin.Kind join = x.dtype() == DType.BF16 ? PackedJoin.Kind.PLAIN : null;
    PackedLinear op = new PackedLinear(weight, join);
    return bias == null ? Tape.apply(op, x, packed) : Tape.apply(op, x, packed, bias);
  }

  /** Whether the device joins something to a product of x, in a type, in good time. */
  public static boolean joins(Tensor x, DType type, PackedWeight weight, PackedJoin.Kind kind) {
    return weight.precision() == Precision.BF16
        && (type == DType.F32 || type == DType.BF16)
        && x.device().kernels().packed().joins(PackedJoin.ofRows(1, weight, type, null, kind));
  }

  /** {@code linear(x) + onto}, [..., out] F32, with a bias. */
  public static Tensor onto(
      Tensor x, PackedWeight weight, Tensor packed, Tensor bias, Tensor onto) {
    return Tape.apply(new PackedLinear(weight, PackedJoin.Kind.ONTO), x, packed, bias, onto);
  }

  /** {@link Geglu} of linear(x), [..., out / 2], rounded to BF16. */
  public static Tensor gated(Tensor x, PackedWeight weight, Tensor packed, Tensor bias) {
    return Tape.apply(new PackedLinear(weight, PackedJoin.Kind.GATED), x, packed, bias);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    TensorSpec x = in.get(0);
    boolean rounded = join != null && weight.precision() == Precision.BF16;
    if (x.dtype() != DType.F32 && !(rounded && x.dtype() == DType.BF16)
        || x.shape().rank() < 1
        || x.shape().dim(-1) != weight.channels()
        || weight.taps() != 1) {
      throw new ShapeException("PackedLinear: x: expected F32 [..., in] for " + weight + ": " + x);
    }
    if (!in.get(1).equals(Pack.spec(weight))) {
      throw new ShapeException("PackedLinear: not packed as " + weight + ": " + in.get(1));
    }
    if (biased(in.size())) {
      Expect.parameter(name(), "bias", Shape.of(weight.out()), in.get(2));
    }
    if (join == null) {
      return List.of(TensorSpec.f32(x.shape().with(-1, weight.out())));
    }
    PackedJoin p = problem(x, biased(in.size()) ? in.get(2) : null);
    TensorSpec y = new TensorSpec(x.shape().with(-1, p.columns()), join.type());
    if (join == PackedJoin.Kind.ONTO && !in.getLast().equals(y)) {
      throw new ShapeException("PackedLinear: onto: expected " + y + ", got " + in.getLast());
    }
    return List.of(y);
  }

  private boolean biased(int inputs) {
    return inputs > (join == PackedJoin.Kind.ONTO ? 3 : 2);
  }

  private PackedJoin problem(TensorSpec x, @Nullable TensorSpec bias) {
    int rows = Math.max(1, Math.toIntExact(x.shape().elements() / weight.channels()));
    DType biasType = bias == null ? null : bias.dtype();
    PackedJoin.Kind kind = Objects.requireNonNull(join, "join");
    return PackedJoin.ofRows(rows, weight, x.dtype(), biasType, kind);
  }

  @Override
  public void forward(Forward c) {
    if (join != null && c.in(0).elements() == 0) {
      return;
    }
    if (join != null) {
      boolean biased = biased(c.inputs());
      PackedJoin p = problem(c.in(0).spec(), biased ? c.in(2).spec() : null);
      PackedKernels kernels = c.kernels().packed();
      Buffer bias = biased ? c.input(2) : null;
      Buffer onto = join == PackedJoin.Kind.ONTO ? c.input(c.inputs() - 1) : null;
      kernels.joined(p, c.input(0), c.input(1), bias, onto, c.output(0));
      return;
    }
    int rows = Math.toIntExact(c.in(0).elements() / weight.channels());
    DType biasType = c.inputs() > 2 ? c.in(2).dtype() : DType.F32;
    c.kernels()
        .packed()
        .product(weight, rows, c.input(0), c.input(1), biasType, c.optionalInput(2), c.output(0));
  }
}
