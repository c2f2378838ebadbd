package dev.viridian.kernels.cuda;

import dev.viridian.kernels.ConvKernels;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.GemmKernels;
import dev.viridian.kernels.GemmProblem;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.CudaBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Convolutions as matrix products of patches, see conv.cu: any stride, padding, dilation and
 * grouping, for what cuDNN does not take. Where the kernel is one pixel without stride and padding,
 * the map itself is the matrix.
 */
final class CudaConv implements ConvKernels {
  /** Bytes of patches at a time, unless one line of the output needs more. */
  private static final long ROOM = 256L << 20;

  private final CudaStorage storage;
  private final CudaDevice device;
  private final CudaAllocator allocator;
  private final GemmKernels gemm;
  private final long room;

  /** Of maps of a storage, which the products' results have too. */
  CudaConv(CudaStorage storage, CudaAllocator allocator, GemmKernels gemm) {
    this(storage, allocator, gemm, ROOM);
  }

  /** The same with room for fewer patches: for tests. */
  CudaConv(CudaStorage storage, CudaAllocator allocator, GemmKernels gemm, long room) {
    this.storage = storage;
    this.device = storage.device();
    this.allocator = allocator;
    this.gemm = gemm;
    this.room = room;
  }

  /** A problem's sizes as products see them. */
  private record Sizes(ConvProblem p, int groupC, int groupOut, int taps, long pixels) {
    static Sizes of(ConvProblem p) {
      int groupC = p.c() / p.groups();
      int taps = Math.multiplyExact(Math.multiplyExact(p.kh(), p.kw()), groupC);
      long pixels = (long) p.n() * p.outH() * p.outW();
      return new Sizes(p, groupC, p.outC() / p.groups(), taps, pixels);
    }

    long sizeX() {
      return (long) p.n() * p.h() * p.w() * p.c();
    }

    long sizeY() {
      return pixels * p.outC();
    }
  }

  /** Whether the map itself is the matrix: one pixel, without stride and padding. */
  static boolean isProduct(ConvProblem p) {
    return p.kh() == 1
        && p.kw() == 1
        && p.strideH() == 1
        && p.strideW() == 1
        && p.padTop() + p.padBottom() + p.padLeft() + p.padRight() == 0;
  }

  private static CudaLaunch shape(CudaLaunch launch, Sizes s, int group) {
    ConvProblem p = s.p;
    return launch
        .i32(p.h())
        .i32(p.w())
        .i32(p.c())
        .i32(p.outW())
        .i32(p.kh())
        .i32(p.kw())
        .i32(p.strideH())
        .i32(p.strideW())
        .i32(p.padTop())
        .i32(p.padLeft())
        .i32(p.dilationH())
        .i32(p.dilationW())
        .i32(group * s.groupC)
        .i32(s.groupC);
  }

  /** How many pixels of the output have room for their patches; whole lines. */
  private int chunk(Sizes s) {
    long line = storage.bytes((long) s.p.outW() * s.taps);
    long lines = Math.clamp(room / line, 1, Math.max(1, (long) s.p.n() * s.p.outH()));
    return Math.toIntExact(Math.min(lines * s.p.outW(), Integer.MAX_VALUE / s.p.outW()));
  }

  /**
   * Works on a run of pixels with their patches, rows of {@code leading} from the buffer's start.
   */
  private interface Run {
    void at(long first, int count, CudaBuffer patches, long leading);
  }

  private void runs(Sizes s, int group, CudaBuffer x, Run run) {
    int chunk = isProduct(s.p) ? Math.toIntExact(s.pixels) : chunk(s);
    long held = storage.bytes(Math.min(chunk, s.pixels) * s.taps);
    try (CudaAllocator.Scratch rows = isProduct(s.p) ? null : allocator.scratch(held)) {
      for (long first = 0; first < s.pixels; first += chunk) {
        int count = (int) Math.min(chunk, s.pixels - first);
        if (rows == null) {
          long offset = storage.bytes((long) group * s.groupC);
          run.at(first, count, x.slice(offset, x.bytes() - offset), s.p.c());
        } else {
          long elements = (long) count * s.taps;
          CudaLaunch launch =
              storage.launch("conv", "patches").i64(elements).i64(first).i32(s.p.outH());
          shape(launch, s, group)
              .buffer(x, storage.bytes(s.sizeX()))
              .buffer(rows.buffer(), storage.bytes(elements))
              .each(elements);
          run.at(first, count, rows.buffer(), s.taps);
        }
      }
    }
  }

  /** The part of a buffer from an element on. */
  private CudaBuffer from(Buffer buffer, long element, DType type) {
    CudaBuffer own = device.own(buffer);
    long offset = element * type.bytes();
    return own.slice(offset, own.bytes() - offset);
  }

