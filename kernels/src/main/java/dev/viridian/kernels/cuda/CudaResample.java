package dev.viridian.kernels.cuda;

import dev.viridian.kernels.ResampleKernels;
import dev.viridian.kernels.ResizeTaps;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.CudaBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Launches resample.cu. */
final class CudaResample implements ResampleKernels {
  private final CudaDevice device;
  private final CudaAllocator allocator;

  CudaResample(CudaDevice device, CudaAllocator allocator) {
    this.device = device;
    this.allocator = allocator;
  }

  private CudaLaunch launch(String kernel) {
    return device.launch("resample", kernel);
  }

  private static long elements(int n, int h, int w, int c) {
    return Math.multiplyExact(Math.multiplyExact((long) n * h, w), c);
  }

  @Override
  public void resize(Resize p, Buffer x, Buffer y) {
    SparseAxis rows = SparseAxis.forward(ResizeTaps.rows(p), p.h(), p.outH());
    SparseAxis columns = SparseAxis.forward(ResizeTaps.columns(p), p.w(), p.outW());
    gather(p.n(), p.h(), p.w(), p.c(), p.outH(), p.outW(), rows, columns, x, y);
  }

  @Override
  public void resizeBackward(Resize p, Buffer dy, Buffer dx) {
    SparseAxis rows = SparseAxis.backward(ResizeTaps.rows(p), p.h(), p.outH());
    SparseAxis columns = SparseAxis.backward(ResizeTaps.columns(p), p.w(), p.outW());
    gather(p.n(), p.outH(), p.outW(), p.c(), p.h(), p.w(), rows, columns, dy, dx);
  }

  private void gather(
      int n,
      int h,
      int w,
      int c,
      int outH,
      int outW,
      SparseAxis rows,
      SparseAxis columns,
      Buffer x,
      Buffer y) {
    long count = elements(n, outH, outW, c);
    if (count == 0) {
      return;
    }
    CudaBuffer taps = allocator.allocate(rows.bytes() + columns.bytes());
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(taps.bytes(), Float.BYTES);
      rows.write(host);
      columns.write(host.asSlice(rows.bytes()));
      device.upload(host, taps);
      CudaLaunch launch = launch("gather").i64(count).i32(h).i32(w).i32(c).i32(outH).i32(outW);
      axis(launch, rows, taps.slice(0, rows.bytes()));
      axis(launch, columns, taps.slice(rows.bytes(), columns.bytes()));
      launch.floats(x, elements(n, h, w, c)).floats(y, count).each(count);
    } finally {
      allocator.release(taps);
    }
  }

  private static void axis(CudaLaunch launch, SparseAxis axis, CudaBuffer taps) {
    long starts = 4L * axis.start().length;
    long numbers = 4L * axis.index().length;
    launch
        .buffer(taps.slice(0, starts), starts)
        .buffer(taps.slice(starts, numbers), numbers)
        .buffer(taps.slice(starts + numbers, numbers), numbers);
  }

  private CudaLaunch pool(String kernel, long count, Pool p) {
    return launch(kernel)
        .i64(count)
        .i32(p.h())
        .i32(p.w())
        .i32(p.c())
        .i32(p.outH())
        .i32(p.outW())
        .i32(p.kernel())
        .i32(p.stride())
        .i32(p.padding());
  }

  private static long ins(Pool p) {
    return elements(p.n(), p.h(), p.w(), p.c());
  }

  private static long outs(Pool p) {
    return elements(p.n(), p.outH(), p.outW(), p.c());
  }

  @Override
  public void maxPool(Pool p, Buffer x, Buffer y, @Nullable Buffer index) {
    long count = outs(p);
    pool("max_pool", count, p)
        .floats(x, ins(p))
        .floats(y, count)
        .optional(index, Math.multiplyExact(count, Long.BYTES))
        .each(count);
  }

  /** {@inheritDoc} Only windows that hold a pixel are asked whether they chose it. */
  @Override
  public void maxPoolBackward(Pool p, Buffer index, Buffer dy, Buffer dx) {
    long count = ins(p);
    pool("max_pool_backward", count, p)
        .buffer(index, Math.multiplyExact(outs(p), Long.BYTES))
        .floats(dy, outs(p))
        .floats(dx, count)
        .each(count);
  }

  @Override
  public void averagePool(Pool p, boolean countPadding, Buffer x, Buffer y) {
    long count = outs(p);
    pool("average_pool", count, p)
        .i32(countPadding ? 1 : 0)
        .floats(x, ins(p))
        .floats(y, count)
        .each(count);
  }

  @Override
  public void averagePoolBackward(Pool p, boolean countPadding, Buffer dy, Buffer dx) {
    long count = ins(p);
    pool("average_pool_backward", count, p)
        .i32(countPadding ? 1 : 0)
        .floats(dy, outs(p))
        .floats(dx, count)
        .each(count);
  }
}
