package dev.viridian.kernels.cuda;

import dev.viridian.kernels.CopyKernels;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.CudaBuffer;

/** Launches copy.cu. */
final class CudaCopy implements CopyKernels {
  private static final String FAMILY = "copy";
  private static final int ADD = -1;

  /** Bytes that are copied at once where they lie together. */
  private static final int VECTOR = 16;

  private final CudaDevice device;

  CudaCopy(CudaDevice device) {
    this.device = device;
  }

  private CudaLaunch launch(String kernel) {
    return device.launch(FAMILY, kernel);
  }

  @Override
  public void copy(Copy p, Buffer source, Buffer target) {
    strided(p, p.source() == p.target() ? p.source().bytes() : 0, source, target);
  }

  @Override
  public void copyAdd(Copy p, Buffer source, Buffer target) {
    if (p.source() != DType.F32 || p.target() != DType.F32) {
      throw new IllegalArgumentException(
          "Copy.copyAdd: expected F32 to F32, got " + p.source() + " to " + p.target());
    }
    strided(p, ADD, source, target);
  }

  private void strided(Copy p, int what, Buffer source, Buffer target) {
    long n = p.elements();
    if (n == 0) {
      return;
    }
    Walk walk = Walk.of(p.shape(), p.sourceStrides(), p.targetStrides());
    CudaBuffer from =
        reached("source", source, p.source(), p.sourceOffset(), walk.least(0), walk.span(0));
    CudaBuffer to =
        reached("target", target, p.target(), p.targetOffset(), walk.least(1), walk.span(1));
    if (what > 0 && walk.isContiguous(0) && walk.isContiguous(1)) {
      device.copy(from, to, n * what);
      return;
    }
    long first = from.address() - walk.least(0) * p.source().bytes();
    long firstTarget = to.address() - walk.least(1) * p.target().bytes();
    boolean aligned = what > 0 && first % VECTOR == 0 && firstTarget % VECTOR == 0;
    Walk taken = aligned ? walk.inUnits(VECTOR / what) : walk;
    boolean vectors = taken != walk;
    long count = vectors ? n / (VECTOR / what) : n;
    launch("strided")
        .i32(vectors ? VECTOR : what)
        .i32(p.source().ordinal())
        .i32(p.target().ordinal())
        .i64(count)
        .i64s(taken.sizes())
        .i64s(taken.strides()[0])
        .i64s(taken.strides()[1])
        .i64(first)
        .i64(firstTarget)
        .each(count);
  }

  /** The part of a buffer from the least to the largest place that a walk reaches. */
  private CudaBuffer reached(
      String name, Buffer buffer, DType type, long offset, long least, long span) {
    CudaBuffer own = device.own(buffer);
    long from = Math.multiplyExact(offset + least, (long) type.bytes());
    long bytes = Math.multiplyExact(span - least, (long) type.bytes());
    if (from < 0 || bytes > own.bytes() - from) {
      throw new IllegalArgumentException(
          "copy: the "
              + name
              + " reaches from byte "
              + from
              + " to "
              + (from + bytes)
              + " of a buffer of "
              + own.bytes());
    }
    return own.slice(from, bytes);
  }

  @Override
  public void fill(DType type, long n, double value, Buffer x) {
    long bytes = Math.multiplyExact(n, (long) type.bytes());
    boolean plainZero = Double.doubleToRawLongBits(value) == 0;
    if (plainZero) {
      device.clear(x, bytes);
      return;
    }
    launch("fill")
        .i32(type.ordinal())
        .i64(n)
        .f32((float) value)
        .i64((long) value)
        .buffer(x, bytes)
        .each(n);
  }

  @Override
  public void select(Indexed p, DType values, Buffer x, Buffer index, Buffer y) {
    long n = p.outer() * p.count() * p.inner();
    check(CudaFaults.Operation.SELECT, p, p.count(), index);
    long size = p.outer() * p.size() * p.inner() * values.bytes();
    take("Copy.select", p, n, false, values, x, size, index, y);
  }

  @Override
  public void gather(Indexed p, Buffer x, Buffer index, Buffer y) {
    long n = p.outer() * p.count() * p.inner();
    check(CudaFaults.Operation.GATHER, p, n, index);
    take("Copy.gather", p, n, true, DType.F32, x, 4 * p.outer() * p.size() * p.inner(), index, y);
  }

  private void take(
      String operation,
      Indexed p,
      long n,
      boolean each,
      DType type,
      Buffer x,
      long bytes,
      Buffer index,
      Buffer y) {
    if (!type.isFloat()) {
      throw new IllegalArgumentException(operation + ": values of " + type + " are not taken");
    }
    launch("select")
        .i64(n)
        .i32(p.size())
        .i32(p.count())
        .i64(p.inner())
        .i32(each ? 1 : 0)
        .i32(type.ordinal())
        .buffer(x, bytes)
        .buffer(index, 8 * (each ? n : p.count()))
        .floats(y, n)
        .each(n);
  }

  @Override
  public void selectAdd(Indexed p, Buffer y, Buffer index, Buffer x) {
    check(CudaFaults.Operation.SELECT_ADD, p, p.count(), index);
    give(p, false, y, index, x);
  }

  @Override
  public void scatterAdd(Indexed p, Buffer y, Buffer index, Buffer x) {
    check(CudaFaults.Operation.SCATTER_ADD, p, p.outer() * p.count() * p.inner(), index);
    give(p, true, y, index, x);
  }

  private void give(Indexed p, boolean each, Buffer y, Buffer index, Buffer x) {
    long columns = p.outer() * p.inner();
    long n = columns * p.count();
    launch("select_add")
        .i64(columns)
        .i32(p.size())
        .i32(p.count())
        .i64(p.inner())
        .i32(each ? 1 : 0)
        .floats(y, n)
        .buffer(index, 8 * (each ? n : p.count()))
        .floats(x, columns * p.size())
        .each(columns);
  }

  /**
   * Has the device look at every index; the answer is read with the next download. (The kernels
   * take nothing from outside: they give NaN there, and add nothing.)
   */
  private void check(CudaFaults.Operation operation, Indexed p, long count, Buffer index) {
    if (count > 0) {
      launch("check")
          .i64(count)
          .i32(p.size())
          .i32(operation.code())
          .buffer(index, 8 * count)
          .buffer(device.faults().expected(), CudaFaults.BYTES)
          .blocks(1, 256);
    }
  }
}
