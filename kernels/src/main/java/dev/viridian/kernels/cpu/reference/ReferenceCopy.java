package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.CopyKernels;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;

/** Copies by plain loops. */
public final class ReferenceCopy implements CopyKernels {
  /** One row along the last axis: first elements of source and target. */
  @FunctionalInterface
  private interface Row {
    void at(long source, long target);
  }

  /** Visits the rows of a copy in order; a copy of rank 0 is one row of one element. */
  private static void rows(Copy p, Row row) {
    if (p.elements() == 0) {
      return;
    }
    int outer = Math.max(0, p.shape().size() - 1);
    long[] size = new long[outer];
    long[] sourceStride = new long[outer];
    long[] targetStride = new long[outer];
    for (int d = 0; d < outer; d++) {
      size[d] = p.shape().get(d);
      sourceStride[d] = p.sourceStrides().get(d);
      targetStride[d] = p.targetStrides().get(d);
    }
    long[] at = new long[outer];
    long source = p.sourceOffset();
    long target = p.targetOffset();
    while (true) {
      row.at(source, target);
      int d = outer - 1;
      while (d >= 0 && at[d] == size[d] - 1) {
        source -= at[d] * sourceStride[d];
        target -= at[d] * targetStride[d];
        at[d] = 0;
        d--;
      }
      if (d < 0) {
        return;
      }
      at[d]++;
      source += sourceStride[d];
      target += targetStride[d];
    }
  }

  @Override
  public void copy(Copy p, Buffer source, Buffer target) {
    MemorySegment from = HostBuffer.of(source);
    MemorySegment to = HostBuffer.of(target);
    boolean scalar = p.shape().isEmpty();
    long length = scalar ? 1 : p.shape().getLast();
    long sourceStep = scalar ? 1 : p.sourceStrides().getLast();
    long targetStep = scalar ? 1 : p.targetStrides().getLast();
    DType a = p.source();
    DType b = p.target();
    if (a == b && sourceStep == 1 && targetStep == 1) {
      int bytes = a.bytes();
      rows(p, (s, t) -> MemorySegment.copy(from, s * bytes, to, t * bytes, length * bytes));
    } else if (a == b) {
      int bytes = a.bytes();
      rows(
          p,
          (s, t) -> {
            for (long i = 0; i < length; i++) {
              MemorySegment.copy(
                  from, (s + i * sourceStep) * bytes, to, (t + i * targetStep) * bytes, bytes);
            }
          });
    } else if (a.isFloat()) {
      rows(
          p,
          (s, t) -> {
            for (long i = 0; i < length; i++) {
              float value = Values.getFloat(from, a, s + i * sourceStep);
              Values.setFloat(to, b, t + i * targetStep, value);
            }
          });
    } else {
      rows(
          p,
          (s, t) -> {
            for (long i = 0; i < length; i++) {
              long value = Values.getLong(from, a, s + i * sourceStep);
              Values.setLong(to, b, t + i * targetStep, value);
            }
          });
    }
  }

  @Override
  public void copyAdd(Copy p, Buffer source, Buffer target) {
    if (p.source() != DType.F32 || p.target() != DType.F32) {
      throw new IllegalArgumentException(
          "Copy.copyAdd: expected F32 to F32, got " + p.source() + " to " + p.target());
    }
    MemorySegment from = HostBuffer.of(source);
    MemorySegment to = HostBuffer.of(target);
    boolean scalar = p.shape().isEmpty();
    long length = scalar ? 1 : p.shape().getLast();
    long sourceStep = scalar ? 1 : p.sourceStrides().getLast();
    long targetStep = scalar ? 1 : p.targetStrides().getLast();
    rows(
        p,
        (s, t) -> {
          for (long i = 0; i < length; i++) {
            add(to, t + i * targetStep, f32(from, s + i * sourceStep));
          }
        });
  }

