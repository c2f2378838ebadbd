package dev.viridian.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.viridian.kernels.CopyKernels.Copy;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.HostFloats;
import dev.viridian.kernels.cpu.reference.ReferenceCopy;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.cpu.vector.VectorCopy;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The fast copies against the plain ones, byte by byte. */
class VectorCopyTest {
  private final Workers workers = new Workers(3);
  private final VectorCopy fast = new VectorCopy(workers);
  private final ReferenceCopy plain = new ReferenceCopy();

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

  /** Every kind of number; NaN only in its usual form, for others may come out in several. */
  private static HostBuffer numbers(Random random, DType type, long count) {
    HostBuffer x = bytes(random, count * type.bytes());
    MemorySegment s = x.segment();
    for (long i = 0; i < count; i++) {
      if (type == DType.F32) {
        if (Float.isNaN(s.get(ValueLayout.JAVA_FLOAT, 4 * i))) {
          s.set(ValueLayout.JAVA_FLOAT, 4 * i, Float.NaN);
        }
      } else {
        int infinity = type == DType.F16 ? 0x7c00 : 0x7f80;
        if ((s.get(ValueLayout.JAVA_SHORT, 2 * i) & 0x7fff) > infinity) {
          s.set(ValueLayout.JAVA_SHORT, 2 * i, (short) (infinity | infinity >> 1));
        }
      }
    }
    return x;
  }

  private static HostBuffer duplicate(HostBuffer b) {
    MemorySegment s = Arena.ofAuto().allocate(b.bytes(), 64);
    s.copyFrom(b.segment());
    return new HostBuffer(s);
  }

  private void same(Copy p, HostBuffer source, HostBuffer target) {
    HostBuffer expected = duplicate(target);
    plain.copy(p, source, expected);
    fast.copy(p, source, target);
    assertEquals(-1, expected.segment().mismatch(target.segment()), p.toString());
  }

  /** A source with gaps, its axes in any order and direction, to a target likewise. */
  private static Copy random(Random random, DType source, DType target, long... sizes) {
    List<Long> shape = new ArrayList<>();
    for (long size : sizes) {
      shape.add(size);
    }
    List<Long> sourceStrides = strides(random, shape);
    List<Long> targetStrides = strides(random, shape);
    long sourceOffset = 3;
    for (int d = 0; d < sizes.length; d++) {
      if (random.nextInt(4) == 0) {
        sourceOffset += (sizes[d] - 1) * sourceStrides.get(d);
        sourceStrides.set(d, -sourceStrides.get(d));
      } else if (random.nextInt(6) == 0) {
        sourceStrides.set(d, 0L);
      }
    }
    return new Copy(shape, source, sourceOffset, sourceStrides, target, 2, targetStrides);
  }

  private static List<Long> strides(Random random, List<Long> shape) {
    List<Integer> order = new ArrayList<>();
    for (int d = 0; d < shape.size(); d++) {
      order.add(d);
    }
    if (random.nextBoolean()) {
      Collections.shuffle(order, random);
    }
    List<Long> strides = new ArrayList<>(Collections.nCopies(shape.size(), 0L));
    long step = random.nextInt(5) == 0 ? 2 : 1;
    for (int i = order.size() - 1; i >= 0; i--) {
      strides.set(order.get(i), step);
      step *= shape.get(order.get(i)) + (random.nextInt(4) == 0 ? 1 : 0);
    }
    return strides;
  }

  @Test
  void passesItsOwnCheck() {
    assertNull(VectorCopy.fault(fast, plain));
  }

  @Test
  void copiesAnyLayoutOfAnyType() {
    Random random = new Random(8);
    long[][] shapes = {
      {},
      {1},
      {7},
      {70_001},
      {3, 5},
      {65, 130},
      {2, 33, 17},
      {1, 5, 7, 64},
      {4, 3, 2, 5},
      {2, 70, 3, 40}
    };
    for (int round = 0; round < 40; round++) {
      for (long[] sizes : shapes) {
        DType type = DType.values()[random.nextInt(DType.values().length)];
        Copy p = random(random, type, type, sizes);
        same(p, bytes(random, 8 * room(sizes)), bytes(random, 8 * room(sizes)));
      }
    }
  }

  private static long room(long[] sizes) {
    long n = 2;
    for (long size : sizes) {
      n *= size + 1;
    }
    return n + 8;
  }

  @Test
  void convertsAsThePlainLoopsDo() {
    Random random = new Random(9);
    DType[] types = {DType.F32, DType.F16, DType.BF16};
    for (DType a : types) {
      for (DType b : types) {
        if (a != b) {
          for (long[] sizes : new long[][] {{1}, {1031}, {70_001}, {5, 77}, {3, 40, 33}}) {
            Copy p = random(random, a, b, sizes);
            same(p, numbers(random, a, room(sizes)), bytes(random, 8 * room(sizes)));
          }
        }
      }
    }
  }

  @Test
  void addsAsThePlainLoopsDo() {
    Random random = new Random(10);
    for (int round = 0; round < 30; round++) {
      for (long[] sizes : new long[][] {{1}, {70_001}, {5, 77}, {65, 130}, {3, 40, 33}}) {
        Copy p = random(random, DType.F32, DType.F32, sizes);
        HostBuffer source = HostFloats.normal(random, room(sizes));
        HostBuffer target = HostFloats.normal(random, room(sizes));
        HostBuffer expected = duplicate(target);
        plain.copyAdd(p, source, expected);
        fast.copyAdd(p, source, target);
        assertEquals(-1, expected.segment().mismatch(target.segment()), p.toString());
      }
    }
  }

  @Test
  void fillsAsThePlainLoopsDo() {
    Random random = new Random(11);
    for (DType type : DType.values()) {
      for (int n : new int[] {0, 1, 1023, 1025, 70_001, 131_072}) {
        for (double value : new double[] {0, -0.0, 1.5, 77}) {
          HostBuffer x = bytes(random, (long) n * type.bytes() + 9);
          HostBuffer expected = duplicate(x);
          plain.fill(type, n, value, expected);
          fast.fill(type, n, value, x);
          assertEquals(-1, expected.segment().mismatch(x.segment()), type + " " + n);
        }
      }
    }
  }
}
