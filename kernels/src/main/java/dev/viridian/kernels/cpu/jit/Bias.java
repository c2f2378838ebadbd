package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** A bias as floats that generated code reads in whole vectors. */
final class Bias {
  private Bias() {}

  /** Memory of the calling thread with {@code count} floats and some room behind; null for null. */
  static @Nullable MemorySegment of(String what, @Nullable Buffer bias, DType type, int count) {
    if (bias == null) {
      return null;
    }
    Range.address(what, bias, type, count);
    MemorySegment from = HostBuffer.of(bias);
    MemorySegment to = NativeScratch.get(NativeScratch.Part.BIAS, 4L * (count + 16));
    if (type == DType.F32) {
      MemorySegment.copy(from, 0, to, 0, 4L * count);
      return to;
    }
    for (int i = 0; i < count; i++) {
      to.setAtIndex(JAVA_FLOAT, i, Numbers.get(from, type, i));
    }
    return to;
  }
}
