package dev.viridian.engine.ops;

import dev.viridian.engine.Shape;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.kernels.DType;

/** Checks of arguments, with messages that name op, argument, expected and actual. */
final class Expect {
  private Expect() {}

  static void f32(String op, String argument, TensorSpec actual) {
    if (actual.dtype() != DType.F32) {
      throw new ShapeException(op + ": " + argument + ": expected F32, got " + actual);
    }
  }

  /** F32, or 16 bits where the device has kernels for them. */
  static void activation(String op, String argument, TensorSpec actual) {
    if (!actual.dtype().isFloat()) {
      throw new ShapeException(op + ": " + argument + ": expected F32, F16 or BF16, got " + actual);
    }
  }

  /** The same of a rank of at least {@code rank}. */
  static void activation(String op, String argument, TensorSpec actual, int rank) {
    activation(op, argument, actual);
    rank(op, argument, actual, rank);
  }

  /** F32 of a rank of at least {@code rank}. */
  static void f32(String op, String argument, TensorSpec actual, int rank) {
    f32(op, argument, actual);
    rank(op, argument, actual, rank);
  }

  private static void rank(String op, String argument, TensorSpec actual, int rank) {
    if (actual.shape().rank() < rank) {
      throw new ShapeException(
          op + ": " + argument + ": expected at least " + rank + " dimensions, got " + actual);
    }
  }

  static void spec(String op, String argument, TensorSpec expected, TensorSpec actual) {
    if (!actual.equals(expected)) {
      throw new ShapeException(op + ": " + argument + ": expected " + expected + ", got " + actual);
    }
  }

  /** A floating-point type and exactly this shape. */
  static void parameter(String op, String argument, Shape expected, TensorSpec actual) {
    if (!actual.dtype().isFloat() || !actual.shape().equals(expected)) {
      throw new ShapeException(op + ": " + argument + ": expected " + expected + ", got " + actual);
    }
  }

  /** Refuses a gradient that is wanted where the op has none to give. */
  static void noGradient(Backward c, int i, String argument) {
    if (c.wants(i)) {
      throw new UnsupportedOperationException(argument + " (input " + i + ") has no gradient");
    }
  }
}
