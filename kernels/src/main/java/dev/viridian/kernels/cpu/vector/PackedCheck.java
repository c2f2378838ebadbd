package dev.viridian.kernels.cpu.vector;

import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.PackedKernels;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.Precision;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Tries products in lower precision before they are first used. */
public final class PackedCheck {
  private PackedCheck() {}

  /** Compares a product and a convolution of each precision on offer with the plain loops'. */
  public static @Nullable String fault(PackedKernels candidate, PackedKernels reference) {
    for (Precision precision : new Precision[] {Precision.BF16, Precision.INT8}) {
      String fault = candidate.offers(precision) ? fault(candidate, reference, precision) : null;
      if (fault == null && precision == Precision.BF16 && candidate.offers(precision)) {
        fault = turned(candidate, reference);
      }
      if (fault != null) {
        return precision.label() + ": " + fault;
      }
    }
    return null;
  }

  /** What is packed must be the same to the last bit. */
  private static @Nullable String turned(PackedKernels candidate, PackedKernels reference) {
    PackedWeight w = new PackedWeight(Precision.BF16, 45, 1, 71);
    HostBuffer weight = new HostBuffer(SelfTest.numbers(DType.F32, 45 * 71));
    MemorySegment own = SelfTest.numbers(DType.F32, Math.toIntExact(w.bytes() / 4));
    MemorySegment plain = SelfTest.numbers(DType.F32, Math.toIntExact(w.bytes() / 4));
    candidate.packTurned(w, weight, new HostBuffer(own));
    reference.packTurned(w, weight, new HostBuffer(plain));
    long at = own.asSlice(0, w.bytes()).mismatch(plain.asSlice(0, w.bytes()));
    return at < 0 ? null : "a turned weight differs at byte " + at;
  }

  private static @Nullable String fault(
      PackedKernels candidate, PackedKernels reference, Precision precision) {
    PackedWeight linear = new PackedWeight(precision, 45, 1, 70);
    HostBuffer x = new HostBuffer(SelfTest.numbers(DType.F32, 37 * 70));
    HostBuffer weight = new HostBuffer(SelfTest.numbers(DType.F16, 45 * 70));
    String fault =
        SelfTest.fault(
            37 * 45,
            y ->
                candidate.product(
                    linear, 37, x, packed(candidate, linear, weight), DType.F32, null, y),
            y ->
                reference.product(
                    linear, 37, x, packed(reference, linear, weight), DType.F32, null, y));
    PackedWeight taps = new PackedWeight(precision, 5, 9, 14);
    ConvProblem p = ConvProblem.of(2, 6, 7, 14, 5, 3, 1, 1);
    return fault != null
        ? fault
        : SelfTest.fault(
            2 * 42 * 5,
            y -> candidate.convolve(p, taps, x, packed(candidate, taps, weight), null, y),
            y -> reference.convolve(p, taps, x, packed(reference, taps, weight), null, y));
  }

  private static HostBuffer packed(PackedKernels kernels, PackedWeight w, HostBuffer weight) {
    MemorySegment packed = SelfTest.numbers(DType.F32, Math.toIntExact(w.bytes() / 4));
    kernels.pack(w, DType.F16, weight, new HostBuffer(packed));
    return new HostBuffer(packed);
  }
}
