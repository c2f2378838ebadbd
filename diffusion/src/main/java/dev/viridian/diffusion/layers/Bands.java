package dev.viridian.diffusion.layers;

import dev.viridian.engine.Shape;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.Conv2d;
import dev.viridian.engine.nn.GroupNorm;
import dev.viridian.engine.ops.Add;
import dev.viridian.engine.ops.Resize;
import dev.viridian.engine.ops.Slice;
import dev.viridian.kernels.Activation;
import dev.viridian.kernels.ResampleKernels;
import java.util.function.UnaryOperator;

/**
 * Goes through maps in bands of rows, so that of large maps only those are ever whole in memory
 * that must be. Nothing is approximated: a convolution reads the rows around its band, and a group
 * norm has its statistics from a pass of its own over all rows; what comes out differs from the
 * whole map's by rounding alone.
 */
public final class Bands {
  private static final int LEAST = 8;

  private final long bytes;
  private final Runnable check;

  /**
   * Bands of about a size.
   *
   * @param bytes of a band of the widest map
   * @param check called before each band; what it throws ends the work
   */
  public Bands(long bytes, Runnable check) {
    this.bytes = bytes;
    this.check = check;
  }

  /** Work on the rows {@code from} to before {@code to}. */
  @FunctionalInterface
  private interface Band {
    void run(int from, int to);
  }

  @SuppressWarnings("try") // the scope closes what a band makes
  private void each(Rows x, Band work) {
    long row = 4L * x.width() * x.channels();
    int most = Math.clamp(bytes / row / 2 * 2, LEAST, Integer.MAX_VALUE / 2);
    for (int from = 0; from < x.height(); from += most) {
      check.run();
      try (MemoryScope scope = MemoryScope.open()) {
        work.run(from, Math.min(x.height(), from + most));
      }
    }
  }

  /** The map in memory; the current scope's. */
  public Tensor store(Rows x) {
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor[] map = new Tensor[1];
      each(
          x,
          (from, to) -> {
            Tensor band = x.rows(from, to);
            if (map[0] == null) {
              Shape all = Shape.of(1, x.height(), x.width(), x.channels());
              map[0] = outside(Tensor.empty(band.device(), new TensorSpec(all, band.dtype())));
            }
            Tensors.copy(band, Slice.of(map[0], 1, from, to));
          });
      return scope.keep(map[0]);
    }
  }

  private static Tensor outside(Tensor tensor) {
    MemoryScope scope = MemoryScope.current();
    return scope == null ? tensor : scope.keep(tensor);
  }

  /** Replaces a map by rows that are computed from it, which read at most two rows back. */
  public void replace(StoredRows map, Rows by) {
    try {
      each(by, (from, to) -> map.replace(by.rows(from, to)));
    } finally {
      map.done();
    }
  }

  /** x normalised, by statistics that are taken now. */
  public Rows normalised(GroupNorm norm, Rows x, Activation activation) {
    GroupNorm.Statistics statistics = norm.statistics();
    each(x, (from, to) -> statistics.add(x.rows(from, to)));
    return mapped(x, rows -> norm.forward(rows, statistics, activation));
  }

  /** A function of each pixel, that keeps the number of channels. */
  public static Rows mapped(Rows x, UnaryOperator<Tensor> function) {
    return new Computed(
        x.height(),
        x.width(),
        x.channels(),
        (from, to) -> {
          Tensor rows = x.rows(from, to);
          Tensor y = function.apply(rows);
          rows.close();
          return y;
        });
  }

  /** The sum of two maps of the same shape. */
  public static Rows sum(Rows a, Rows b) {
    return new Computed(
        a.height(),
        a.width(),
        a.channels(),
        (from, to) -> {
          Tensor second = b.rows(from, to);
          return Add.of(a.rows(from, to), second);
        });
  }

  /** A convolution of stride 1 that keeps the size. */
  public static Rows convolved(Conv2d conv, Rows x) {
    return convolved(conv, x.height(), x.width(), x::rows);
  }

  /** Enlarged twice, then convolved. */
  public static Rows enlarged(Upsample up, Rows x) {
    int width = 2 * x.width();
    return convolved(
        up.convolution(),
        2 * x.height(),
        width,
        (from, to) -> {
          int first = from / 2;
          int end = (to + 1) / 2;
          Tensor rows = x.rows(first, end);
          Tensor large = Resize.of(rows, 2 * (end - first), width, ResampleKernels.Mode.NEAREST);
          return Slice.of(large, 1, from - 2L * first, to - 2L * first);
        });
  }

  private static Rows convolved(Conv2d conv, int height, int width, Reader reader) {
    int reach = conv.padding();
    return new Computed(
        height,
        width,
        conv.outChannels(),
        (from, to) -> {
          int first = Math.max(0, from - reach);
          int end = Math.min(height, to + reach);
          Tensor rows = reader.rows(first, end);
          Tensor y = conv.forward(rows, first - from + reach, to + reach - end);
          rows.close();
          return y;
        });
  }

  @FunctionalInterface
  private interface Reader {
    Tensor rows(int from, int to);
  }

  /** Rows that are computed when they are asked for. */
  private record Computed(int height, int width, int channels, Reader reader) implements Rows {
    @Override
    public Tensor rows(int from, int to) {
      try (MemoryScope scope = MemoryScope.open()) {
        return scope.keep(reader.rows(from, to));
      }
    }
  }
}
