package dev.viridian.kernels.cpu.jit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.GemmProblem;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.cpu.reference.ReferenceConv;
import dev.viridian.kernels.cpu.reference.ReferenceGemm;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** The code for AVX-512 on machines without it: its innermost loops run in {@link Emulator}. */
final class EmulatedTest {
  @Test
  void everyTileForAvx512PassesItsTrial() {
    for (int rows = 1; rows <= VectorLevel.AVX512.rows(); rows++) {
      for (int vectors = 1; vectors <= VectorLevel.VECTORS; vectors++) {
        for (boolean fetches : new boolean[] {false, true}) {
          TileCode tile = new TileCode(VectorLevel.AVX512, rows, vectors, vectors, fetches);
          assertNull(tile.fault(new Emulator(tile.code())), tile.toString());
        }
      }
    }
  }

  @Test
  void everyTileOfPairsPassesItsTrial() {
    for (int rows = 1; rows <= PairTile.ROWS; rows++) {
      for (int vectors = 1; vectors <= VectorLevel.VECTORS; vectors++) {
        for (boolean fetches : new boolean[] {false, true}) {
          PairTile tile = new PairTile(rows, vectors, fetches);
          assertNull(tile.fault(new Emulator(tile.code())), tile.toString());
          assertNotNull(tile.fault(arguments -> {}), tile.toString());
        }
      }
    }
  }

  @Test
  void everyPartOfMinimalFilteringForAvx512PassesItsTrial() {
    for (int rows = 1; rows <= VectorLevel.AVX512.rows(); rows++) {
      for (int vectors = 1; vectors <= VectorLevel.VECTORS; vectors++) {
        for (boolean fetches : new boolean[] {false, true}) {
          SquaresCode code = new SquaresCode(VectorLevel.AVX512, rows, vectors, fetches);
          assertNull(code.fault(new Emulator(code.code())), code.toString());
        }
      }
    }
    for (WinogradCode.Step step : WinogradCode.Step.values()) {
      for (int size = 2; size <= 4; size += 2) {
        WinogradCode code = new WinogradCode(VectorLevel.AVX512, step, size);
        assertNull(code.fault(new Emulator(code.code())), code.toString());
      }
    }
  }

  @Test
  void sumsOfTapsPassTheirTrial() {
    TapSumCode code = new TapSumCode();
    assertNull(code.fault(new Emulator(code.code())));
    assertNotNull(code.fault(arguments -> {}));
  }

  @Test
  void everyProductOfAttentionForAvx512PassesItsTrial() {
    for (int vectors = 1; vectors <= PanelCode.MAX_VECTORS; vectors++) {
      for (int rows = 1; rows <= PanelCode.rows(VectorLevel.AVX512, vectors); rows++) {
        for (boolean half : new boolean[] {false, true}) {
          for (boolean words : new boolean[] {false, true}) {
            PanelCode product = new PanelCode(VectorLevel.AVX512, rows, vectors, half, words);
            assertNull(product.fault(new Emulator(product.code())), product.toString());
          }
        }
      }
    }
  }

  @Test
  void weightsOfAttentionForAvx512PassTheirTrial() {
    for (int vectors = 1; vectors <= VectorLevel.VECTORS; vectors++) {
      for (Scores scores : Scores.values()) {
        int most = WeightCode.rows(VectorLevel.AVX512, vectors, scores);
        for (int rows = 1; rows <= most; rows++) {
          WeightCode weights = new WeightCode(VectorLevel.AVX512, rows, vectors, scores);
          assertNull(weights.fault(new Emulator(weights.code())), weights.toString());
        }
      }
    }
  }

  @Test
  void everyDotProductPassesItsTrial() {
    for (DotType type : DotType.values()) {
      for (int rows = 1; rows <= DotCode.ROWS; rows++) {
        DotCode product = new DotCode(type, rows);
        assertNull(product.fault(new Emulator(product.code())), product.toString());
        assertNotNull(product.fault(arguments -> {}), product.toString());
      }
    }
  }

