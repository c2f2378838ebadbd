package dev.viridian.kernels.cpu.jit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.PackedJoin;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.Precision;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.cpu.reference.ReferencePacked;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Products in bfloat16 on tiles and what is joined to them, beside plain loops: on this processor's
 * tiles where it has any, else in the emulator.
 */
final class AmxProductTest {
  private final Workers workers = new Workers(3);
  private final ReferencePacked reference = new ReferencePacked(workers);
  private final Random random = new Random(7);
  private JitPacked tiles;

  @BeforeEach
  void open() {
    assumeTrue(DotType.BF16.runsHere() && Kit.best() != null, "no AVX512-BF16 around the tiles");
    tiles = new JitPacked(workers, AmxProductTest::kit);
  }

  /** Of this processor where it has tiles. */
  private static DotKit kit(DotType type) {
    DotKit here = DotKit.of(type);
    if (here == null || here.hasTiles()) {
      return here;
    }
    return new DotKit(
        type,
        Kit.best(),
        key -> key instanceof AmxCode ? new Emulator(key.code()) : CodeCache.get(key),
        true);
  }

  /** Borders that differ, strides and places between taps; each on tiles. */
  @ParameterizedTest
  @EnumSource
  void oddConvolutions(DotType type) {
    assumeTrue(type.runsHere());
    // h, w, kh, kw, strides, pads above, below, left, right, dilations
    for (int[] s :
        new int[][] {
          {12, 33, 3, 3, 2, 2, 0, 1, 0, 1, 1, 1},
          {12, 10, 3, 3, 2, 2, 0, 1, 0, 1, 1, 1},
          {9, 20, 3, 3, 1, 1, 2, 1, 0, 3, 2, 1},
          {7, 16, 1, 3, 1, 1, 0, 0, 1, 1, 1, 1},
          {7, 40, 1, 1, 1, 2, 0, 0, 0, 0, 1, 1},
          {7, 23, 2, 2, 1, 2, 1, 0, 1, 0, 1, 1},
          {5, 9, 1, 1, 1, 1, 1, 1, 2, 2, 1, 1}
        }) {
      ConvProblem p =
          new ConvProblem(
              2,
              s[0],
              s[1],
              64,
              70,
              s[2],
              s[3],
              s[4],
              s[5],
              s[6],
              s[7],
              s[8],
              s[9],
              s[10],
              s[11],
              1,
              DType.F32,
              true,
              DType.BF16,
              Activation.SILU);
      PackedWeight w = new PackedWeight(type.precision(), 70, s[2] * s[3], 64);
      assertTrue(AmxProduct.takes(kit(type), p, w), p.toString());
      HostBuffer packed = packed(w);
      HostBuffer bias = numbers(DType.BF16, 70);
      long size = 2L * p.outH() * p.outW() * 70;
      HostBuffer x = numbers(DType.F32, 2L * s[0] * s[1] * 64);
      HostBuffer expected = numbers(DType.F32, size);
      HostBuffer actual = numbers(DType.F32, size);
      reference.convolve(p, w, x, packed, bias, expected);
      tiles.convolve(p, w, x, packed, bias, actual);
      near(DType.F32, expected, actual, size, p.toString());
      try (Workers one = new Workers(1)) {
        HostBuffer alone = numbers(DType.F32, size);
        new JitPacked(one, AmxProductTest::kit).convolve(p, w, x, packed, bias, alone);
        assertEquals(0, difference(DType.F32, actual, alone, size), "threads change " + p);
      }
    }
  }

  @AfterEach
  void close() {
    workers.close();
  }

  private HostBuffer numbers(DType type, long count) {
    HostBuffer buffer = new HostBuffer(Arena.ofAuto().allocate(type.bytes() * count + 64, 64));
    MemorySegment s = buffer.segment();
    for (int i = 0; i < count; i++) {
      float value = (float) random.nextGaussian();
      if (type == DType.F32) {
        Numbers.set(s, i, value);
      } else {
        s.set(Numbers.SHORT, 2L * i, Numbers.floatToBf16(value));
      }
    }
    return buffer;
  }

  private static double difference(DType type, HostBuffer a, HostBuffer b, long count) {
    double worst = 0;
    for (int i = 0; i < count; i++) {
      double d = Numbers.get(a.segment(), type, i) - Numbers.get(b.segment(), type, i);
      worst = Math.max(worst, Double.isNaN(d) ? Double.POSITIVE_INFINITY : Math.abs(d));
    }
    return worst;
  }

  /** What is rounded to bfloat16 may be rounded the other way. */
  private static void near(DType type, HostBuffer e, HostBuffer a, long count, String what) {
    for (int i = 0; i < count; i++) {
      double expected = Numbers.get(e.segment(), type, i);
      double most = type == DType.F32 ? 2e-3 : Math.abs(expected) / 128 + 2e-3;
      assertEquals(expected, Numbers.get(a.segment(), type, i), most, what + ", value " + i);
    }
  }

  private static ConvProblem conv(int[] s) {
    return ConvProblem.of(2, s[0], s[1], s[4], s[5], s[2], s[3], s[2] / 2)
        .epilogue(true, DType.BF16, Activation.NONE);
  }

