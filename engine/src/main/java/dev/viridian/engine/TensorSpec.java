package dev.viridian.engine;

import dev.viridian.kernels.DType;

/** What a tensor is, without its numbers. */
public record TensorSpec(Shape shape, DType dtype) {
  /** F32 of the given sizes. */
  public static TensorSpec f32(long... sizes) {
    return new TensorSpec(Shape.of(sizes), DType.F32);
  }

  /** F32 of the given shape. */
  public static TensorSpec f32(Shape shape) {
    return new TensorSpec(shape, DType.F32);
  }

  /** Size of the contiguous numbers in bytes. */
  public long bytes() {
    return Math.multiplyExact(shape.elements(), (long) dtype.bytes());
  }

  @Override
  public String toString() {
    return dtype + shape.toString();
  }
}
