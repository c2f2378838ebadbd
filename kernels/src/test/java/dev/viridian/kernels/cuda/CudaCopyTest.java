package dev.viridian.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.viridian.kernels.CopyKernels.Copy;
import dev.viridian.kernels.CopyKernels.Indexed;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.memory.CudaBuffer;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CudaCopyTest extends CudaFamilyTest {
  /** Numbers of a type with its awkward ones among them. */
  private Numbers awkward(DType type, long count) {
    Numbers numbers = empty(type, count);
    float[] special = {
      0,
      -0f,
      1,
      -1.5f,
      2.5f,
      65504,
      65520,
      1e9f,
      -3e9f,
      1e20f,
      255.9f,
      256,
      -7,
      6e-8f,
      5.96e-8f,
      1e-40f,
      Float.POSITIVE_INFINITY,
      Float.NEGATIVE_INFINITY,
      Float.NaN,
      1.00390625f,
      1.01171875f,
      0.33333334f
    };
    for (long i = 0; i < count; i++) {
      float x = i < special.length ? special[(int) i] : (float) (random.nextGaussian() * 300);
      switch (type) {
        case F32 -> numbers.memory().set(ValueLayout.JAVA_FLOAT_UNALIGNED, 4 * i, x);
        case F16 ->
            numbers.memory().set(ValueLayout.JAVA_SHORT_UNALIGNED, 2 * i, Float.floatToFloat16(x));
        case BF16 ->
            numbers
                .memory()
                .set(
                    ValueLayout.JAVA_SHORT_UNALIGNED,
                    2 * i,
                    (short) (Float.floatToIntBits(x) >>> 16));
        case I32 -> numbers.memory().set(ValueLayout.JAVA_INT_UNALIGNED, 4 * i, random.nextInt());
        case I64 -> numbers.memory().set(ValueLayout.JAVA_LONG_UNALIGNED, 8 * i, random.nextLong());
        case U8 -> numbers.memory().set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
      }
    }
    return numbers;
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void converts(DType from) {
    for (DType to : DType.values()) {
      Copy p = new Copy(List.of(90L), from, 0, List.of(1L), to, 0, List.of(1L));
      agree(
          from + " to " + to,
          0,
          (k, b) -> k.copy().copy(p, b[0], b[1]),
          awkward(from, 90),
          empty(to, 90));
    }
  }

  /** Rows in whole vectors, as where maps are joined; where buffers begin is drawn. */
  @ParameterizedTest
  @EnumSource(DType.class)
  void joins(DType type) {
    for (int drawn = 0; drawn < 8; drawn++) {
      for (long columns : new long[] {32, 48, 36}) {
        Copy p =
            new Copy(
                List.of(5L, columns),
                type,
                0,
                List.of(columns, 1L),
                type,
                16,
                List.of(columns + 16, 1L));
        long all = 5 * (columns + 16);
        agree(
            "joined " + p,
            0,
            (k, b) -> k.copy().copy(p, b[0], b[1]),
            awkward(type, (int) (5 * columns)),
            awkward(type, (int) all));
      }
    }
  }

  @Test
  void walksByStrides() {
    List<Copy> copies =
        List.of(
            new Copy(List.of(), DType.F32, 3, List.of(), DType.F32, 2, List.of()),
            new Copy(List.of(0L, 4L), DType.F32, 0, List.of(4L, 1L), DType.F32, 0, List.of(4L, 1L)),
            new Copy(List.of(6L, 5L), DType.F32, 0, List.of(1L, 6L), DType.F32, 1, List.of(7L, 1L)),
            // a flip
            new Copy(
                List.of(4L, 5L), DType.F32, 19, List.of(-5L, -1L), DType.F32, 0, List.of(5L, 1L)),
            // repeats
            new Copy(
                List.of(3L, 4L, 2L),
                DType.F32,
                1,
                List.of(0L, 2L, 0L),
                DType.F32,
                0,
                List.of(8L, 2L, 1L)),
            new Copy(
                List.of(2L, 2L, 3L, 2L, 2L, 2L),
                DType.F32,
                0,
                List.of(1L, 2L, 4L, 12L, 24L, 48L),
                DType.F32,
                0,
                List.of(48L, 24L, 8L, 4L, 2L, 1L)));
    for (Copy p : copies) {
      agree("copy " + p, 0, (k, b) -> k.copy().copy(p, b[0], b[1]), normal(120), unwritten(120));
      agree("copyAdd " + p, 0, (k, b) -> k.copy().copyAdd(p, b[0], b[1]), normal(120), normal(120));
    }
    for (DType type : DType.values()) {
      Copy p = new Copy(List.of(7L, 9L), type, 0, List.of(1L, 7L), type, 0, List.of(9L, 1L));
      agree(
          "turn " + type,
          0,
          (k, b) -> k.copy().copy(p, b[0], b[1]),
          awkward(type, 63),
          empty(type, 63));
    }
  }

  @Test
  void whatReachesOutsideIsRefused() {
    CudaBuffer block = allocator.allocate(400);
    Copy behind = new Copy(List.of(10L), DType.F32, 91, List.of(1L), DType.F32, 0, List.of(1L));
    Copy before = new Copy(List.of(10L), DType.F32, 8, List.of(-1L), DType.F32, 0, List.of(1L));
    for (Copy p : List.of(behind, before)) {
      assertThrows(IllegalArgumentException.class, () -> kernels.copy().copy(p, block, block));
    }
    allocator.release(block);
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void fills(DType type) {
    for (double value : new double[] {0, -0.0, 1, -1, 0.1, 300, -1e12}) {
      agree(
          type + " " + value, 0, (k, b) -> k.copy().fill(type, 77, value, b[0]), awkward(type, 80));
    }
  }

  @Test
  void byIndex() {
    for (Indexed p :
        List.of(
            new Indexed(1, 10, 7, 33),
            new Indexed(3, 5, 12, 1),
            new Indexed(2, 1, 4, 6),
            new Indexed(2, 4, 0, 3),
            new Indexed(0, 4, 3, 3))) {
      long n = p.outer() * p.count() * p.inner();
      long all = p.outer() * p.size() * p.inner();
      for (DType type : List.of(DType.F32, DType.F16, DType.BF16)) {
        agree(
            "select " + p,
            0,
            (k, b) -> k.copy().select(p, type, b[0], b[1], b[2]),
            normal(type, all),
            indices(p.count(), p.size()),
            unwritten(n));
      }
      agree(
          "selectAdd " + p,
          0,
          (k, b) -> k.copy().selectAdd(p, b[0], b[1], b[2]),
          normal(n),
          indices(p.count(), p.size()),
          normal(all));
      agree(
          "gather " + p,
          0,
          (k, b) -> k.copy().gather(p, b[0], b[1], b[2]),
          normal(all),
          indices(n, p.size()),
          unwritten(n));
      agree(
          "scatterAdd " + p,
          0,
          (k, b) -> k.copy().scatterAdd(p, b[0], b[1], b[2]),
          normal(n),
          indices(n, p.size()),
          normal(all));
    }
  }

  /** Nothing waits for it: the next download tells, and the device goes on. */
  @Test
  void anIndexOutsideIsNamedWithTheNextDownload() {
    CudaBuffer x = allocator.allocate(4 * 20);
    CudaBuffer index = allocator.allocate(8 * 600);
    CudaBuffer y = allocator.allocate(4 * 600);
    long[] places = new long[600];
    places[523] = 20;
    places[599] = -1;
    device.upload(MemorySegment.ofArray(places), index);
    kernels.copy().fill(DType.F32, 20, 3, x);
    Indexed p = new Indexed(1, 20, 600, 1);
    kernels.copy().select(p, DType.F32, x, index, y);
    kernels.copy().selectAdd(p, y, index, x); // finds the same: the first is told
    float[] written = new float[600];
    IndexOutOfBoundsException e =
        assertThrows(
            IndexOutOfBoundsException.class,
            () -> device.download(y, MemorySegment.ofArray(written)));
    assertEquals("Copy.select: index number 523 must be from 0 to 19, got 20", e.getMessage());
    device.download(y, MemorySegment.ofArray(written));
    assertEquals(3, written[522]);
    assertEquals(Float.NaN, written[523]);
    assertEquals(Float.NaN, written[599]);
    kernels.copy().gather(new Indexed(1, 20, 600, 1), x, index, y);
    e = assertThrows(IndexOutOfBoundsException.class, device::synchronize);
    assertEquals("Copy.gather: index number 523 must be from 0 to 19, got 20", e.getMessage());
    device.synchronize();
    allocator.release(x);
    allocator.release(index);
    allocator.release(y);
  }
}
