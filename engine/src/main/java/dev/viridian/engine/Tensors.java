package dev.viridian.engine;

import dev.viridian.kernels.CopyKernels;
import dev.viridian.kernels.DType;
import java.lang.foreign.MemorySegment;

/** Makes tensors of numbers. */
public final class Tensors {
  private Tensors() {}

  /** F32 of the given numbers. */
  public static Tensor of(Device device, float[] values, long... sizes) {
    return upload(
        device, new TensorSpec(Shape.of(sizes), DType.F32), MemorySegment.ofArray(values));
  }

  /** I64 of the given numbers. */
  public static Tensor of(Device device, long[] values, long... sizes) {
    return upload(
        device, new TensorSpec(Shape.of(sizes), DType.I64), MemorySegment.ofArray(values));
  }

  /** I32 of the given numbers. */
  public static Tensor of(Device device, int[] values, long... sizes) {
    return upload(
        device, new TensorSpec(Shape.of(sizes), DType.I32), MemorySegment.ofArray(values));
  }

  /** A single F32 number, of rank 0. */
  public static Tensor scalar(Device device, float value) {
    return of(device, new float[] {value});
  }

  /** F32, every element the same. */
  public static Tensor full(Device device, Shape shape, double value) {
    Tensor tensor = Tensor.empty(device, new TensorSpec(shape, DType.F32));
    device.kernels().copy().fill(DType.F32, shape.elements(), value, tensor.buffer("full"));
    return tensor;
  }

  /** F32 zeros. */
  public static Tensor zeros(Device device, Shape shape) {
    return full(device, shape, 0);
  }

  private static Tensor upload(Device device, TensorSpec spec, MemorySegment bytes) {
    if (bytes.byteSize() != spec.bytes()) {
      throw new ShapeException(bytes.byteSize() / spec.dtype().bytes() + " values for " + spec);
    }
    Tensor tensor = Tensor.empty(device, spec);
    tensor.upload(bytes);
    return tensor;
  }

  /** Writes the numbers of a tensor over those of another of its shape and type. Not recorded. */
  public static void copy(Tensor from, Tensor to) {
    if (!from.spec().equals(to.spec()) || from.device() != to.device()) {
      throw new ShapeException("copy: " + from + " over " + to);
    }
    from.device()
        .kernels()
        .copy()
        .copy(
            new CopyKernels.Copy(
                from.shape().toList(),
                from.dtype(),
                0,
                from.layout().strideList(),
                to.dtype(),
                0,
                to.layout().strideList()),
            from.buffer("copy"),
            to.buffer("copy"));
  }
}
