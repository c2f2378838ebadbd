package dev.viridian.kernels.cuda;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.memory.Buffer;
import java.util.Locale;

/**
 * What a family's activations are in memory, and where its kernels are: those of F32 in a file of
 * the family's name, those of 16 bits in ops_f16.cu and ops_bf16.cu.
 *
 * @param type F32, F16 or BF16
 */
record CudaStorage(CudaDevice device, DType type) {
  private static final int VECTOR = 16;

  /** A launch of a kernel that there is for every storage. */
  CudaLaunch launch(String family, String kernel) {
    return type == DType.F32
        ? device.launch(family, kernel)
        : device.launch("ops_" + type.name().toLowerCase(Locale.ROOT), family + "_" + kernel);
  }

  /** A launch of a kernel that there is for F32 alone, as all of gradients are. */
  CudaLaunch wide(String family, String kernel) {
    requireWide(family + " " + kernel);
    return device.launch(family, kernel);
  }

  /** Fails unless activations are F32. */
  void requireWide(String what) {
    if (type != DType.F32) {
      throw new UnsupportedOperationException(
          "CUDA: " + what + " is there for F32 alone, not for activations of " + type);
    }
  }

  /** Bytes of so many activations. */
  long bytes(long count) {
    return Math.multiplyExact(count, (long) type.bytes());
  }

  /** How many threads serve so many numbers, of which each takes a vector. */
  long vectors(long count) {
    int many = valuesOfVector();
    return (count + many - 1) / many;
  }

  /** Activations that are read and written at once. */
  int valuesOfVector() {
    return VECTOR / type.bytes();
  }

  /** Whether vectors can be read from a buffer's start on. */
  boolean isAligned(Buffer buffer) {
    return device.own(buffer).address() % VECTOR == 0;
  }
}