  @Test
  void tilesPassTheirTrial() {
    for (DotType type : DotType.values()) {
      for (int lines = 1; lines <= AmxCode.MOST_LINES; lines *= 2) {
        AmxCode product = new AmxCode(type, lines);
        assertNull(product.fault(new Emulator(product.code())), product.toString());
        assertNotNull(product.fault(arguments -> {}), product.toString());
      }
    }
  }

  @Test
  void attentionOnTilesPassesItsTrial() {
    for (int steps : new int[] {1, 2, 3, 5, AmxAttentionCode.MOST_STEPS}) {
      for (boolean clamps : new boolean[] {false, true}) {
        AmxAttentionCode code = new AmxAttentionCode(steps, clamps);
        assertNull(code.fault(new Emulator(code.code())), code.toString());
        assertNotNull(code.fault(arguments -> {}), code.toString());
      }
    }
  }

  /**
   * What only AMX multiplies runs in the emulator, the rest on this processor if it can. Shapes:
   * height, width, channels, filters, kernel, stride.
   */
  @Test
  void productsAndConvolutionsOnTiles() {
    Random random = new Random(2);
    try (Workers workers = new Workers(2)) {
      for (DotType type : DotType.values()) {
        Kit floats = Kit.best();
        assumeTrue(floats != null, "no code is generated here");
        if (type == DotType.INT8 && !type.runsHere()) {
          continue; // the emulator lacks what quantises
        }
        JitPacked tiles = new JitPacked(workers, only(type, floats, true));
        JitPacked vectors = new JitPacked(workers, only(type, floats, false));
        for (int[] s :
            new int[][] {
              {70, 1, 64, 40, 1, 1},
              {9, 7, 64, 40, 3, 1},
              {33, 5, 128, 70, 3, 1},
              {6, 6, 20, 9, 3, 1},
              {40, 1, 1152, 70, 1, 1},
              {4, 5, 576, 33, 3, 1},
              {12, 9, 64, 40, 3, 2},
              {7, 8, 64, 33, 1, 2},
              {11, 10, 64, 33, 3, 3}
            }) {
          ConvProblem p =
              ConvProblem.of(2, s[0], s[1], s[2], s[3], s[4], s[5], s[4] / 2)
                  .epilogue(true, DType.F32, Activation.NONE);
          PackedWeight w = new PackedWeight(type.precision(), s[3], s[4] * s[4], s[2]);
          HostBuffer x = random(random, 2 * s[0] * s[1] * s[2]);
          HostBuffer bias = random(random, s[3]);
          HostBuffer packed = random(random, Math.toIntExact(w.bytes() / 4));
          vectors.pack(w, DType.F32, random(random, s[3] * s[4] * s[4] * s[2]), packed);
          int size = 2 * p.outH() * p.outW() * s[3];
          HostBuffer expected = random(random, size);
          HostBuffer actual = random(random, size);
          vectors.convolve(p, w, x, packed, bias, expected);
          int before = emulated.get();
          tiles.convolve(p, w, x, packed, bias, actual);
          near(expected, actual, size, w.toString());
          assertEquals(s[2] % 64 == 0, emulated.get() > before, "whether tiles were used: " + w);
        }
      }
    }
  }

  private final AtomicInteger emulated = new AtomicInteger();

  private Function<DotType, DotKit> only(DotType type, Kit floats, boolean withTiles) {
    DotKit kit =
        new DotKit(
            type,
            floats,
            key -> {
              if (!(key instanceof AmxCode)) {
                return type.runsHere() || !foreign(key) ? CodeCache.get(key) : emulator(key);
              }
              Emulator code = new Emulator(key.code());
              return arguments -> {
                emulated.incrementAndGet();
                code.call(arguments);
              };
            },
            withTiles);
    return wanted -> wanted == type ? kit : null;
  }

