package dev.viridian.engine.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.Test;

class HalfPrecisionTest {
  @Test
  void everyBfloat16ComesBack() {
    for (int bits = 0; bits < 1 << 16; bits++) {
      float value = HalfPrecision.bfloat16ToFloat((short) bits);
      short back = HalfPrecision.floatToBfloat16(value);
      if (Float.isNaN(value)) {
        assertTrue(Float.isNaN(HalfPrecision.bfloat16ToFloat(back)));
      } else {
        assertEquals((short) bits, back);
      }
    }
  }

  @Test
  void roundsToTheNearestAndTiesToEven() {
    Random random = new Random(1);
    for (int i = 0; i < 100_000; i++) {
      float value = Float.intBitsToFloat(random.nextInt());
      if (i % 4 == 0) {
        value = Float.intBitsToFloat(random.nextInt() & 0xffff0000 | 0x8000); // a tie
      }
      short got = HalfPrecision.floatToBfloat16(value);
      if (Float.isNaN(value)) {
        assertTrue(Float.isNaN(HalfPrecision.bfloat16ToFloat(got)));
        continue;
      }
      // neighbours as doubles: the one above the largest counts as 2^128
      int low = Float.floatToRawIntBits(value) >>> 16;
      double below = Math.abs((double) HalfPrecision.bfloat16ToFloat((short) low));
      float next = HalfPrecision.bfloat16ToFloat((short) (low + 1));
      double above = Float.isInfinite(next) ? 0x1p128 : Math.abs((double) next);
      double magnitude = Math.abs((double) value);
      boolean up =
          magnitude - below > above - magnitude
              || magnitude - below == above - magnitude && (low & 1) == 1;
      int expected = Float.isInfinite(value) ? low : up ? low + 1 : low;
      assertEquals((short) expected, got, Float.toHexString(value));
    }
  }

  @Test
  void nanWithALowPayloadStaysNan() {
    for (int bits : new int[] {0x7f800001, 0xff800001, 0x7fffffff, 0xffffffff}) {
      short half = HalfPrecision.floatToBfloat16(Float.intBitsToFloat(bits));
      assertTrue(Float.isNaN(HalfPrecision.bfloat16ToFloat(half)));
    }
  }

  @Test
  void segmentsOfEveryFloatTypeGoUpAndDown() {
    float[] values = {0, -0f, 1, -2.5f, 65504, Float.POSITIVE_INFINITY, 0x1p-14f};
    for (FileType type : new FileType[] {FileType.F64, FileType.F32, FileType.F16, FileType.BF16}) {
      MemorySegment memory = MemorySegment.ofArray(new byte[values.length * type.bytes()]);
      HalfPrecision.fromFloats(values, type, memory);
      float[] back = new float[values.length];
      HalfPrecision.toFloats(type, memory, back);
      float[] expected = values.clone();
      if (type == FileType.BF16) {
        expected[4] = 65536;
      }
      assertArrayEquals(expected, back);
    }
    assertThrows(
        IllegalArgumentException.class,
        () ->
            HalfPrecision.toFloats(FileType.I32, MemorySegment.ofArray(new int[1]), new float[1]));
  }
}
