package dev.viridian.kernels.cpu.jit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.viridian.kernels.AttentionKernels.Gradients;
import dev.viridian.kernels.AttentionKernels.Inputs;
import dev.viridian.kernels.AttentionKernels.Results;
import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.cpu.reference.ReferenceAttention;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The generated functions of attention, and what is refused before any of them runs. */
final class AttentionCodeTest {
  private static List<Generated> weights(VectorLevel level, Scores scores) {
    List<Generated> all = new ArrayList<>();
    for (int vectors = 1; vectors <= VectorLevel.VECTORS; vectors++) {
      for (int rows = 1; rows <= WeightCode.rows(level, vectors, scores); rows++) {
        all.add(new WeightCode(level, rows, vectors, scores));
      }
    }
    return all;
  }

  /** What multiplies words of two bfloat16. */
  private static List<Generated> rounded() {
    List<Generated> all = new ArrayList<>(weights(VectorLevel.AVX512, Scores.ROUNDED));
    for (int vectors = 1; vectors <= PanelCode.MAX_VECTORS; vectors++) {
      for (int rows = 1; rows <= PanelCode.rows(VectorLevel.AVX512, vectors); rows++) {
        all.add(new PanelCode(VectorLevel.AVX512, rows, vectors, false, true));
        all.add(new PanelCode(VectorLevel.AVX512, rows, vectors, true, true));
      }
    }
    all.add(new WordsCode());
    return all;
  }

  private static List<Generated> onTiles() {
    List<Generated> all = new ArrayList<>();
    for (int steps = 1; steps <= AmxAttentionCode.MOST_STEPS; steps++) {
      all.add(new AmxAttentionCode(steps, false));
      all.add(new AmxAttentionCode(steps, true));
    }
    return all;
  }

  private static List<Generated> all(VectorLevel level) {
    List<Generated> all = new ArrayList<>();
    for (int vectors = 1; vectors <= PanelCode.MAX_VECTORS; vectors++) {
      for (int rows = 1; rows <= PanelCode.rows(level, vectors); rows++) {
        all.add(new PanelCode(level, rows, vectors, false, false));
        all.add(new PanelCode(level, rows, vectors, level == VectorLevel.AVX512, false));
      }
    }
    all.addAll(weights(level, Scores.PLAIN));
    if (level == VectorLevel.AVX512) {
      all.addAll(weights(level, Scores.PAIRED));
    }
    for (boolean flag : new boolean[] {false, true}) {
      all.add(new SoftmaxCode(level, flag));
      all.add(new ScoreGradientCode(level, flag));
    }
    all.add(new LengthCode());
    all.add(new PairCode());
    all.add(new RowsCode(0));
    all.add(new RowsCode(level.lanes()));
    return all;
  }

  /** Also for instructions that this machine lacks: every operand has an encoding. */
  @Test
  void everyFunctionCanBeWritten() {
    List<Generated> every = new ArrayList<>(rounded());
    every.addAll(onTiles());
    for (VectorLevel level : VectorLevel.values()) {
      every.addAll(all(level));
    }
    for (Generated function : every) {
      byte[] code = function.code();
      assertTrue(code.length > 50 && code[code.length - 1] == (byte) 0xC3, function::toString);
    }
  }

  @Test
  void theirTrialsTellRightFromWrong() {
    List<Generated> here = new ArrayList<>();
    for (VectorLevel level : VectorLevel.values()) {
      if (level.runsHere()) {
        here.addAll(all(level));
      }
    }
    if (DotType.BF16.runsHere()) {
      here.addAll(rounded());
      if (DotType.BF16.hasTiles()) {
        here.addAll(onTiles());
      }
    }
    for (Generated function : here) {
      try (CodePage right = CodePage.of(function.code());
          CodePage wrong = CodePage.of(new byte[] {(byte) 0xC3})) {
        assertTrue(function.fault(right) == null, () -> function + ": " + function.fault(right));
        assertTrue(function.fault(wrong) != null, function::toString);
      }
    }
  }