  private static boolean foreign(Generated key) {
    return key instanceof DotCode
        || key instanceof NarrowCode
        || key instanceof FinishCode
        || key instanceof JoinCode
        || key instanceof PanelStepCode;
  }

  @Test
  void theTrialSeesWrongCode() {
    TileCode right = new TileCode(VectorLevel.AVX512, 3, 2);
    Emulator code = new Emulator(right.code());
    assertNotNull(right.fault(arguments -> {}));
    assertNotNull(
        right.fault(
            arguments -> {
              code.call(arguments);
              // One value of the first tile's first row.
              long c = memory().get(ValueLayout.JAVA_LONG, arguments + TileCode.C);
              long step = 3L * 2 * 64;
              float old = Numbers.get(memory(), (c - 2 * step) / 4);
              Numbers.set(memory(), (c - 2 * step) / 4, old + 0.01f);
            }));
  }

  @SuppressWarnings("restricted")
  private static MemorySegment memory() {
    return MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
  }

  /** What is made for AVX-512 emulated, everything else as on AVX2. */
  private static Kit kit() {
    return new Kit(
        VectorLevel.AVX512, key -> emulated(key) ? emulator(key) : CodeCache.get(key), true);
  }

  private static boolean emulated(Generated key) {
    return key instanceof TileCode
        || key instanceof PairTile
        || key instanceof SquaresCode
        || key instanceof WinogradCode;
  }

  private static Emulator emulator(Generated key) {
    return new Emulator(key.code());
  }

  private static HostBuffer random(Random random, int count) {
    HostBuffer buffer = new HostBuffer(Arena.ofAuto().allocate(4L * count, 64));
    for (int i = 0; i < count; i++) {
      Numbers.set(buffer.segment(), i, (float) random.nextGaussian());
    }
    return buffer;
  }

  private static void near(HostBuffer expected, HostBuffer actual, int count, String what) {
    for (int i = 0; i < count; i++) {
      float e = Numbers.get(expected.segment(), i);
      assertEquals(e, Numbers.get(actual.segment(), i), 1e-3, what + ", value " + i);
    }
  }

  @Test
  void productsAndConvolutions() {
    assumeTrue(Kit.of(VectorLevel.AVX2) != null, "no code is generated here");
    Random random = new Random(1);
    try (Workers workers = new Workers(2)) {
      for (int[] s :
          new int[][] {{5, 7, 17}, {13, 33, 260}, {25, 70, 12}, {40, 16, 3}, {21, 80, 96}}) {
        GemmProblem p =
            GemmProblem.of(s[0], s[1], s[2], false, true)
                .epilogue(true, DType.F32, Activation.NONE);
        HostBuffer a = random(random, s[0] * s[2]);
        HostBuffer b = random(random, s[1] * s[2]);
        HostBuffer bias = random(random, s[1]);
        HostBuffer expected = random(random, s[0] * s[1]);
        HostBuffer actual = random(random, s[0] * s[1]);
        new ReferenceGemm(workers).gemm(p, a, b, bias, expected);
        JitGemm gemm = new JitGemm(workers, kit());
        assertTrue(gemm.accepts("gemm", p));
        gemm.gemm(p, a, b, bias, actual);
        near(expected, actual, s[0] * s[1], p.toString());
      }
      for (int size : new int[] {28, 12, 3}) {
        int channels = size == 28 ? 128 : 64; // enough for pairs
        int out = size == 28 ? 128 : 80;
        ConvProblem p = ConvProblem.of(1, size, size, channels, out, 3, 1, 1);
        HostBuffer x = random(random, size * size * channels);
        HostBuffer weight = random(random, 9 * channels * out);
        HostBuffer expected = random(random, size * size * out);
        HostBuffer actual = random(random, size * size * out);
        new ReferenceConv(workers).forward(p, x, weight, null, expected);
        new JitConv(workers, kit()).infer(p, x, weight, null, actual);
        near(expected, actual, size * size * out, p.toString());
      }
    }
  }
}
