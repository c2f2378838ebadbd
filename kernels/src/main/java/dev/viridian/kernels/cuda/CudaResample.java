package dev.viridian.kernels.cuda;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.ResampleKernels;
import dev.viridian.kernels.ResizeTaps;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.CudaBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Launches resample.cu. */
final class CudaResample implements ResampleKernels {
  /** Taps of more shapes than fit in here are uploaded anew each time. */
  private static final long MOST_KEPT = 16 << 20;

  private static final String FAMILY = "resample";

  private final CudaStorage storage;
  private final CudaDevice device;
  private final CudaAllocator allocator;

  /** Of numbers of any storage; pooling is F32's alone, as gradients are. */
  CudaResample(CudaStorage storage, CudaAllocator allocator) {
    this.storage = storage;
    this.device = storage.device();
    this.allocator = allocator;
  }

  private CudaLaunch launch(String kernel) {
    return storage.wide(FAMILY, kernel);
  }

  private static long elements(int n, int h, int w, int c) {
    return Math.multiplyExact(Math.multiplyExact((long) n * h, w), c);
  }

  /** A resize of one map with one channel, or its transpose. */
  private record Shape(Resize p, boolean backward) {}

  /** The taps of both axes, and where they lie on the device. */
  private record Taps(SparseAxis rows, SparseAxis columns, CudaBuffer memory, boolean kept) {}

  private final Map<Shape, Taps> known = new HashMap<>();
  private long knownBytes;

  @Override
  public void resize(Resize p, Buffer x, Buffer y) {
    gather(p, false, p.h(), p.w(), p.outH(), p.outW(), x, y);
  }

  @Override
  public void resizeBackward(Resize p, Buffer dy, Buffer dx) {
    storage.requireWide("a resize's gradient");
    gather(p, true, p.outH(), p.outW(), p.h(), p.w(), dy, dx);
  }

  private void gather(
      Resize p, boolean backward, int h, int w, int outH, int outW, Buffer x, Buffer y) {
    long count = elements(p.n(), outH, outW, p.c());
    if (count == 0) {
      return;
    }
    Taps taps = taps(p, backward);
    try {
      long rows = taps.rows.bytes();
      CudaLaunch launch =
          storage.launch(FAMILY, "gather").i64(count).i32(h).i32(w).i32(p.c()).i32(outH).i32(outW);
      axis(launch, taps.rows, taps.memory.slice(0, rows));
      axis(launch, taps.columns, taps.memory.slice(rows, taps.columns.bytes()));
      launch
          .buffer(x, storage.bytes(elements(p.n(), h, w, p.c())))
          .buffer(y, storage.bytes(count))
          .each(storage.type() == DType.F32 ? count : storage.vectors(count));
    } finally {
      if (!taps.kept) {
        allocator.release(taps.memory);
      }
    }
  }

  /** Uploaded once for each shape, so that no later call waits for it and graphs can be made. */
  private synchronized Taps taps(Resize p, boolean backward) {
    Resize one =
        new Resize(
            1,
            p.h(),
            p.w(),
            1,
            p.outH(),
            p.outW(),
            p.mode(),
            p.scaleH(),
            p.scaleW(),
            p.alignCorners(),
            p.antialias());
    Shape shape = new Shape(one, backward);
    Taps taps = known.get(shape);
    if (taps != null) {
      return taps;
    }
    device.requireNotRecording("a resize of a new shape");
    SparseAxis rows = axis(ResizeTaps.rows(p), backward, p.h(), p.outH());
    SparseAxis columns = axis(ResizeTaps.columns(p), backward, p.w(), p.outW());
    long bytes = rows.bytes() + columns.bytes();
    boolean keep = bytes <= MOST_KEPT - knownBytes;
    CudaBuffer memory = keep ? allocator.keep(bytes) : allocator.allocate(bytes);
    taps = new Taps(rows, columns, memory, keep);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(bytes, Float.BYTES);
      rows.write(host);
      columns.write(host.asSlice(rows.bytes()));
      device.upload(host, memory);
    }
    if (keep) {
      knownBytes += bytes;
      known.put(shape, taps);
    }
    return taps;
  }

  private static SparseAxis axis(ResizeTaps taps, boolean backward, int inputs, int outputs) {
    return backward
        ? SparseAxis.backward(taps, inputs, outputs)
        : SparseAxis.forward(taps, inputs, outputs);
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
