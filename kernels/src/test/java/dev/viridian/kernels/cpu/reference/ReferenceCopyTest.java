package dev.viridian.kernels.cpu.reference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.viridian.kernels.CopyKernels.Copy;
import dev.viridian.kernels.CopyKernels.Indexed;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.Test;

class ReferenceCopyTest {
  private final ReferenceCopy copy = new ReferenceCopy();
  private final Arena arena = Arena.ofAuto();

  private HostBuffer floats(float... values) {
    return new HostBuffer(arena.allocateFrom(ValueLayout.JAVA_FLOAT, values));
  }

  private HostBuffer longs(long... values) {
    return new HostBuffer(arena.allocateFrom(ValueLayout.JAVA_LONG, values));
  }

  private static float[] floats(HostBuffer buffer) {
    return buffer.segment().toArray(ValueLayout.JAVA_FLOAT);
  }

  private static Copy f32(List<Long> shape, long offset, List<Long> source, List<Long> target) {
    return new Copy(shape, DType.F32, offset, source, DType.F32, 0, target);
  }

  @Test
  void transposesFlipsAndRepeats() {
    HostBuffer x = floats(0, 1, 2, 3, 4, 5);
    HostBuffer y = floats(new float[6]);
    copy.copy(f32(List.of(3L, 2L), 0, List.of(1L, 3L), List.of(2L, 1L)), x, y);
    assertArrayEquals(new float[] {0, 3, 1, 4, 2, 5}, floats(y));
    copy.copy(f32(List.of(2L, 3L), 5, List.of(-3L, -1L), List.of(3L, 1L)), x, y);
    assertArrayEquals(new float[] {5, 4, 3, 2, 1, 0}, floats(y));
    copy.copy(f32(List.of(2L, 3L), 1, List.of(0L, 1L), List.of(3L, 1L)), x, y);
    assertArrayEquals(new float[] {1, 2, 3, 1, 2, 3}, floats(y));
    copy.copy(f32(List.of(), 4, List.of(), List.of()), x, y);
    assertArrayEquals(new float[] {4, 2, 3, 1, 2, 3}, floats(y));
    copy.copy(f32(List.of(0L, 3L), 0, List.of(3L, 1L), List.of(3L, 1L)), x, y);
    assertArrayEquals(new float[] {4, 2, 3, 1, 2, 3}, floats(y));
    copy.copyAdd(f32(List.of(2L, 3L), 0, List.of(3L, 1L), List.of(3L, 1L)), x, y);
    assertArrayEquals(new float[] {4, 3, 5, 4, 6, 8}, floats(y));
  }

  @Test
  void roundsToNearestEven() {
    float half = Math.scalb(1f, -8); // half a unit of BF16 at 1
    float[] values = {
      1 + half, 1 + 3 * half, Float.NaN, Float.NEGATIVE_INFINITY, Float.MAX_VALUE, -0f, 0.1f
    };
    HostBuffer x = floats(values);
    HostBuffer y = new HostBuffer(arena.allocate(2L * values.length, 64));
    HostBuffer back = floats(new float[values.length]);
    for (DType type : new DType[] {DType.BF16, DType.F16}) {
      Copy there = new Copy(List.of(7L), DType.F32, 0, List.of(1L), type, 0, List.of(1L));
      Copy again = new Copy(List.of(7L), type, 0, List.of(1L), DType.F32, 0, List.of(1L));
      copy.copy(there, x, y);
      copy.copy(again, y, back);
      float[] got = floats(back);
      assertEquals(Float.NaN, got[2]);
      assertEquals(Float.NEGATIVE_INFINITY, got[3]);
      assertEquals(Float.POSITIVE_INFINITY, got[4]);
      assertEquals(-0f, got[5]);
      if (type == DType.BF16) {
        assertEquals(1f, got[0]);
        assertEquals(1 + 4 * half, got[1]);
        assertEquals(0.10009765625f, got[6]);
      } else {
        assertEquals(1 + half, got[0]);
        assertEquals(0.0999755859375f, got[6]);
      }
    }
  }

