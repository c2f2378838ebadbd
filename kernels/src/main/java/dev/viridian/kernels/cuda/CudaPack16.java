package dev.viridian.kernels.cuda;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.memory.Buffer;

/** Rounds F32 to the 16 bits that tensor cores multiply. Launches pack16.cu. */
final class CudaPack16 {
  private static final String FAMILY = "pack16";
  private static final int VECTOR = 8;

  private final CudaDevice device;
  private final CudaAllocator allocator;
  private final DType type;

  /** To F16 or BF16. */
  CudaPack16(CudaDevice device, CudaAllocator allocator, DType type) {
    require(type, device.capability(), device.toString());
    this.device = device;
    this.allocator = allocator;
    this.type = type;
  }

  /** Fails unless devices of a compute capability (10 · major + minor) multiply the type. */
  static void require(DType type, int capability, String device) {
    if (type != DType.F16 && type != DType.BF16) {
      throw new IllegalArgumentException("CUDA: tensor cores take F16 and BF16, got " + type);
    }
    if (type == DType.BF16 && capability < 80) {
      throw new CudaFailure(
          "CUDA: "
              + device
              + " has compute capability "
              + capability / 10.0
              + ", BF16 needs 8.0 (Ampere): use F16 or F32");
    }
  }

  DType type() {
    return type;
  }

  /** How wide packed rows of so many values are. */
  static int width(int values) {
    return Math.multiplyExact(Math.ceilDiv(values, VECTOR), VECTOR);
  }

  /**
   * Rows by strides of three dimensions, in elements, as [batch, heads, tokens, width] with zeros
   * behind the values.
   *
   * @param reach one past the largest element that is reached
   * @param width a multiple of 8
   */
  CudaAllocator.Scratch rows(
      Buffer from,
      long reach,
      int batch,
      int heads,
      int tokens,
      int values,
      int width,
      long... strides) {
    long rows = Math.multiplyExact(Math.multiplyExact((long) batch, heads), (long) tokens);
    long bytes = Math.multiplyExact(rows, 2L * width);
    CudaAllocator.Scratch to = allocator.scratch(bytes);
    device
        .launch(FAMILY, "rows")
        .floats(from, reach)
        .buffer(to.buffer(), bytes)
        .i64(rows * (width / VECTOR))
        .i32(heads)
        .i32(tokens)
        .i32(values)
        .i32(width)
        .i32(type == DType.BF16 ? 1 : 0)
        .i64s(strides)
        .each(rows * (width / VECTOR));
    return to;
  }

  /** The first numbers of a buffer. */
  CudaAllocator.Scratch flat(Buffer from, long count) {
    long vectors = (count + VECTOR - 1) / VECTOR;
    CudaAllocator.Scratch to = allocator.scratch(2L * VECTOR * vectors);
    device
        .launch(FAMILY, "flat")
        .floats(from, count)
        .buffer(to.buffer(), 2L * VECTOR * vectors)
        .i64(count)
        .i32(type == DType.BF16 ? 1 : 0)
        .each(vectors);
    return to;
  }
}