  /** Also where queries are much longer or shorter than keys, some have no length, and all do. */
  @Test
  void scoresInPairsAreAsGoodAsPlainOnes() {
    AttentionKit kit = AttentionKit.of(VectorLevel.AVX512, true);
    AttentionKit without = AttentionKit.of(VectorLevel.AVX512, false);
    assumeTrue(kit != null && without != null, "no AVX-512 here");
    Random random = new Random(5);
    int[][] sizes = {
      {120, 77, 40},
      {257, 33, 33},
      {100, 300, 35},
      {17, 5, 40},
      {130, 64, 160},
      {120, 70, 200},
      {149, 64, 64},
      {40, 260, 80},
      {127, 65, 512}
    };
    try (Workers workers = new Workers(2)) {
      for (int[] size : sizes) {
        for (float length : new float[] {1, 1e-6f, 10, 0}) {
          AttentionProblem p = AttentionProblem.blhd(1, 2, size[0], size[1], size[2]);
          HostBuffer q = floats(2 * size[0] * size[2]);
          HostBuffer k = floats(2 * size[1] * size[2]);
          HostBuffer v = floats(2 * size[1] * size[2]);
          for (HostBuffer b : List.of(q, k, v)) {
            for (int i = 0; i < b.bytes() / 4; i++) {
              boolean none = b == q && i / size[2] % 5 == 0;
              float factor = b == q ? length : b == k ? 1 : 3;
              Numbers.set(b.segment(), i, none ? 0 : factor * (float) random.nextGaussian());
            }
          }
          HostBuffer expected = floats(2 * size[0] * size[2]);
          HostBuffer actual = floats(2 * size[0] * size[2]);
          new ReferenceAttention(workers).forward(p, new Inputs(q, k, v), new Results(expected));
          new JitAttention(workers, kit).forward(p, new Inputs(q, k, v), new Results(actual));
          for (int i = 0; i < expected.bytes() / 4; i++) {
            float e = Numbers.get(expected.segment(), i);
            assertEquals(e, Numbers.get(actual.segment(), i), 1e-4, p + ", value " + i);
          }
          HostBuffer plain = floats(2 * size[0] * size[2]);
          HostBuffer lse = floats(2 * size[0]);
          new JitAttention(workers, kit)
              .forward(p, new Inputs(q, k, v), new Results(plain, lse, null));
          new JitAttention(workers, without)
              .forward(p, new Inputs(q, k, v), new Results(actual, floats(2 * size[0]), null));
          // A backward pass finds what it computes again: plain scores.
          assertEquals(-1, plain.segment().mismatch(actual.segment()), p.toString());
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
      kernels.forward(p, new Inputs(tokens[0], tokens[1], tokens[2]), new Results(out, lse, null));
      for (int i = 0; i < 3; i++) {
        HostBuffer whole = tokens[i];
        tokens[i] = whole.slice(0, whole.bytes() - 4);
        assertThrows(
            IndexOutOfBoundsException.class,
            () ->
                kernels.forward(
                    p, new Inputs(tokens[0], tokens[1], tokens[2]), new Results(out, lse, null)));
        assertThrows(
            IndexOutOfBoundsException.class,
            () ->
                kernels.backward(
                    p,
                    new Inputs(tokens[0], tokens[1], tokens[2]),
                    new Results(out, lse, null),
                    new Gradients(out, null, out, floats(2 * 7 * 24), floats(2 * 7 * 24))));
        tokens[i] = whole;
      }
      HostBuffer shortOut = out.slice(0, out.bytes() - 4);
      assertThrows(
          IndexOutOfBoundsException.class,
          () ->
              kernels.forward(
                  p,
                  new Inputs(tokens[0], tokens[1], tokens[2]),
                  new Results(shortOut, lse, null)));
      assertThrows(
          IndexOutOfBoundsException.class,
          () ->
              kernels.forward(
                  p,
                  new Inputs(tokens[0], tokens[1], tokens[2]),
                  new Results(out, floats(29), null)));
      assertThrows(
          IndexOutOfBoundsException.class,
          () ->
              kernels.forward(
                  p,
                  new Inputs(tokens[0], tokens[1], tokens[2], null, floats(14)),
                  new Results(out, lse, floats(9))));
      assertThrows(
          IndexOutOfBoundsException.class,
          () ->
              kernels.forward(
                  p,
                  new Inputs(tokens[0], tokens[1], tokens[2], null, floats(13)),
                  new Results(out, lse, floats(10))));
    }
  }

  private static HostBuffer floats(int count) {
    MemorySegment memory = Arena.ofAuto().allocate(4L * count, 64);
    return new HostBuffer(memory);
  }
}
