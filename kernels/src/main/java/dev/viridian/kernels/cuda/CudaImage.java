package dev.viridian.kernels.cuda;

import dev.viridian.kernels.ImageKernels;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.CudaBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Launches image.cu. */
final class CudaImage implements ImageKernels {
  /** Points that one block adds up. */
  private static final int RUN = 1024;

  private static final int MOST_THREADS = 256;
  private static final int WARP = 32;

  private final CudaDevice device;
  private final CudaAllocator allocator;

  CudaImage(CudaDevice device, CudaAllocator allocator) {
    this.device = device;
    this.allocator = allocator;
  }

  private CudaLaunch launch(String kernel) {
    return device.launch("image", kernel);
  }

  private static long elements(Map p) {
    return Math.multiplyExact(Math.multiplyExact((long) p.n() * p.h(), p.w()), p.c());
  }

  private CudaLaunch launch(String kernel, Map p, Border border) {
    if (border == Border.REFLECT && (p.h() < 2 || p.w() < 2)) {
      throw new IllegalArgumentException(
          "Image.sobel: a reflected border needs a map of at least 2 by 2, got "
              + p.h()
              + " by "
              + p.w());
    }
    return launch(kernel).i64(elements(p)).i32(p.h()).i32(p.w()).i32(p.c()).i32(border.ordinal());
  }

  @Override
  public void sobel(Map p, Border border, Buffer x, Buffer sx, Buffer sy) {
    long n = elements(p);
    launch("sobel", p, border).floats(x, n).floats(sx, n).floats(sy, n).each(n);
  }

  @Override
  public void sobelBackward(Map p, Border border, Buffer dsx, Buffer dsy, Buffer dx) {
    long n = elements(p);
    launch("sobel_backward", p, border).floats(dsx, n).floats(dsy, n).floats(dx, n).each(n);
  }

  @Override
  public double kMeansStep(
      int n, int dims, int k, Buffer points, Buffer centres, Buffer assignment, Buffer counts) {
    if (n < 0 || dims < 1 || k < 1) {
      throw new IllegalArgumentException(
          "kMeansStep: expected n >= 0, dims >= 1, k >= 1, got " + n + ", " + dims + ", " + k);
    }
    int runs = (int) (((long) n + RUN - 1) / RUN);
    long numbers = Math.multiplyExact((long) k, dims);
    long pointNumbers = Math.multiplyExact((long) n, dims);
    long distanceBytes = 8L * n;
    long sumBytes = Math.multiplyExact(Math.multiplyExact(8L, runs), numbers);
    long inertiaBytes = 8L * Math.max(1, runs); // the total comes first
    long numberBytes = Math.multiplyExact(4L * runs, k);
    long bytes = Math.addExact(sumBytes, distanceBytes + inertiaBytes + numberBytes);
    try (CudaAllocator.Scratch all = allocator.scratch(bytes);
        Arena arena = Arena.ofConfined()) {
      CudaBuffer scratch = all.buffer();
      CudaBuffer distances = scratch.slice(0, distanceBytes);
      CudaBuffer inertias = scratch.slice(distanceBytes, inertiaBytes);
      CudaBuffer sums = scratch.slice(distanceBytes + inertiaBytes, sumBytes);
      CudaBuffer parts = scratch.slice(distanceBytes + inertiaBytes + sumBytes, numberBytes);
      launch("assign")
          .i32(n)
          .i32(dims)
          .i32(k)
          .floats(points, pointNumbers)
          .floats(centres, numbers)
          .buffer(assignment, 4L * n)
          .buffer(distances, distanceBytes)
          .each(n);
      long threads = Math.min(MOST_THREADS, (numbers + k + WARP) / WARP * WARP);
      launch("collect")
          .i32(n)
          .i32(RUN)
          .i32(dims)
          .i32(k)
          .floats(points, pointNumbers)
          .buffer(assignment, 4L * n)
          .buffer(distances, distanceBytes)
          .buffer(sums, sumBytes)
          .buffer(parts, numberBytes)
          .buffer(inertias, inertiaBytes)
          .blocks(runs, (int) threads);
      launch("count")
          .i32(runs)
          .i32(k)
          .buffer(parts, numberBytes)
          .buffer(inertias, inertiaBytes)
          .buffer(counts, 8L * k)
          .each(k + 1L);
      launch("move")
          .i32(runs)
          .i32(dims)
          .i32(k)
          .buffer(sums, sumBytes)
          .buffer(counts, 8L * k)
          .floats(centres, numbers)
          .each(numbers);
      MemorySegment inertia = arena.allocate(ValueLayout.JAVA_DOUBLE);
      device.download(inertias.slice(0, Double.BYTES), inertia);
      return inertia.get(ValueLayout.JAVA_DOUBLE, 0);
    }
  }
}
