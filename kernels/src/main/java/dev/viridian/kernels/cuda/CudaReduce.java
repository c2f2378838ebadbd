package dev.viridian.kernels.cuda;

import dev.viridian.kernels.ReduceKernels;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.CudaBuffer;
import org.jspecify.annotations.Nullable;

/** Launches reduce.cu. */
final class CudaReduce implements ReduceKernels {
  private static final int VALUES = 0;
  private static final int SQUARES = 1;
  private static final int DEVIATIONS = 2;

  /** Longer runs of neighbours have a block, or a warp, of threads each. */
  private static final int LONG_RUN = 64;

  private static final int WARP = 32;
  private static final int WARPS = 8;
  private static final long MOST_BLOCKS = 1 << 16;

  /** Blocks that fill a device; the same for all devices, so that all sum in the same order. */
  private static final long ENOUGH_BLOCKS = 1024;

  private final CudaDevice device;
  private final CudaAllocator allocator;

  CudaReduce(CudaDevice device, CudaAllocator allocator) {
    this.device = device;
    this.allocator = allocator;
  }

  private CudaLaunch launch(String kernel) {
    return device.launch("reduce", kernel);
  }

  /**
   * How a problem is spread over blocks.
   *
   * @param blocks along x
   * @param pieces of each run, along y
   */
  private record Spread(
      Problem p, long runs, long elements, boolean rows, long blocks, int pieces) {
    static Spread of(Problem p) {
      long runs = Math.multiplyExact(p.outer(), p.inner());
      boolean rows = p.inner() == 1 && p.size() > LONG_RUN;
      long blocks = Math.min(rows ? runs : (runs + WARP - 1) / WARP, MOST_BLOCKS);
      long useful = (p.size() + (rows ? 2047L : 127L)) / (rows ? 2048 : 128);
      long wanted = blocks == 0 ? 1 : ENOUGH_BLOCKS / blocks;
      int pieces = (int) Math.max(1, Math.min(useful, wanted));
      return new Spread(p, runs, Math.multiplyExact(runs, p.size()), rows, blocks, pieces);
    }

    long partials() {
      return Math.multiplyExact(runs, pieces);
    }

    CudaLaunch sizes(CudaLaunch launch) {
      launch.i64(runs).i32(p.size());
      return (rows ? launch : launch.i64(p.inner())).i32(pieces);
    }

    void go(CudaLaunch launch) {
      launch.blocks(blocks, pieces, rows ? WARP * WARPS : WARP, rows ? 1 : WARPS);
    }
  }

  @Override
  public void sum(Problem p, float scale, Buffer x, Buffer y) {
    Spread spread = Spread.of(p);
    withScratch(
        Math.multiplyExact(spread.partials(), Double.BYTES),
        sums -> {
          partial(spread, VALUES, x, null, sums);
          finish(spread, scale, 1, false, sums, y, null);
        });
  }

  @Override
  public void norm2(Problem p, Buffer x, Buffer y) {
    Spread spread = Spread.of(p);
    withScratch(
        Math.multiplyExact(spread.partials(), Double.BYTES),
        sums -> {
          partial(spread, SQUARES, x, null, sums);
          finish(spread, 1, 1, true, sums, y, null);
        });
  }

  @Override
  public void variance(Problem p, int correction, Buffer x, Buffer mean, Buffer y) {
    Spread spread = Spread.of(p);
    long partials = Math.multiplyExact(spread.partials(), Double.BYTES);
    long means = Math.multiplyExact(spread.runs(), Double.BYTES);
    withScratch(
        Math.addExact(partials, means),
        scratch -> {
          CudaBuffer sums = scratch.slice(0, partials);
          CudaBuffer exact = scratch.slice(partials, means);
          partial(spread, VALUES, x, null, sums);
          finish(spread, 1, p.size(), false, sums, mean, exact);
          partial(spread, DEVIATIONS, x, exact, sums);
          finish(spread, 1, Math.max(0, p.size() - (double) correction), false, sums, y, null);
        });
  }

  private interface Body {
    void run(CudaBuffer scratch);
  }

  private void withScratch(long bytes, Body body) {
    try (CudaAllocator.Scratch scratch = allocator.scratch(bytes)) {
      body.run(scratch.buffer());
    }
  }

