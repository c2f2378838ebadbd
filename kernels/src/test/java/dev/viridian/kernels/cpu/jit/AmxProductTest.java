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
    DotKit here = DotKit.of(DotType.BF16);
    DotKit kit =
        here != null && here.hasTiles()
            ? here
            : new DotKit(
                DotType.BF16,
                Kit.best(),
                key -> key instanceof AmxCode ? new Emulator(key.code()) : CodeCache.get(key),
                true);
    assertTrue(kit.hasTiles());
    tiles = new JitPacked(workers, type -> type == DotType.BF16 ? kit : null);
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
    {13, 40, 3, 2, 32, 64}
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
        // A result of bfloat16 may be rounded the other way: by a 256th of what may be 1000.
        double most = kind == PackedJoin.Kind.GATED ? 8 : 2e-3;
        assertTrue(difference(kind.type(), expected, actual, size) < most, p.toString());
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
    for (int[] s : new int[][] {{9, 1, 1, 1, 20, 64}, {9, 1, 1, 1, 32, 32}}) {
      PackedWeight w = new PackedWeight(Precision.BF16, s[5], 1, s[4]);
      PackedJoin p = new PackedJoin(conv(s), w, DType.F32, PackedJoin.Kind.ONTO);
      assertFalse(tiles.joins(p), p.toString());
    }
    PackedWeight w = new PackedWeight(Precision.BF16, 64, 1, 32);
    PackedJoin p = PackedJoin.ofRows(9, w, DType.BF16, DType.F32, PackedJoin.Kind.ONTO);
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
