package dev.viridian.engine.ops;

import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.PackedWeight;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@link Conv2d} in lower precision, with a weight from {@link Pack}. Without groups, without a
 * gradient.
 *
 * @param kernelW columns of the kernel; they divide the weight's taps
 */
public record PackedConv2d(Conv2d conv, PackedWeight weight, int kernelW) implements ComputeOp {
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

  /** The convolution's inputs, the weight as if it were not packed. */
  private List<TensorSpec> unpacked(List<TensorSpec> in) {
    int kernelH = weight.taps() / kernelW;
    List<TensorSpec> specs = new ArrayList<>(in);
    specs.set(1, TensorSpec.f32(weight.out(), kernelH, kernelW, weight.channels()));
    return specs;
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    if (!in.get(1).equals(Pack.spec(weight))) {
      throw new ShapeException("PackedConv2d: not packed as " + weight + ": " + in.get(1));
    }
    return conv.infer(unpacked(in));
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
    c.kernels()
        .packed()
        .convolve(p, weight, c.input(0), c.input(1), c.optionalInput(2), c.output(0));
  }
}