  @Override
  public void fill(DType type, long n, double value, Buffer x) {
    MemorySegment to = HostBuffer.of(x);
    for (long i = 0; i < n; i++) {
      if (type.isFloat()) {
        Values.setFloat(to, type, i, (float) value);
      } else {
        Values.setLong(to, type, i, (long) value);
      }
    }
  }

  @Override
  public void select(Indexed p, DType values, Buffer x, Buffer index, Buffer y) {
    MemorySegment from = HostBuffer.of(x);
    MemorySegment at = HostBuffer.of(index);
    MemorySegment to = HostBuffer.of(y);
    checkIndices("Copy.select", p, p.count(), at);
    for (long o = 0; o < p.outer(); o++) {
      for (int i = 0; i < p.count(); i++) {
        long source = (o * p.size() + i64(at, i)) * p.inner();
        long target = (o * p.count() + i) * p.inner();
        for (long j = 0; j < p.inner(); j++) {
          Values.setFloat(to, DType.F32, target + j, Values.getFloat(from, values, source + j));
        }
      }
    }
  }

  @Override
  public void selectAdd(Indexed p, Buffer y, Buffer index, Buffer x) {
    MemorySegment from = HostBuffer.of(y);
    MemorySegment at = HostBuffer.of(index);
    MemorySegment to = HostBuffer.of(x);
    checkIndices("Copy.selectAdd", p, p.count(), at);
    for (long o = 0; o < p.outer(); o++) {
      for (int i = 0; i < p.count(); i++) {
        long source = (o * p.count() + i) * p.inner();
        long target = (o * p.size() + i64(at, i)) * p.inner();
        for (long j = 0; j < p.inner(); j++) {
          add(to, target + j, f32(from, source + j));
        }
      }
    }
  }

  @Override
  public void gather(Indexed p, Buffer x, Buffer index, Buffer y) {
    MemorySegment from = HostBuffer.of(x);
    MemorySegment at = HostBuffer.of(index);
    MemorySegment to = HostBuffer.of(y);
    checkIndices("Copy.gather", p, p.outer() * p.count() * p.inner(), at);
    for (long o = 0; o < p.outer(); o++) {
      for (int i = 0; i < p.count(); i++) {
        for (long j = 0; j < p.inner(); j++) {
          long k = (o * p.count() + i) * p.inner() + j;
          long source = (o * p.size() + i64(at, k)) * p.inner() + j;
          Values.setFloat(to, DType.F32, k, f32(from, source));
        }
      }
    }
  }

  @Override
  public void scatterAdd(Indexed p, Buffer y, Buffer index, Buffer x) {
    MemorySegment from = HostBuffer.of(y);
    MemorySegment at = HostBuffer.of(index);
    MemorySegment to = HostBuffer.of(x);
    checkIndices("Copy.scatterAdd", p, p.outer() * p.count() * p.inner(), at);
    for (long o = 0; o < p.outer(); o++) {
      for (int i = 0; i < p.count(); i++) {
        for (long j = 0; j < p.inner(); j++) {
          long k = (o * p.count() + i) * p.inner() + j;
          long target = (o * p.size() + i64(at, k)) * p.inner() + j;
          add(to, target, f32(from, k));
        }
      }
    }
  }

  /** Looks at every index before anything is written. */
  private static void checkIndices(String operation, Indexed p, long count, MemorySegment index) {
    for (long i = 0; i < count; i++) {
      long value = i64(index, i);
      if (value < 0 || value >= p.size()) {
        throw new IndexOutOfBoundsException(
            operation
                + ": index number "
                + i
                + " must be from 0 to "
                + (p.size() - 1)
                + ", got "
                + value);
      }
    }
  }

  private static float f32(MemorySegment s, long index) {
    return Values.getFloat(s, DType.F32, index);
  }

  private static long i64(MemorySegment s, long index) {
    return Values.getLong(s, DType.I64, index);
  }

  private static void add(MemorySegment s, long index, float value) {
    Values.setFloat(s, DType.F32, index, f32(s, index) + value);
  }
}
