package dev.viridian.engine.ops;

import dev.viridian.engine.Layout;
import dev.viridian.engine.Shape;
import dev.viridian.engine.Tensor;
import dev.viridian.kernels.CopyKernels;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.memory.Buffer;

/** Copies between tensors and regions of contiguous ones. */
final class Regions {
  private Regions() {}

  /**
   * Copies a tensor, by its strides, into a region of a contiguous tensor of the same type.
   *
   * @param region the region's layout within {@code target}
   */
  static void write(Kernels kernels, Tensor source, Layout region, Buffer target) {
    kernels
        .copy()
        .copy(
            new CopyKernels.Copy(
                source.shape().toList(),
                source.dtype(),
                0,
                source.layout().strideList(),
                source.dtype(),
                region.offset(),
                region.strideList()),
            source.buffer("copy"),
            target);
  }

  /** A region of zeros elsewhere, {@code source} within: the gradient of a slice. */
  static void writeAmidZeros(
      Kernels kernels, Tensor source, Layout region, long elements, Buffer target) {
    kernels.copy().fill(DType.F32, elements, 0, target);
    write(kernels, source, region, target);
  }

  /** Indices along dimension {@code axis} of a shape. */
  static CopyKernels.Indexed along(Shape shape, int axis, long count) {
    return new CopyKernels.Indexed(
        shape.range(0, axis),
        shape.size(axis),
        Math.toIntExact(count),
        shape.range(axis + 1, shape.rank()));
  }
}
