package dev.viridian.bench.shapes;

import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;

/** Buffers of numbers that are neither all alike nor denormal. */
final class Inputs {
  static final int ALIGNMENT = 64;

  private Inputs() {}

  /** Numbers evenly drawn from −1 to 1. */
  static HostBuffer random(Arena arena, long count) {
    HostBuffer buffer = empty(arena, count);
    MemorySegment segment = buffer.segment();
    SplittableRandom random = new SplittableRandom(count);
    for (long i = 0; i < count; i++) {
      segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, 2 * random.nextFloat() - 1);
    }
    return buffer;
  }

  /** Zeros. */
  static HostBuffer empty(Arena arena, long count) {
    return new HostBuffer(arena.allocate(count * Float.BYTES, ALIGNMENT));
  }
}
