package dev.viridian.kernels.cpu.jit;

/** Instructions of general-purpose registers; all operands have 64 bits unless the name says. */
class GeneralInstructions extends InstructionEncoder {
  /**
   * Conditions of jumps, by their numbers; below and above are unsigned, less and greater signed.
   */
  enum Condition {
    BELOW(2),
    ABOVE_OR_EQUAL(3),
    EQUAL(4),
    NOT_EQUAL(5),
    BELOW_OR_EQUAL(6),
    ABOVE(7),
    LESS(12),
    GREATER_OR_EQUAL(13),
    LESS_OR_EQUAL(14),
    GREATER(15);

    private final int code;

    Condition(int code) {
      this.code = code;
    }
  }

  /** {@code to = from}. */
  final void mov(Gpr to, Gpr from) {
    general(true, false, 0x89, from.number(), to.number());
  }

  /** {@code to = memory}. */
  final void mov(Gpr to, Mem from) {
    general(true, false, 0x8B, to.number(), from);
  }

  /** {@code memory = from}. */
  final void mov(Mem to, Gpr from) {
    general(true, false, 0x89, from.number(), to);
  }

  /** {@code to = value}. */
  final void mov(Gpr to, long value) {
    if (value == (int) value) {
      rex(true, 0, 0, to.number());
      bytes(0xC7);
      modRm(0, to.number());
      int32((int) value);
    } else {
      rex(true, 0, 0, to.number());
      bytes(0xB8 | to.number() & 7);
      int64(value);
    }
  }

  /** {@code to = memory}, 32 bits; the upper half becomes zero. */
  final void mov32(Gpr to, Mem from) {
    general(false, false, 0x8B, to.number(), from);
  }

  /** {@code memory = from}, 32 bits. */
  final void mov32(Mem to, Gpr from) {
    general(false, false, 0x89, from.number(), to);
  }

  /** {@code to = address of memory}. */
  final void lea(Gpr to, Mem of) {
    general(true, false, 0x8D, to.number(), of);
  }

  /** {@code to += from}. */
  final void add(Gpr to, Gpr from) {
    general(true, false, 0x01, from.number(), to.number());
  }

  /** {@code to += memory}. */
  final void add(Gpr to, Mem from) {
    general(true, false, 0x03, to.number(), from);
  }

  /** {@code to += value}. */
  final void add(Gpr to, int value) {
    immediate(0, to, value);
  }

  /** {@code memory += from}. */
  final void add(Mem to, Gpr from) {
    general(true, false, 0x01, from.number(), to);
  }

  /** {@code memory += value}. */
  final void add(Mem to, int value) {
    immediate(0, to, value);
  }

  /** {@code to -= from}. */
  final void sub(Gpr to, Gpr from) {
    general(true, false, 0x29, from.number(), to.number());
  }

  /** {@code to -= memory}. */
  final void sub(Gpr to, Mem from) {
    general(true, false, 0x2B, to.number(), from);
  }

  /** {@code to -= value}. */
  final void sub(Gpr to, int value) {
    immediate(5, to, value);
  }

  /** Bitwise and. */
  final void and(Gpr to, Gpr from) {
    general(true, false, 0x21, from.number(), to.number());
  }

  /** Bitwise and. */
  final void and(Gpr to, int value) {
    immediate(4, to, value);
  }

  /** Bitwise or. */
  final void or(Gpr to, Gpr from) {
    general(true, false, 0x09, from.number(), to.number());
  }

  /** Bitwise exclusive or; of a register with itself: zero. */
  final void xor(Gpr to, Gpr from) {
    general(true, false, 0x31, from.number(), to.number());
  }

  /** Product of signed numbers. */
  final void imul(Gpr to, Gpr by) {
    general(true, true, 0xAF, to.number(), by.number());
  }

  /** Compares for the next condition. */
  final void cmp(Gpr a, Gpr b) {
    general(true, false, 0x39, b.number(), a.number());
  }

  /** Compares with memory. */
  final void cmp(Gpr a, Mem b) {
    general(true, false, 0x3B, a.number(), b);
  }

  /** Compares with a number. */
  final void cmp(Gpr a, int value) {
    immediate(7, a, value);
  }

  /** Compares memory with a number. */
  final void cmp(Mem a, int value) {
    immediate(7, a, value);
  }

  /** Sets the flags of {@code a and b}. */
  final void test(Gpr a, Gpr b) {
    general(true, false, 0x85, b.number(), a.number());
  }

  private void immediate(int operation, Gpr to, int value) {
    rex(true, 0, 0, to.number());
    if (value == (byte) value) {
      bytes(0x83);
      modRm(operation, to.number());
      bytes(value);
    } else {
      bytes(0x81);
      modRm(operation, to.number());
      int32(value);
    }
  }

  private void immediate(int operation, Mem to, int value) {
    boolean small = value == (byte) value;
    general(true, false, small ? 0x83 : 0x81, operation, to);
    if (small) {
      bytes(value);
    } else {
      int32(value);
    }
  }

  /** Adds 1. */
  final void inc(Gpr to) {
    general(true, false, 0xFF, 0, to.number());
  }

  /** Subtracts 1. */
  final void dec(Gpr to) {
    general(true, false, 0xFF, 1, to.number());
  }

  /** Subtracts 1 from memory. */
  final void dec(Mem to) {
    general(true, false, 0xFF, 1, to);
  }

  /** Shifts left by 1 to 63 bits. */
  final void shl(Gpr to, int count) {
    shift(4, to, count);
  }

  /** Shifts right by 1 to 63 bits, zeros in. */
  final void shr(Gpr to, int count) {
    shift(5, to, count);
  }

  private void shift(int operation, Gpr to, int count) {
    general(true, false, count == 1 ? 0xD1 : 0xC1, operation, to.number());
    if (count != 1) {
      bytes(count);
    }
  }

  /** Puts a register on the stack. */
  final void push(Gpr from) {
    rex(false, 0, 0, from.number());
    bytes(0x50 | from.number() & 7);
  }

  /** Takes a register from the stack. */
  final void pop(Gpr to) {
    rex(false, 0, 0, to.number());
    bytes(0x58 | to.number() & 7);
  }

  /** Goes to a place. */
  final void jmp(Label to) {
    bytes(0xE9);
    distanceTo(to);
  }

  /** Goes to a place if a condition holds. */
  final void jump(Condition condition, Label to) {
    bytes(0x0F, 0x80 | condition.code);
    distanceTo(to);
  }

  /** Goes back to the caller. */
  final void ret() {
    bytes(0xC3);
  }

  /** Fills up with single bytes that do nothing, to a multiple of {@code bytes}. */
  final void align(int bytes) {
    while (size() % bytes != 0) {
      bytes(0x90);
    }
  }

  /** Other threads see what was stored before what is stored behind. */
  final void sfence() {
    bytes(0x0F, 0xAE, 0xF8);
  }

  /** What the processor can do: leaf in eax, subleaf in ecx; answers in eax, ebx, ecx and edx. */
  final void cpuid() {
    bytes(0x0F, 0xA2);
  }

  /** Which register states the system saves: number in ecx; answer in eax and edx. */
  final void xgetbv() {
    bytes(0x0F, 0x01, 0xD0);
  }

  /** Fetches a cache line towards the first cache. */
  final void prefetcht0(Mem m) {
    general(false, true, 0x18, 1, m);
  }

  /** Fetches a cache line towards the second cache. */
  final void prefetcht1(Mem m) {
    general(false, true, 0x18, 2, m);
  }
}