  @Override
  public void forward(ConvProblem p, Buffer x, Buffer weight, @Nullable Buffer bias, Buffer y) {
    Sizes s = Sizes.of(p);
    for (int g = 0; g < p.groups(); g++) {
      int group = g;
      CudaBuffer filters = from(weight, (long) g * s.groupOut * s.taps, p.weight());
      CudaBuffer biases = bias == null ? null : from(bias, (long) g * s.groupOut, p.biasType());
      runs(
          s,
          g,
          device.own(x),
          (first, count, patches, leading) -> {
            GemmProblem product =
                GemmProblem.of(count, s.groupOut, s.taps, false, true)
                    .types(storage.type(), p.weight())
                    .leading(leading, s.taps, p.outC())
                    .epilogue(bias != null, p.biasType(), p.activation());
            long at = first * p.outC() + (long) group * s.groupOut;
            gemm.gemm(product, patches, filters, biases, from(y, at, storage.type()));
          });
    }
  }

  @Override
  public void backwardFilter(ConvProblem p, Buffer x, Buffer dy, Buffer dw) {
    storage.requireWide("a convolution's gradient");
    Sizes s = Sizes.of(p);
    if (p.n() == 0) {
      device.clear(dw, (long) p.outC() * s.taps * Float.BYTES);
      return;
    }
    for (int g = 0; g < p.groups(); g++) {
      int group = g;
      CudaBuffer filters = from(dw, (long) g * s.groupOut * s.taps, DType.F32);
      runs(
          s,
          g,
          device.own(x),
          (first, count, patches, leading) -> {
            GemmProblem product =
                GemmProblem.of(s.groupOut, s.taps, count, true, false)
                    .leading(p.outC(), leading, s.taps);
            long at = first * p.outC() + (long) group * s.groupOut;
            gemm.gemm(
                first == 0 ? product : product.accumulating(),
                from(dy, at, DType.F32),
                patches,
                null,
                filters);
          });
    }
  }

  @Override
  public void backwardData(ConvProblem p, Buffer dy, Buffer weight, Buffer dx) {
    storage.requireWide("a convolution's gradient");
    Sizes s = Sizes.of(p);
    if (p.n() == 0) {
      return;
    }
    if (isProduct(s.p)) {
      for (int g = 0; g < p.groups(); g++) {
        gemm.gemm(
            ofRows(s, Math.toIntExact(s.pixels), p.c()),
            from(dy, (long) g * s.groupOut, DType.F32),
            from(weight, (long) g * s.groupOut * s.taps, p.weight()),
            null,
            from(dx, (long) g * s.groupC, DType.F32));
      }
      return;
    }
    device.clear(dx, s.sizeX() * Float.BYTES);
    int lines = Math.min(p.outH(), chunk(s) / p.outW());
    try (CudaAllocator.Scratch scratch =
        allocator.scratch((long) lines * p.outW() * s.taps * Float.BYTES)) {
      for (int g = 0; g < p.groups(); g++) {
        for (int n = 0; n < p.n(); n++) {
          for (int line = 0; line < p.outH(); line += lines) {
            int to = Math.min(line + lines, p.outH());
            giveBack(s, g, n, line, to, dy, weight, scratch.buffer(), dx);
          }
        }
      }
    }
  }

  /** Adds to a picture's gradient what its output's lines from {@code line} to {@code to} give. */
  private void giveBack(
      Sizes s,
      int group,
      int n,
      int line,
      int to,
      Buffer dy,
      Buffer weight,
      CudaBuffer rows,
      Buffer dx) {
    ConvProblem p = s.p;
    int pixels = (to - line) * p.outW();
    long first = ((long) n * p.outH() + line) * p.outW();
    gemm.gemm(
        ofRows(s, pixels, s.taps),
        from(dy, first * p.outC() + (long) group * s.groupOut, DType.F32),
        from(weight, (long) group * s.groupOut * s.taps, p.weight()),
        null,
        rows);
    long picture = (long) p.h() * p.w();
    long elements = picture * s.groupC;
    CudaLaunch launch = device.launch("conv", "gather").i64(elements).i32(line).i32(to);
    shape(launch, s, group)
        .floats(rows, (long) pixels * s.taps)
        .floats(from(dx, n * picture * p.c(), DType.F32), picture * p.c())
        .each(elements);
  }

  /** Gradients of rows of patches: dy times the filters. */
  private static GemmProblem ofRows(Sizes s, int count, long leading) {
    return GemmProblem.of(count, s.taps, s.groupOut, false, false)
        .types(DType.F32, s.p.weight())
        .leading(s.p.outC(), s.taps, leading);
  }
}
