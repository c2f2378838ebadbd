package dev.viridian.engine.ops;

import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.PointwiseKernels.Term;
import dev.viridian.kernels.memory.Buffer;
import java.util.ArrayList;
import java.util.List;

/**
 * {@code y = Σ cᵢ xᵢ} of F32 tensors of one shape, in one pass: what a sampler's step is made of.
 *
 * @param coefficients one for each input
 */
public record LinearCombination(List<Float> coefficients) implements ComputeOp {
  /** Sums {@code coefficients[i] · xs[i]}, in that order. */
  public static Tensor of(double[] coefficients, Tensor... xs) {
    List<Float> c = new ArrayList<>();
    for (double value : coefficients) {
      c.add((float) value);
    }
    return Tape.apply(new LinearCombination(c), xs);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    if (in.size() != coefficients.size()) {
      throw new ShapeException(
          "LinearCombination: "
              + coefficients.size()
              + " coefficients for "
              + in.size()
              + " terms");
    }
    TensorSpec first = in.getFirst();
    for (TensorSpec x : in) {
      if (x.dtype() != DType.F32 || !x.equals(first)) {
        throw new ShapeException(
            "LinearCombination: expected F32 of one shape, got " + first + " and " + x);
      }
    }
    return List.of(first);
  }

  @Override
  public boolean keepsInput(int i) {
    return false;
  }

  @Override
  public void forward(Forward c) {
    List<Term> terms = new ArrayList<>();
    for (int i = 0; i < c.inputs(); i++) {
      terms.add(new Term(coefficients.get(i), c.input(i)));
    }
    c.kernels().pointwise().linearCombination(c.out(0).elements(), terms, c.output(0));
  }

  @Override
  public void backward(Backward c) {
    Buffer dy = c.gradOutput(0);
    for (int i = 0; i < c.inputs(); i++) {
      Buffer dx = c.gradient(i);
      if (dx != null) {
        c.kernels()
            .pointwise()
            .linearCombination(
                c.gradOut(0).elements(), List.of(new Term(coefficients.get(i), dy)), dx);
      }
    }
  }
}