  private void partial(
      Spread spread, int what, Buffer x, @Nullable CudaBuffer means, CudaBuffer sums) {
    CudaLaunch launch = launch(spread.rows() ? "sum_rows" : "sum_columns").i32(what);
    spread.go(
        spread
            .sizes(launch)
            .floats(x, spread.elements())
            .optional(means, Double.BYTES * spread.runs())
            .buffer(sums, Double.BYTES * spread.partials()));
  }

  private void finish(
      Spread spread,
      double scale,
      double divisor,
      boolean root,
      CudaBuffer sums,
      Buffer y,
      @Nullable CudaBuffer means) {
    launch("sum_finish")
        .i64(spread.runs())
        .i32(spread.pieces())
        .f64(scale)
        .f64(divisor)
        .i32(root ? 1 : 0)
        .buffer(sums, Double.BYTES * spread.partials())
        .floats(y, spread.runs())
        .optional(means, Double.BYTES * spread.runs())
        .each(Math.multiplyExact(spread.runs(), WARP));
  }

  @Override
  public void max(Problem p, Buffer x, Buffer y, @Nullable Buffer index) {
    extreme(p, "max", 1, x, y, index);
  }

  @Override
  public void min(Problem p, Buffer x, Buffer y, @Nullable Buffer index) {
    extreme(p, "min", -1, x, y, index);
  }

  private void extreme(
      Problem p, String name, float sign, Buffer x, Buffer y, @Nullable Buffer index) {
    if (p.size() == 0) {
      throw new IllegalArgumentException(name + ": nothing to choose from, size is 0");
    }
    Spread spread = Spread.of(p);
    long bytes = Math.multiplyExact(spread.partials(), Float.BYTES);
    withScratch(
        Math.multiplyExact(bytes, 2),
        scratch -> {
          CudaBuffer values = scratch.slice(0, bytes);
          CudaBuffer places = scratch.slice(bytes, bytes);
          CudaLaunch launch = launch(spread.rows() ? "best_rows" : "best_columns").f32(sign);
          spread.go(
              spread
                  .sizes(launch)
                  .floats(x, spread.elements())
                  .buffer(values, bytes)
                  .buffer(places, bytes));
          launch("best_finish")
              .f32(sign)
              .i64(spread.runs())
              .i32(spread.pieces())
              .buffer(values, bytes)
              .buffer(places, bytes)
              .floats(y, spread.runs())
              .optional(index, Math.multiplyExact(spread.runs(), Long.BYTES))
              .each(Math.multiplyExact(spread.runs(), WARP));
        });
  }

  @Override
  public void cumulativeSum(Problem p, boolean reverse, Buffer x, Buffer y) {
    Spread spread = Spread.of(p);
    long runs = spread.runs();
    CudaLaunch launch =
        launch(spread.rows() ? "cumulative_sum_rows" : "cumulative_sum").i64(runs).i32(p.size());
    (spread.rows() ? launch : launch.i64(p.inner()))
        .i32(reverse ? 1 : 0)
        .floats(x, spread.elements())
        .floats(y, spread.elements())
        .each(spread.rows() ? Math.multiplyExact(runs, WARP) : runs);
  }

  @Override
  public void cumulativeProduct(Problem p, Buffer x, Buffer y) {
    Spread spread = Spread.of(p);
    launch("cumulative_product")
        .i64(spread.runs())
        .i32(p.size())
        .i64(p.inner())
        .floats(x, spread.elements())
        .floats(y, spread.elements())
        .each(spread.runs());
  }

  @Override
  public void cumulativeProductBackward(Problem p, Buffer x, Buffer dy, Buffer dx) {
    Spread spread = Spread.of(p);
    long bytes = Math.multiplyExact(spread.elements(), Double.BYTES);
    withScratch(
        bytes,
        behind ->
            launch("cumulative_product_backward")
                .i64(spread.runs())
                .i32(p.size())
                .i64(p.inner())
                .floats(x, spread.elements())
                .floats(dy, spread.elements())
                .buffer(behind, bytes)
                .floats(dx, spread.elements())
                .each(spread.runs()));
  }
}
