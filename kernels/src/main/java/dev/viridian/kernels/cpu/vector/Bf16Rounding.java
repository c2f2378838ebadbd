package dev.viridian.kernels.cpu.vector;

import static dev.viridian.kernels.cpu.vector.VectorMath.FLOATS;

import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** Rounds F32 numbers to the nearest bfloat16, ties to even, and leaves them F32 in memory. */
public final class Bf16Rounding {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final int PIECE = 1 << 15;
  private static final int LANES = FLOATS.length();
  private static final int UPPER = 0xffff0000;
  private static final int QUIET = 0x400000;

  private final Workers workers;

  /** Rounding that shares the given threads. */
  public Bf16Rounding(Workers workers) {
    this.workers = workers;
  }

  /** {@code to = bf16(from)}, n values each; the same memory or no common part of it. */
  public void round(long n, Buffer from, Buffer to) {
    MemorySegment source = HostBuffer.of(from).asSlice(0, 4 * n);
    MemorySegment target = HostBuffer.of(to).asSlice(0, 4 * n);
    workers.run(
        Math.toIntExact((n + PIECE - 1) / PIECE),
        piece -> {
          long at = (long) piece * PIECE;
          round(source, target, at, (int) Math.min(PIECE, n - at));
        });
  }

  /** The bits of rounded floats: a bfloat16 in the upper half of each. */
  static IntVector bits(FloatVector x) {
    IntVector bits = x.reinterpretAsInts();
    IntVector odd = bits.lanewise(VectorOperators.LSHR, 16).and(1);
    IntVector rounded = bits.add(0x7fff).add(odd);
    VectorMask<Integer> broken = x.test(VectorOperators.IS_NAN).cast(bits.species());
    return rounded.blend(bits.or(QUIET), broken).and(UPPER);
  }

  private static void round(MemorySegment source, MemorySegment target, long at, int count) {
    int whole = count - count % LANES;
    for (int i = 0; i < whole; i += LANES) {
      long offset = 4 * (at + i);
      FloatVector x =
          FloatVector.fromMemorySegment(FLOATS, source, offset, ByteOrder.nativeOrder());
      bits(x).intoMemorySegment(target, offset, ByteOrder.nativeOrder());
    }
    for (int i = whole; i < count; i++) {
      float value = source.get(FLOAT, 4 * (at + i));
      target.set(FLOAT, 4 * (at + i), Numbers.bf16ToFloat(Numbers.floatToBf16(value)));
    }
  }
}