  private HostBuffer packed(PackedWeight w) {
    HostBuffer weight = numbers(DType.F32, (long) w.out() * w.taps() * w.channels());
    HostBuffer packed = numbers(DType.F32, w.bytes() / 4);
    tiles.pack(w, DType.F32, weight, packed);
    return packed;
  }

  /** Height, width, kernel, stride, channels, filters; what is spread, in rows, large or narrow. */
  private static final int[][] SHAPES = {
    {1, 1, 1, 1, 32, 64},
    {77, 1, 1, 1, 64, 128},
    {700, 1, 1, 1, 96, 64},
    {150, 1, 1, 1, 1312, 64},
    {2200, 1, 1, 1, 32, 64},
    {8, 8, 3, 1, 64, 64},
    {5, 17, 3, 1, 32, 64},
    {6, 32, 3, 1, 64, 64},
    {6, 16, 1, 1, 96, 64},
    {13, 40, 3, 2, 32, 64},
    {9, 1, 1, 1, 31, 64}
  };

  @ParameterizedTest
  @EnumSource
  void joined(PackedJoin.Kind kind) {
    for (int[] s : SHAPES) {
      ConvProblem conv = conv(s);
      PackedWeight w = new PackedWeight(Precision.BF16, s[5], s[2] * s[2], s[4]);
      HostBuffer packed = packed(w);
      HostBuffer bias = numbers(DType.BF16, s[5]);
      for (DType type : new DType[] {DType.F32, DType.BF16}) {
        PackedJoin p = new PackedJoin(conv, w, type, kind);
        assertTrue(tiles.joins(p), p.toString());
        long size = p.rows() * p.columns();
        HostBuffer x = numbers(type, p.inputs());
        HostBuffer onto = kind == PackedJoin.Kind.ONTO ? numbers(DType.F32, size) : null;
        HostBuffer expected = numbers(kind.type(), size);
        HostBuffer actual = numbers(kind.type(), size);
        HostBuffer again = numbers(kind.type(), size);
        reference.joined(p, x, packed, bias, onto, expected);
        tiles.joined(p, x, packed, bias, onto, actual);
        tiles.joined(p, x, packed, bias, onto, again);
        near(kind.type(), expected, actual, size, p.toString());
        assertEquals(0, difference(kind.type(), actual, again, size), p.toString());
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void plain(Activation activation) {
    for (int[] s : SHAPES) {
      ConvProblem conv = conv(s).epilogue(true, DType.BF16, activation);
      PackedWeight w = new PackedWeight(Precision.BF16, s[5], s[2] * s[2], s[4]);
      HostBuffer packed = packed(w);
      HostBuffer bias = numbers(DType.BF16, s[5]);
      long size = 2L * conv.outH() * conv.outW() * s[5];
      HostBuffer x = numbers(DType.F32, 2L * s[0] * s[1] * s[4]);
      HostBuffer expected = numbers(DType.F32, size);
      HostBuffer actual = numbers(DType.F32, size);
      reference.convolve(conv, w, x, packed, bias, expected);
      tiles.convolve(conv, w, x, packed, bias, actual);
      assertTrue(difference(DType.F32, expected, actual, size) < 2e-3, conv.toString());
      ConvProblem bare = conv.epilogue(false, DType.F32, activation);
      reference.convolve(bare, w, x, packed, null, expected);
      tiles.convolve(bare, w, x, packed, null, actual);
      assertTrue(difference(DType.F32, expected, actual, size) < 2e-3, bare.toString());
    }
  }

  @Test
  void whatIsNotTaken() {
    for (int[] s : new int[][] {{9, 1, 1, 1, 20, 64}, {9, 1, 1, 1, 32, 40}}) {
      PackedWeight w = new PackedWeight(Precision.BF16, s[5], 1, s[4]);
      PackedJoin p = new PackedJoin(conv(s), w, DType.F32, PackedJoin.Kind.ONTO);
      assertFalse(tiles.joins(p), p.toString());
    }
    PackedWeight w = new PackedWeight(Precision.BF16, 64, 1, 32);
    PackedJoin p = PackedJoin.ofRows(9, w, DType.BF16, DType.F32, PackedJoin.Kind.ONTO);
    HostBuffer any = numbers(DType.F32, 9 * 64);
    HostBuffer odd = new HostBuffer(numbers(DType.F32, 9 * 64).segment().asSlice(4));
    HostBuffer weight = numbers(DType.F32, w.bytes() / 4);
    assertThrows(IllegalArgumentException.class, () -> tiles.joined(p, any, weight, any, any, odd));
    long[] sizes = {2 * 9 * 32, w.bytes(), 4 * 64, 4 * 9 * 64, 4 * 9 * 64};
    for (int shorter = 0; shorter < sizes.length; shorter++) {
      HostBuffer[] b = new HostBuffer[sizes.length];
      for (int i = 0; i < b.length; i++) {
        b[i] = new HostBuffer(Arena.ofAuto().allocate(sizes[i] - (i == shorter ? 1 : 0), 64));
      }
      assertThrows(
          IndexOutOfBoundsException.class,
          () -> tiles.joined(p, b[0], b[1], b[2], b[3], b[4]),
          "argument " + shorter);
    }
  }
}
