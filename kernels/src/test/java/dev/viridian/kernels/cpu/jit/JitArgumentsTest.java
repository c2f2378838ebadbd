package dev.viridian.kernels.cpu.jit;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.GemmProblem;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.Precision;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Calls that would touch memory that is not there: refused before any code runs. */
final class JitArgumentsTest {
  @BeforeAll
  static void onlyWhereCodeCanBeGenerated() {
    assumeTrue(Kit.best() != null, "no code is generated here");
  }

  private static HostBuffer floats(int count) {
    return new HostBuffer(Arena.ofAuto().allocate(4L * count, 64));
  }

  @Test
  void shortBuffersOfProducts() {
    try (Workers workers = new Workers(1)) {
      JitGemm gemm = new JitGemm(workers);
      GemmProblem p =
          GemmProblem.of(8, 16, 32, false, true)
              .leading(40, 33, 20)
              .batched(2, 320, 0, 160)
              .epilogue(true, DType.F32, Activation.NONE);
      int a = 320 + 7 * 40 + 32;
      int b = 15 * 33 + 32;
      int c = 160 + 7 * 20 + 16;
      gemm.gemm(p, floats(a), floats(b), floats(16), floats(c));
      for (int shorter = 0; shorter < 4; shorter++) {
        int[] s = {a, b, 16, c};
        s[shorter]--;
        assertThrows(
            IndexOutOfBoundsException.class,
            () -> gemm.gemm(p, floats(s[0]), floats(s[1]), floats(s[2]), floats(s[3])));
      }
    }
  }

  @Test
  void shortBuffersOfConvolutions() {
    try (Workers workers = new Workers(1)) {
      JitConv conv = new JitConv(workers);
      for (int channels : new int[] {5, 64}) {
        ConvProblem p = ConvProblem.of(1, 16, 16, channels, 40, 3, 1, 1);
        int[] sizes = {256 * channels, 40 * 9 * channels, 256 * 40};
        conv.forward(p, floats(sizes[0]), floats(sizes[1]), null, floats(sizes[2]));
        for (int shorter = 0; shorter < 3; shorter++) {
          int[] s = sizes.clone();
          s[shorter]--;
          assertThrows(
              IndexOutOfBoundsException.class,
              () -> conv.forward(p, floats(s[0]), floats(s[1]), null, floats(s[2])));
        }
      }
    }
  }

  @Test
  void memoryGivenBack() {
    try (Workers workers = new Workers(1)) {
      JitGemm gemm = new JitGemm(workers);
      Arena arena = Arena.ofShared();
      HostBuffer gone = new HostBuffer(arena.allocate(4 * 64, 64));
      arena.close();
      GemmProblem p = GemmProblem.of(8, 8, 8, false, false);
      assertThrows(
          IllegalStateException.class, () -> gemm.gemm(p, gone, floats(64), null, floats(64)));
    }
  }

  @Test
  void whatIsNotTakenIsDeclined() {
    try (Workers workers = new Workers(1)) {
      JitGemm gemm = new JitGemm(workers);
      GemmProblem half = GemmProblem.of(8, 8, 8, false, false).types(DType.F16, DType.F32);
      assertFalse(gemm.accepts("gemm", half));
      assertThrows(
          IllegalArgumentException.class,
          () -> gemm.gemm(half, floats(64), floats(64), null, floats(64)));
      JitConv conv = new JitConv(workers);
      ConvProblem p = ConvProblem.of(1, 8, 8, 8, 8, 3, 2, 1);
      assertFalse(conv.accepts("backwardData", p));
      assertTrue(conv.accepts("backwardFilter", p));
      assertFalse(conv.accepts("backwardFilter", ConvProblem.of(1, 256, 256, 8, 8, 3, 1, 1)));
      assertThrows(
          IllegalArgumentException.class,
          () -> conv.backwardData(p, floats(128), floats(576), floats(512)));
      assertThrows(
          IndexOutOfBoundsException.class,
          () -> conv.backwardFilter(p, floats(512), floats(127), floats(576)));
    }
  }

