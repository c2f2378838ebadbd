package dev.viridian.kernels.cpu.vector;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.PackedKernels;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.Precision;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Tries products by packed F32 weights before they are first used. */
public final class PairedCheck {
  private PairedCheck() {}

  /** Compares products with the plain loops'. */
  public static @Nullable String fault(PackedKernels candidate, PackedKernels reference) {
    PackedWeight w = new PackedWeight(Precision.F32, 45, 1, 80);
    HostBuffer x = new HostBuffer(SelfTest.numbers(DType.F32, 37 * w.channels()));
    HostBuffer weight = new HostBuffer(SelfTest.numbers(DType.F32, w.out() * w.channels()));
    return SelfTest.fault(
        37 * w.out(),
        y -> product(candidate, w, x, weight, y),
        y -> product(reference, w, x, weight, y));
  }

  private static void product(
      PackedKernels kernels, PackedWeight w, HostBuffer x, HostBuffer weight, HostBuffer y) {
    MemorySegment packed = SelfTest.numbers(DType.F32, Math.toIntExact(w.bytes() / 4));
    kernels.pack(w, DType.F32, weight, new HostBuffer(packed));
    kernels.product(w, 37, x, new HostBuffer(packed), DType.F32, null, y);
  }
}
