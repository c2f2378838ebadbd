package dev.viridian.kernels.cuda;

import dev.viridian.kernels.CopyKernels;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.memory.CudaBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Brings the factors of products and convolutions to the type that they are multiplied in. */
final class CudaFactors {
  private final CudaAllocator allocator;
  private final CopyKernels copies;
  private final @Nullable CudaPack16 pack;

  /** Factors of 16 bits as they are packed, F32 if {@code pack} is null. */
  CudaFactors(CudaAllocator allocator, CopyKernels copies, @Nullable CudaPack16 pack) {
    this.allocator = allocator;
    this.copies = copies;
    this.pack = pack;
  }

  /**
   * Numbers of the wanted type: those that were given, or a copy.
   *
   * @param leading from row to row, in elements
   * @param stride from matrix to matrix
   */
  record Factor(CudaBuffer at, long leading, long stride, CudaAllocator.@Nullable Scratch scratch)
      implements AutoCloseable {
    @Override
    public void close() {
      if (scratch != null) {
        scratch.close();
      }
    }
  }

  /** What factors are multiplied in. */
  DType type() {
    return pack == null ? DType.F32 : pack.type();
  }

  /** A batch of matrices; the buffer ends where the last one does. */
  Factor matrices(
      CudaBuffer from, DType type, int batch, int rows, int columns, long leading, long stride) {
    if (pack != null && type == DType.F32) {
      // rows of whole vectors, as tensor cores like them
      int width = CudaPack16.width(columns);
      boolean shared = stride == 0;
      long reach = from.bytes() / Float.BYTES;
      CudaAllocator.Scratch packed =
          pack.rows(from, reach, 1, shared ? 1 : batch, rows, columns, width, 0, stride, leading);
      return new Factor(packed.buffer(), width, shared ? 0 : (long) rows * width, packed);
    }
    CudaAllocator.Scratch copy = converted(from, type, type(), from.bytes() / type.bytes());
    return new Factor(copy == null ? from : copy.buffer(), leading, stride, copy);
  }

  /** The first numbers of a buffer. */
  Factor flat(CudaBuffer from, DType type, long count) {
    if (pack != null && type == DType.F32) {
      CudaAllocator.Scratch packed = pack.flat(from, count);
      return new Factor(packed.buffer(), 0, 0, packed);
    }
    CudaAllocator.Scratch copy = converted(from, type, type(), count);
    return new Factor(copy == null ? from : copy.buffer(), 0, 0, copy);
  }

  /** A copy in another type; null if it has that type already. */
  CudaAllocator.@Nullable Scratch converted(CudaBuffer from, DType type, DType wanted, long count) {
    if (type == wanted) {
      return null;
    }
    CudaAllocator.Scratch to = allocator.scratch(Math.multiplyExact(count, (long) wanted.bytes()));
    copies.copy(
        new CopyKernels.Copy(List.of(count), type, 0, List.of(1L), wanted, 0, List.of(1L)),
        from,
        to.buffer());
    return to;
  }
}
