package dev.viridian.engine.ops;

import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.PackedJoin;
import dev.viridian.kernels.PackedKernels;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.Precision;
import dev.viridian.kernels.memory.Buffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@link Conv2d} in lower precision, with a weight from {@link Pack}. Without groups, without a
 * gradient.
 *
 * @param kernelW columns of the kernel; they divide the weight's taps
 * @param onto whether something of the result's shape is added, after the bias
 */
public record PackedConv2d(Conv2d conv, PackedWeight weight, int kernelW, boolean onto)
    implements ComputeOp {
  /** Without anything added. */
  public PackedConv2d(Conv2d conv, PackedWeight weight, int kernelW) {
    this(conv, weight, kernelW, false);
  }

  /** Checks the kernel. */
  public PackedConv2d {
    if (kernelW < 1 || weight.taps() % kernelW != 0 || conv.groups() != 1) {
      throw new IllegalArgumentException("PackedConv2d: " + kernelW + " columns of " + weight);
    }
  }

  /** Applies a packed weight and, unless it is null, a bias. */
  public Tensor apply(Tensor x, Tensor packed, @Nullable Tensor bias) {
    return bias == null ? Tape.apply(this, x, packed) : Tape.apply(this, x, packed, bias);
  }

  /** Whether the device adds something to the result in the same pass. */
  public boolean joins(Tensor x) {
    return joins(x, x.dtype(), PackedJoin.Kind.ONTO);
  }

  /** Whether x may come rounded to BF16. */
  public boolean takesRounded(Tensor x) {
    return x.dtype() == DType.F32 && joins(x, DType.BF16, PackedJoin.Kind.PLAIN);
  }

  private boolean joins(Tensor x, DType type, PackedJoin.Kind kind) {
    if (weight.precision() != Precision.BF16
        || type != DType.F32 && type != DType.BF16
        || x.shape().rank() != 4
        || x.size(3) != weight.channels()) {
      return false; // what is wrong with x is said where it is used
    }
    ConvProblem p = conv.problem(x.shape(), unpackedWeight(), null);
    return x.device().kernels().packed().joins(new PackedJoin(p, weight, type, kind));
  }

  /** {@code conv(x) + residual}; whoever calls has asked whether it {@link #joins}. */
  public Tensor apply(Tensor x, Tensor packed, Tensor bias, Tensor residual) {
    return Tape.apply(new PackedConv2d(conv, weight, kernelW, true), x, packed, bias, residual);
  }

  private TensorSpec unpackedWeight() {
    int kernelH = weight.taps() / kernelW;
    return TensorSpec.f32(weight.out(), kernelH, kernelW, weight.channels());
  }

  /** The convolution's inputs, the weight as if it were not packed. */
  private List<TensorSpec> unpacked(List<TensorSpec> in) {
    List<TensorSpec> specs = new ArrayList<>(onto ? in.subList(0, 3) : in);
    specs.set(0, TensorSpec.f32(in.get(0).shape().sizes()));
    specs.set(1, unpackedWeight());
    return specs;
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    if (!in.get(1).equals(Pack.spec(weight))) {
      throw new ShapeException("PackedConv2d: not packed as " + weight + ": " + in.get(1));
    }
    DType type = in.get(0).dtype();
    if (type != DType.F32 && (type != DType.BF16 || weight.precision() != Precision.BF16)) {
      throw new ShapeException("PackedConv2d: x: expected F32, got " + in.get(0));
    }
    List<TensorSpec> out = conv.infer(unpacked(in));
    if (onto && !in.get(3).equals(out.getFirst())) {
      throw new ShapeException(
          "PackedConv2d: onto: expected " + out.getFirst() + ", got " + in.get(3));
    }
    return out;
  }

  @Override
  public void forward(Forward c) {
    List<TensorSpec> in = new ArrayList<>();
    for (int i = 0; i < c.inputs(); i++) {
      in.add(c.in(i).spec());
    }
    List<TensorSpec> specs = unpacked(in);
    ConvProblem p =
        conv.problem(specs.get(0).shape(), specs.get(1), in.size() > 2 ? in.get(2) : null);
    DType type = in.get(0).dtype();
    if (onto || type == DType.BF16) {
      PackedKernels kernels = c.kernels().packed();
      PackedJoin.Kind kind = onto ? PackedJoin.Kind.ONTO : PackedJoin.Kind.PLAIN;
      PackedJoin join = new PackedJoin(p, weight, type, kind);
      Buffer added = onto ? c.input(3) : null;
      kernels.joined(join, c.input(0), c.input(1), c.optionalInput(2), added, c.output(0));
      return;
    }
    c.kernels()
        .packed()
        .convolve(p, weight, c.input(0), c.input(1), c.optionalInput(2), c.output(0));
  }
}