  @Test
  void shortBuffersOfPairedProducts() {
    try (Workers workers = new Workers(1)) {
      JitKept paired = new JitKept(workers);
      assumeTrue(paired.offers(Precision.F32), "no pairs here");
      PackedWeight w = new PackedWeight(Precision.F32, 40, 1, 80);
      int words = Math.toIntExact(w.bytes() / 4);
      paired.pack(w, DType.F32, floats(40 * 80), floats(words));
      assertThrows(
          IndexOutOfBoundsException.class,
          () -> paired.pack(w, DType.F32, floats(40 * 80 - 1), floats(words)));
      assertThrows(
          IndexOutOfBoundsException.class,
          () -> paired.pack(w, DType.F32, floats(40 * 80), floats(words - 1)));
      int[] sizes = {9 * 80, words, 40, 9 * 40};
      for (int shorter = -1; shorter < 4; shorter++) {
        int[] s = sizes.clone();
        if (shorter >= 0) {
          s[shorter]--;
        }
        Executable call =
            () ->
                paired.product(
                    w, 9, floats(s[0]), floats(s[1]), DType.F32, floats(s[2]), floats(s[3]));
        if (shorter < 0) {
          assertDoesNotThrow(call);
        } else {
          assertThrows(IndexOutOfBoundsException.class, call, "argument " + shorter);
        }
      }
    }
  }

  @Test
  void shortBuffersOfPackedProducts() {
    try (Workers workers = new Workers(1)) {
      JitPacked packed = new JitPacked(workers);
      assertFalse(packed.offers(Precision.F32), "packs F32 in no form of its own");
      for (Precision precision : new Precision[] {Precision.BF16, Precision.INT8}) {
        if (!packed.offers(precision)) {
          continue;
        }
        ConvProblem p =
            ConvProblem.of(1, 9, 9, 12, 40, 3, 1, 1).epilogue(true, DType.F32, Activation.NONE);
        PackedWeight w = new PackedWeight(precision, 40, 9, 12);
        int words = Math.toIntExact(w.bytes() / 4);
        packed.pack(w, DType.F32, floats(40 * 108), floats(words));
        int[] sizes = {81 * 12, words, 40, 81 * 40};
        packed.convolve(
            p, w, floats(sizes[0]), floats(sizes[1]), floats(sizes[2]), floats(sizes[3]));
        for (int shorter = 0; shorter < 4; shorter++) {
          int[] s = sizes.clone();
          s[shorter]--;
          assertThrows(
              IndexOutOfBoundsException.class,
              () -> packed.convolve(p, w, floats(s[0]), floats(s[1]), floats(s[2]), floats(s[3])));
        }
        assertThrows(
            IndexOutOfBoundsException.class,
            () -> packed.pack(w, DType.F32, floats(40 * 108 - 1), floats(words)));
        assertThrows(
            IndexOutOfBoundsException.class,
            () -> packed.pack(w, DType.F32, floats(40 * 108), floats(words - 1)));
        if (precision == Precision.INT8) {
          assertThrows(
              IndexOutOfBoundsException.class,
              () -> packed.lost(w, DType.F32, floats(40 * 108 - 1), floats(words)));
          assertThrows(
              IndexOutOfBoundsException.class,
              () -> packed.lost(w, DType.F32, floats(40 * 108), floats(words - 1)));
        } else {
          assertThrows(
              IllegalArgumentException.class,
              () -> packed.lost(w, DType.F32, floats(40 * 108), floats(words)));
        }
        PackedWeight other = new PackedWeight(precision, 40, 9, 16);
        assertThrows(
            IllegalArgumentException.class,
            () -> packed.convolve(p, other, floats(1), floats(1), null, floats(1)));
      }
    }
  }

  @Test
  void countsThatCodeCannotTake() {
    Frame f = new Frame();
    assertThrows(IllegalArgumentException.class, () -> TileCode.arguments(f, 0, 0, 0, -1, 1, 0));
    assertThrows(IllegalArgumentException.class, () -> TileCode.arguments(f, 0, 0, 0, 1, 0, 0));
    assertThrows(IllegalArgumentException.class, () -> TileCode.result(f, 0, 0, 0, 0, false));
    assertThrows(
        IllegalArgumentException.class, () -> WinogradCode.run(null, f, 0, 0, 0, 0, 0, 32, 0));
    SquaresCode squares = new SquaresCode(VectorLevel.AVX2, 1, 1);
    for (int[] s : new int[][] {{24, 1}, {0, 1}, {16, 0}}) {
      assertThrows(
          IllegalArgumentException.class, () -> SquaresCode.squares(f, 0, 0, 0, s[1], s[0]));
    }
    assertThrows(IllegalArgumentException.class, () -> SquaresCode.filters(f, 0, 0, 0, 0));
    assertThrows(IllegalArgumentException.class, () -> squares.result(f, 0, 0, 0, 0, false));
    assertThrows(IndexOutOfBoundsException.class, () -> Range.address(floats(4).segment(), 8, 9));
  }
}
