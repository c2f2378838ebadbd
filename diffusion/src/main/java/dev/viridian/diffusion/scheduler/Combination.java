package dev.viridian.diffusion.scheduler;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.ops.LinearCombination;
import dev.viridian.kernels.PointwiseKernels.Unary;
import java.util.ArrayList;
import java.util.List;

/**
 * A sum {@code Σ c · x} of tensors with coefficients in double, not yet computed: arithmetic on it
 * happens on the host and costs nothing; {@link #evaluate} is one pass over the tensors, in which
 * the coefficients are rounded to float. Immutable.
 */
final class Combination {
  private record Term(double coefficient, Tensor tensor) {}

  private final List<Term> terms;

  private Combination(List<Term> terms) {
    this.terms = terms;
  }

  static Combination of(Tensor tensor) {
    return new Combination(List.of(new Term(1, tensor)));
  }

  Combination times(double factor) {
    return new Combination(
        terms.stream().map(t -> new Term(t.coefficient * factor, t.tensor)).toList());
  }

  Combination plus(Combination other) {
    List<Term> sum = new ArrayList<>(terms);
    for (Term term : other.terms) {
      int at = 0;
      while (at < sum.size() && sum.get(at).tensor != term.tensor) {
        at++;
      }
      if (at == sum.size()) {
        sum.add(term);
      } else {
        sum.set(at, new Term(sum.get(at).coefficient + term.coefficient, term.tensor));
      }
    }
    return new Combination(List.copyOf(sum));
  }

  Combination minus(Combination other) {
    return plus(other.times(-1));
  }

  /** A new tensor. Terms with coefficient 0 are left out. */
  Tensor evaluate() {
    List<Term> present = terms.stream().filter(t -> t.coefficient != 0).toList();
    List<Term> used = present.isEmpty() ? terms.subList(0, 1) : present;
    return LinearCombination.of(
        used.stream().mapToDouble(Term::coefficient).toArray(),
        used.stream().map(Term::tensor).toArray(Tensor[]::new));
  }

  /** A new tensor with every number clamped to [−range, range]. */
  Tensor evaluateClamped(double range) {
    Tensor x = evaluate();
    Tensor y = Tensor.empty(x.device(), x.spec());
    float bound = (float) range;
    x.device()
        .kernels()
        .pointwise()
        .unary(Unary.CLAMP, x.elements(), -bound, bound, x.buffer("clamp"), y.buffer("clamp"));
    return y;
  }
}
