package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.autograd.Op;
import dev.viridian.kernels.DType;
import java.util.List;
import java.util.function.Function;

/**
 * One row of the {@link OpCatalogueTest}: what an op is tried with.
 *
 * @param op the op's class
 * @param tolerance allowed difference between two implementations, relative to the largest value
 * @param samples inputs that it takes: awkward and real sizes, an empty one, a single element
 * @param refused inputs that it must refuse, with its name in the message
 */
record OpRow(Class<? extends Op> op, double tolerance, List<Sample> samples, List<Sample> refused) {
  /** Applies an op to inputs. */
  @FunctionalInterface
  interface Apply {
    /** The op's outputs. */
    List<Tensor> apply(Tensor... inputs);
  }

  /** An input by shape and range of its (seeded, uniform) values. */
  record In(DType dtype, double low, double high, boolean differentiable, long... shape) {
    /** F32 in −1 … 1, with a gradient. */
    static In of(long... shape) {
      return new In(DType.F32, -1, 1, true, shape);
    }

    /** F32 in a range, with a gradient. */
    static In range(double low, double high, long... shape) {
      return new In(DType.F32, low, high, true, shape);
    }

    /** F32 in −1 … 1 that gets no gradient. */
    static In constant(long... shape) {
      return new In(DType.F32, -1, 1, false, shape);
    }

    /** I64 from 0 to before {@code limit}. */
    static In index(long limit, long... shape) {
      return new In(DType.I64, 0, limit, false, shape);
    }
  }

  /** An application of the op. */
  record Sample(String name, Apply apply, In... inputs) {
    /** An application with one result. */
    static Sample one(String name, Function<Tensor[], Tensor> f, In... inputs) {
      return new Sample(name, in -> List.of(f.apply(in)), inputs);
    }
  }

  /** A row with the usual tolerance. */
  static OpRow of(Class<? extends Op> op, List<Sample> samples, List<Sample> refused) {
    return new OpRow(op, 2e-5, samples, refused);
  }
}
