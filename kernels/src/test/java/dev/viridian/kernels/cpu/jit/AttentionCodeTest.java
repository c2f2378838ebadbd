package dev.viridian.kernels.cpu.jit;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The generated functions of attention, and what is refused before any of them runs. */
final class AttentionCodeTest {
  private static List<Generated> all(VectorLevel level) {
    List<Generated> all = new ArrayList<>();
    for (int vectors = 1; vectors <= PanelCode.MAX_VECTORS; vectors++) {
      for (int rows = 1; rows <= PanelCode.rows(level, vectors); rows++) {
        all.add(new PanelCode(level, rows, vectors, false));
        all.add(new PanelCode(level, rows, vectors, level == VectorLevel.AVX512));
        if (vectors <= VectorLevel.VECTORS) {
          all.add(new WeightCode(level, rows, vectors));
        }
      }
    }
    for (boolean flag : new boolean[] {false, true}) {
      all.add(new SoftmaxCode(level, flag));
      all.add(new ScoreGradientCode(level, flag));
    }
    all.add(new LengthCode());
    all.add(new RowsCode(0));
    all.add(new RowsCode(level.lanes()));
    return all;
  }

  /** Also for instructions that this machine lacks: every operand has an encoding. */
  @Test
  void everyFunctionCanBeWritten() {
    for (VectorLevel level : VectorLevel.values()) {
      for (Generated function : all(level)) {
        byte[] code = function.code();
        assertTrue(code.length > 50 && code[code.length - 1] == (byte) 0xC3, function::toString);
      }
    }
  }

  @Test
  void theirTrialsTellRightFromWrong() {
    for (VectorLevel level : VectorLevel.values()) {
      if (level.runsHere()) {
        for (Generated function : all(level)) {
          try (CodePage right = CodePage.of(function.code());
              CodePage wrong = CodePage.of(new byte[] {(byte) 0xC3})) {
            assertTrue(
                function.fault(right) == null, () -> function + ": " + function.fault(right));
            assertTrue(function.fault(wrong) != null, function::toString);
          }
        }
      }
    }
  }

  @Test
  void shortBuffersAreRefused() {
    assumeTrue(AttentionKit.best() != null, "no code is generated here");
    AttentionProblem p = AttentionProblem.blhd(2, 3, 5, 7, 8);
    HostBuffer[] tokens = {floats(2 * 5 * 24), floats(2 * 7 * 24), floats(2 * 7 * 24)};
    HostBuffer out = floats(2 * 5 * 24);
    HostBuffer lse = floats(2 * 3 * 5);
    try (Workers workers = new Workers(1)) {
      JitAttention kernels = new JitAttention(workers);
      kernels.forward(p, tokens[0], tokens[1], tokens[2], null, null, out, lse, null);
      for (int i = 0; i < 3; i++) {
        HostBuffer whole = tokens[i];
        tokens[i] = whole.slice(0, whole.bytes() - 4);
        assertThrows(
            IndexOutOfBoundsException.class,
            () -> kernels.forward(p, tokens[0], tokens[1], tokens[2], null, null, out, lse, null));
        assertThrows(
            IndexOutOfBoundsException.class,
            () ->
                kernels.backward(
                    p,
                    tokens[0],
                    tokens[1],
                    tokens[2],
                    null,
                    null,
                    out,
                    lse,
                    out,
                    null,
                    out,
                    floats(2 * 7 * 24),
                    floats(2 * 7 * 24)));
        tokens[i] = whole;
      }
      HostBuffer shortOut = out.slice(0, out.bytes() - 4);
      assertThrows(
          IndexOutOfBoundsException.class,
          () ->
              kernels.forward(p, tokens[0], tokens[1], tokens[2], null, null, shortOut, lse, null));
      assertThrows(
          IndexOutOfBoundsException.class,
          () ->
              kernels.forward(
                  p, tokens[0], tokens[1], tokens[2], null, null, out, floats(29), null));
      assertThrows(
          IndexOutOfBoundsException.class,
          () ->
              kernels.forward(
                  p, tokens[0], tokens[1], tokens[2], null, floats(14), out, lse, floats(9)));
      assertThrows(
          IndexOutOfBoundsException.class,
          () ->
              kernels.forward(
                  p, tokens[0], tokens[1], tokens[2], null, floats(13), out, lse, floats(10)));
    }
  }

  private static HostBuffer floats(int count) {
    MemorySegment memory = Arena.ofAuto().allocate(4L * count, 64);
    return new HostBuffer(memory);
  }
}
