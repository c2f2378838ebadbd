package dev.viridian.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.viridian.kernels.CopyKernels.Copy;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.cpu.jit.JitCopy;
import dev.viridian.kernels.cpu.jit.JitPaths;
import dev.viridian.kernels.cpu.reference.ReferenceCopy;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.cpu.vector.VectorCopy;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Generated copies against the plain ones, byte by byte. */
final class JitCopyTest {
  private final Workers workers = new Workers(3);
  private final JitCopy fast = new JitCopy(workers);
  private final ReferenceCopy plain = new ReferenceCopy();

  @BeforeAll
  static void onlyWhereCodeCanBeGenerated() {
    assumeTrue(!JitPaths.here().isEmpty(), "no code is generated here");
  }

  @AfterEach
  void close() {
    workers.close();
  }

  private static HostBuffer bytes(Random random, long count) {
    byte[] content = new byte[Math.toIntExact(count)];
    random.nextBytes(content);
    MemorySegment s = Arena.ofAuto().allocate(Math.max(1, count), 64);
    MemorySegment.copy(content, 0, s, ValueLayout.JAVA_BYTE, 0, content.length);
    return new HostBuffer(s);
  }

  /** To filters as they lie in memory, from filters as they lie in files. */
  private static Copy filters(DType type, long out, long in, long taps) {
    return new Copy(
        List.of(out, taps, in),
        type,
        0,
        List.of(taps * in, 1L, taps),
        type,
        0,
        List.of(taps * in, in, 1L));
  }

  private void same(Copy p, HostBuffer source, long targetElements) {
    assertTrue(fast.accepts("copy", p), p.toString());
    HostBuffer expected = bytes(new Random(4), targetElements * p.target().bytes());
    HostBuffer actual = bytes(new Random(4), targetElements * p.target().bytes());
    plain.copy(p, source, expected);
    fast.copy(p, source, actual);
    assertEquals(-1, expected.segment().mismatch(actual.segment()), p.toString());
  }

  @ParameterizedTest
  @CsvSource({
    // out, in, taps
    "5, 16, 9",
    "3, 320, 9",
    "1, 2560, 9",
    "4, 17, 9",
    "2, 31, 25",
    "3, 33, 49",
    "2, 48, 8",
    "7, 64, 16",
    "1, 1000, 71",
    "1, 515, 515",
    "2, 3000, 15",
  })
  void filtersAreTurned(long out, long in, long taps) {
    for (DType type : new DType[] {DType.F32, DType.F16, DType.BF16, DType.I32}) {
      Copy p = filters(type, out, in, taps);
      same(p, bytes(new Random(in), p.elements() * type.bytes()), p.elements() + 5);
    }
  }

  @Test
  void gapsAndDirections() {
    Random random = new Random(6);
    for (int round = 0; round < 200; round++) {
      DType type = random.nextBoolean() ? DType.F32 : DType.F16;
      long rows = 16 + random.nextInt(60);
      long columns = 8 + random.nextInt(90);
      long many = 1 + random.nextInt(3);
      long fromRow = columns + random.nextInt(3);
      long toRow = rows + random.nextInt(3);
      boolean flipped = random.nextBoolean();
      Copy p =
          new Copy(
              List.of(many, rows, columns),
              type,
              1 + (flipped ? fromRow * (rows - 1) : 0),
              List.of(fromRow * rows, flipped ? -fromRow : fromRow, 1L),
              type,
              2,
              List.of(toRow * columns, 1L, toRow));
      same(
          p, bytes(random, (1 + many * fromRow * rows) * type.bytes()), 2 + many * toRow * columns);
    }
  }

  @Test
  void whatIsNotTurnedIsDeclined() {
    Copy straight =
        new Copy(List.of(64L, 64L), DType.F32, 0, List.of(64L, 1L), DType.F32, 0, List.of(64L, 1L));
    Copy widened =
        new Copy(List.of(64L, 64L), DType.F16, 0, List.of(1L, 64L), DType.F32, 0, List.of(64L, 1L));
    for (Copy p :
        List.of(
            straight,
            widened,
            filters(DType.F32, 4, 7, 9),
            filters(DType.F16, 4, 15, 9),
            filters(DType.F32, 4, 64, 7),
            filters(DType.U8, 4, 64, 9),
            filters(DType.I64, 4, 64, 9))) {
      assertFalse(fast.accepts("copy", p), p.toString());
      HostBuffer x = new HostBuffer(Arena.ofAuto().allocate(8 * p.elements(), 64));
      assertThrows(IllegalArgumentException.class, () -> fast.copy(p, x, x));
    }
    assertFalse(fast.accepts("copyAdd", filters(DType.F32, 4, 64, 9)));
  }

  @Test
  void nothingOfNoFilters() {
    Copy none = filters(DType.F32, 0, 64, 9);
    HostBuffer empty = new HostBuffer(Arena.ofAuto().allocate(1, 64));
    HostBuffer target = bytes(new Random(3), 16);
    HostBuffer before = bytes(new Random(3), 16);
    fast.copy(none, empty, target);
    assertEquals(-1, before.segment().mismatch(target.segment()));
  }

  @Test
  void shortBuffers() {
    for (DType type : new DType[] {DType.F32, DType.F16}) {
      Copy p = filters(type, 3, 40, 9);
      long bytes = p.elements() * type.bytes();
      HostBuffer all = bytes(new Random(1), bytes);
      HostBuffer shorter = bytes(new Random(1), bytes - 1);
      HostBuffer target = bytes(new Random(2), bytes);
      fast.copy(p, all, target);
      assertThrows(IndexOutOfBoundsException.class, () -> fast.copy(p, shorter, target));
      assertThrows(IndexOutOfBoundsException.class, () -> fast.copy(p, all, shorter));
      Copy before =
          new Copy(p.shape(), type, 0, List.of(360L, 1L, -9L), type, 0, p.targetStrides());
      assertThrows(IndexOutOfBoundsException.class, () -> fast.copy(before, all, target));
    }
  }

  @Test
  void passesItsOwnCheck() {
    assertNull(VectorCopy.turnedFault(fast, plain));
  }
}
