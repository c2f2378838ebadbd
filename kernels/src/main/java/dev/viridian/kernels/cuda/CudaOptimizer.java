package dev.viridian.kernels.cuda;

import dev.viridian.kernels.OptimizerKernels;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.CudaBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Launches optimizer.cu. */
final class CudaOptimizer implements OptimizerKernels {
  private static final int THREADS = 256;

  /** Partial sums of squares; not more for a larger device: the order depends on n alone. */
  private static final long MOST_SUMS = 2048;

  private final CudaDevice device;
  private final CudaAllocator allocator;

  CudaOptimizer(CudaDevice device, CudaAllocator allocator) {
    this.device = device;
    this.allocator = allocator;
  }

  private CudaLaunch launch(String kernel) {
    return device.launch("optimizer", kernel);
  }

  @Override
  public void adamW(AdamW p, long n, Buffer w, Buffer g, Buffer m, Buffer v) {
    launch("adam_w")
        .i64(n)
        .f64(1 - p.learningRate() * p.weightDecay())
        .f64(p.beta1())
        .f64(p.beta2())
        .f64(p.learningRate() / p.biasCorrection1())
        .f64(Math.sqrt(p.biasCorrection2()))
        .f64(p.eps())
        .floats(w, n)
        .floats(g, n)
        .floats(m, n)
        .floats(v, n)
        .each(n);
  }

  @Override
  public void sgd(Sgd p, long n, Buffer w, Buffer g, Buffer b) {
    launch("sgd")
        .i64(n)
        .f64(p.learningRate())
        .f64(p.momentum())
        .f64(p.weightDecay())
        .i32(p.nesterov() ? 1 : 0)
        .i32(p.first() ? 1 : 0)
        .floats(w, n)
        .floats(g, n)
        .floats(b, n)
        .each(n);
  }

  @Override
  public void movingAverage(long n, double decay, Buffer w, Buffer shadow) {
    launch("moving_average").i64(n).f64(1 - decay).floats(w, n).floats(shadow, n).each(n);
  }

  @Override
  public double sumOfSquares(long n, Buffer g) {
    if (n == 0) {
      return 0;
    }
    long blocks = Math.min((n + 4 * THREADS - 1) / (4 * THREADS), MOST_SUMS);
    try (CudaAllocator.Scratch all = allocator.scratch(Double.BYTES * (blocks + 1));
        Arena arena = Arena.ofConfined()) {
      CudaBuffer sums = all.buffer();
      CudaBuffer total = sums.slice(Double.BYTES * blocks, Double.BYTES);
      launch("squares")
          .i64(n)
          .floats(g, n)
          .buffer(sums, Double.BYTES * blocks)
          .blocks(blocks, THREADS);
      launch("total")
          .i32((int) blocks)
          .buffer(sums, Double.BYTES * blocks)
          .buffer(total, Double.BYTES)
          .blocks(1, THREADS);
      MemorySegment result = arena.allocate(ValueLayout.JAVA_DOUBLE);
      device.download(total, result);
      return result.get(ValueLayout.JAVA_DOUBLE, 0);
    }
  }
}