  @Test
  void convertsBetweenWholeAndFloating() {
    HostBuffer x = floats(-1.9f, 1.9f, 300f);
    HostBuffer whole = longs(0, 0, 0);
    copy.copy(
        new Copy(List.of(3L), DType.F32, 0, List.of(1L), DType.I64, 0, List.of(1L)), x, whole);
    assertArrayEquals(new long[] {-1, 1, 300}, whole.segment().toArray(ValueLayout.JAVA_LONG));
    HostBuffer large = longs((1L << 60) + 1, -5, 200);
    copy.copy(
        new Copy(List.of(3L), DType.I64, 2, List.of(-1L), DType.I64, 0, List.of(1L)), large, whole);
    assertArrayEquals(
        new long[] {200, -5, (1L << 60) + 1}, whole.segment().toArray(ValueLayout.JAVA_LONG));
    MemorySegment pixels = arena.allocateFrom(ValueLayout.JAVA_BYTE, (byte) 255, (byte) 128);
    HostBuffer y = floats(0, 0);
    copy.copy(
        new Copy(List.of(2L), DType.U8, 0, List.of(1L), DType.F32, 0, List.of(1L)),
        new HostBuffer(pixels),
        y);
    assertArrayEquals(new float[] {255, 128}, floats(y));
  }

  @Test
  void selectsAndAddsInOrder() {
    Indexed p = new Indexed(2, 3, 2, 1);
    HostBuffer x = floats(0, 1, 2, 10, 11, 12);
    HostBuffer y = floats(new float[4]);
    copy.select(p, DType.F32, x, longs(2, 0), y);
    assertArrayEquals(new float[] {2, 0, 12, 10}, floats(y));
    copy.selectAdd(p, floats(1, 2, 3, 4), longs(1, 1), x);
    assertArrayEquals(new float[] {0, 4, 2, 10, 18, 12}, floats(x));
    copy.gather(p, x, longs(0, 2, 1, 1), y);
    assertArrayEquals(new float[] {0, 2, 18, 18}, floats(y));
    copy.scatterAdd(p, floats(1, 1, 1, 1), longs(0, 0, 2, 1), x);
    assertArrayEquals(new float[] {2, 4, 2, 10, 19, 13}, floats(x));
  }

  @Test
  void writesNothingIfAnIndexIsOutside() {
    Indexed p = new Indexed(1, 3, 2, 1);
    HostBuffer x = floats(1, 2, 3);
    HostBuffer y = floats(7, 8);
    for (HostBuffer index : List.of(longs(0, 3), longs(0, -1))) {
      assertThrows(IndexOutOfBoundsException.class, () -> copy.select(p, DType.F32, x, index, y));
      assertThrows(IndexOutOfBoundsException.class, () -> copy.selectAdd(p, y, index, x));
      assertThrows(IndexOutOfBoundsException.class, () -> copy.gather(p, x, index, y));
      assertThrows(IndexOutOfBoundsException.class, () -> copy.scatterAdd(p, y, index, x));
    }
    assertArrayEquals(new float[] {7, 8}, floats(y));
    assertArrayEquals(new float[] {1, 2, 3}, floats(x));
  }

  @Test
  void fillsInEveryType() {
    HostBuffer x = new HostBuffer(arena.allocate(8, 64));
    copy.fill(DType.BF16, 4, 0.5, x);
    assertEquals((short) 0x3f00, x.segment().get(ValueLayout.JAVA_SHORT, 6));
    copy.fill(DType.U8, 8, 255, x);
    assertEquals(-1L, x.segment().get(ValueLayout.JAVA_LONG, 0));
    copy.fill(DType.I64, 1, -3.7, x);
    assertEquals(-3L, x.segment().get(ValueLayout.JAVA_LONG, 0));
  }
}
