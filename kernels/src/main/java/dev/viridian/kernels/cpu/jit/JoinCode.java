package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import dev.viridian.kernels.cpu.reference.Numbers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Takes the finished sums of a panel's columns ({@link AmxCode}) to the result, past the caches:
 * the result of a large map does not fit them, and a line that is written whole need not be read.
 */
record JoinCode(Join join) implements Generated {
  /** What becomes of sums. */
  enum Join {
    /** They are the result. */
    COPY,
    /** Plus numbers from elsewhere. */
    ONTO,
    /** Times gelu of another panel's, as bfloat16. */
    GATED;

    /** Bytes of a row of the result. */
    int rowBytes() {
      return (this == GATED ? 2 : 4) * PackedWeight.PANEL;
    }
  }

  /** The result's alignment. */
  static final int ALIGNMENT = 64;

  private static final int A = 0;
  private static final int B = 8;
  private static final int B_ROW = 16;
  private static final int Y = 24;
  private static final int Y_ROW = 32;
  private static final int ROWS = 40;

  @Override
  public byte[] code() {
    X64Assembler a = new X64Assembler();
    Vec low = Vec.zmm(0);
    Vec high = Vec.zmm(1);
    Vec lowGate = Vec.zmm(2);
    Vec highGate = Vec.zmm(3);
    ActivationCode activations = new ActivationCode(a, VectorLevel.AVX512, Gpr.R10, 4);
    a.mov(Gpr.RAX, argument(A));
    a.mov(Gpr.RDX, argument(B));
    a.mov(Gpr.RSI, argument(Y));
    a.mov(Gpr.R8, argument(ROWS));
    CodeBuffer.Label row = a.here();
    a.vmovups(low, Mem.at(Gpr.RAX));
    a.vmovups(high, Mem.at(Gpr.RAX, 64));
    switch (join) {
      case COPY -> {}
      case ONTO -> {
        a.vaddps(low, low, Mem.at(Gpr.RDX));
        a.vaddps(high, high, Mem.at(Gpr.RDX, 64));
      }
      case GATED -> {
        a.vmovups(lowGate, Mem.at(Gpr.RDX));
        a.vmovups(highGate, Mem.at(Gpr.RDX, 64));
        activations.apply(Activation.GELU, lowGate, highGate);
        a.vmulps(low, low, lowGate);
        a.vmulps(high, high, highGate);
        a.vcvtne2ps2bf16(low, high, low);
      }
    }
    a.vmovntps(Mem.at(Gpr.RSI), low);
    if (join != Join.GATED) {
      a.vmovntps(Mem.at(Gpr.RSI, 64), high);
    }
    a.add(Gpr.RAX, AmxCode.PANEL_ROW);
    a.add(Gpr.RDX, argument(B_ROW));
    a.add(Gpr.RSI, argument(Y_ROW));
    a.dec(Gpr.R8);
    a.jump(Condition.NOT_EQUAL, row);
    a.sfence();
    a.vzeroupper();
    a.ret();
    return a.code();
  }

  /**
   * Writes rows. Addresses and their extents are the caller's to check.
   *
   * @param sums rows of {@link AmxCode#PANEL_ROW} bytes
   * @param other gates, which lie as the sums do, or what is added; anything where there is neither
   * @param y a multiple of {@link #ALIGNMENT}, as are the bytes from row to row
   */
  static void run(
      Code page, Frame f, long sums, long other, long otherRow, long y, long yRow, int rows) {
    if (y % ALIGNMENT != 0 || yRow % ALIGNMENT != 0) {
      throw new IllegalArgumentException("not aligned: " + y + ", rows " + yRow);
    }
    f.set(A, sums)
        .set(B, other)
        .set(B_ROW, otherRow)
        .set(Y, y)
        .set(Y_ROW, yRow)
        .set(ROWS, Range.positive("rows", rows))
        .call(page);
  }

  /** Three rows; what lies between them stays. */
  @Override
  public @Nullable String fault(Code page) {
    int rows = 3;
    int columns = PackedWeight.PANEL;
    int pitch = AmxCode.PANEL_ROW + 64;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment sums = arena.allocate((long) rows * AmxCode.PANEL_ROW, 64);
      MemorySegment other = arena.allocate((long) rows * pitch, 64);
      MemorySegment y = arena.allocate((long) rows * pitch, 64);
      y.fill((byte) 77);
      for (int i = 0; i < rows * pitch / 4; i++) {
        other.setAtIndex(JAVA_FLOAT, i, (i * 53 % 101 - 50.5f) / 13f);
      }
      for (int i = 0; i < rows * columns; i++) {
        sums.setAtIndex(JAVA_FLOAT, i, (i * 37 % 101 - 50) / 13f);
      }
      run(page, new Frame(), sums.address(), other.address(), pitch, y.address(), pitch, rows);
      for (int i = 0; i < rows; i++) {
        for (int j = 0; j < columns; j++) {
          double a = sums.getAtIndex(JAVA_FLOAT, (long) i * columns + j);
          double b = other.get(JAVA_FLOAT, (long) i * pitch + 4L * j);
          double expected =
              switch (join) {
                case COPY -> a;
                case ONTO -> (float) (a + b);
                case GATED -> a * RunCode.gelu(b);
              };
          boolean right;
          if (join == Join.GATED) {
            short bits = y.get(JAVA_SHORT, (long) i * pitch + 2L * j);
            double actual = Numbers.bf16ToFloat(bits);
            right = Math.abs(actual - expected) <= Math.abs(expected) / 250 + 1e-6;
          } else {
            right = y.get(JAVA_FLOAT, (long) i * pitch + 4L * j) == expected;
          }
          if (!right) {
            return "row " + i + ", column " + j + ", expected " + expected;
          }
        }
        for (int j = join.rowBytes(); j < pitch; j++) {
          if (y.get(JAVA_BYTE, (long) i * pitch + j) != 77) {
            return "something between rows " + i + " and " + (i + 1);
          }
        }
      }
      return null;
    }
  }
}
