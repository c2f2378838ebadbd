package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;

/** The arguments of a call of generated code: 64-bit words in native memory, for one thread. */
final class Frame {
  private static final int BYTES = 256;

  private final MemorySegment words = Arena.ofAuto().allocate(BYTES, 64);

  /** Where the code takes an argument from. */
  static Mem argument(int offset) {
    return Mem.at(Gpr.RDI, offset);
  }

  /** Sets the argument at a byte offset. */
  Frame set(int offset, long value) {
    words.set(JAVA_LONG, offset, value);
    return this;
  }

  /** Sets a float argument. */
  Frame set(int offset, float value) {
    words.set(JAVA_FLOAT, offset, value);
    return this;
  }

  /** Runs code with these arguments. */
  void call(Code page) {
    page.call(words.address());
    Reference.reachabilityFence(this);
  }
}
