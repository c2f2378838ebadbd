package dev.viridian.engine.io;

import dev.viridian.engine.io.PickleValues.StorageRef;
import dev.viridian.engine.io.PickleValues.TensorView;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.function.Supplier;

/**
 * Where the numbers of a storage are.
 *
 * @param ref what the pickle says of it
 * @param position index of its first byte in the file, or −1 where the file holds it deflated
 * @param bigEndian whether its numbers have their highest byte first
 * @param bytes gives its bytes, mapped where they lie or inflated
 */
record TorchStorage(
    StorageRef ref, long position, boolean bigEndian, Supplier<MemorySegment> bytes) {

  /** Whether the tensor's bytes lie in the file, in one piece, just as they are to be given out. */
  boolean isPlain(TensorView view) {
    return position >= 0 && isWhole(view);
  }

  /** Whether the tensor's bytes lie in {@link #bytes} as they are to be given out. */
  boolean isWhole(TensorView view) {
    return (!bigEndian || view.type().bytes() == 1) && isRowMajor(view.shape(), view.strides());
  }

  private static boolean isRowMajor(List<Long> shape, List<Long> strides) {
    long step = 1;
    for (int i = shape.size() - 1; i >= 0; i--) {
      long size = shape.get(i);
      if (size == 0) {
        return true; // nothing to lie anywhere
      }
      if (size != 1 && strides.get(i) != step) {
        return false;
      }
      step *= size;
    }
    return true;
  }

  /** Copies the tensor's numbers to {@code dest}: row-major, little-endian. */
  void gather(TensorView view, MemorySegment dest) {
    long size = view.type().bytes();
    if (dest.byteSize() == 0) {
      return;
    }
    if (isWhole(view)) {
      MemorySegment.copy(bytes.get(), view.offset() * size, dest, 0, dest.byteSize());
      return;
    }
    int rank = view.shape().size();
    long row = rank == 0 ? 1 : view.shape().get(rank - 1);
    long rowStride = rank == 0 ? 0 : view.strides().get(rank - 1) * size;
    long[] index = new long[rank];
    long from = view.offset() * size;
    MemorySegment source = bytes.get();
    for (long to = 0; to < dest.byteSize(); to += row * size) {
      copyRow(source, from, rowStride, dest, to, row, (int) size);
      // step all but the last index, the hindmost first
      for (int i = rank - 2; i >= 0; i--) {
        from += view.strides().get(i) * size;
        if (++index[i] < view.shape().get(i)) {
          break;
        }
        from -= view.strides().get(i) * size * index[i];
        index[i] = 0;
      }
    }
  }

  private void copyRow(
      MemorySegment source,
      long from,
      long stride,
      MemorySegment dest,
      long to,
      long count,
      int size) {
    for (long i = 0; i < count; i++) {
      long s = from + i * stride;
      long d = to + i * size;
      switch (size) {
        case 1 -> dest.set(ValueLayout.JAVA_BYTE, d, source.get(ValueLayout.JAVA_BYTE, s));
        case 2 -> {
          short bits = source.get(ValueLayout.JAVA_SHORT_UNALIGNED, s);
          dest.set(
              ValueLayout.JAVA_SHORT_UNALIGNED, d, bigEndian ? Short.reverseBytes(bits) : bits);
        }
        case 4 -> {
          int bits = source.get(ValueLayout.JAVA_INT_UNALIGNED, s);
          dest.set(
              ValueLayout.JAVA_INT_UNALIGNED, d, bigEndian ? Integer.reverseBytes(bits) : bits);
        }
        default -> {
          long bits = source.get(ValueLayout.JAVA_LONG_UNALIGNED, s);
          dest.set(ValueLayout.JAVA_LONG_UNALIGNED, d, bigEndian ? Long.reverseBytes(bits) : bits);
        }
      }
    }
  }
}
