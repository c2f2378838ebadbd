package dev.viridian.kernels.cpu.vector;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.ConvKernels;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Selective;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Convolutions between few channels, such as those of a small autoencoder on its largest maps. As
 * products they would be so narrow that turning and packing took longer than multiplying; here a
 * few rows of the map are copied, with zeros around them, and read where they then lie.
 */
public final class FewChannels implements ConvKernels, Selective {
  /** Channels up to which this is faster than a product. */
  private static final int MOST_CHANNELS = 32;

  /** The same for gradients behind a stride, for which there are no good products. */
  private static final int MOST_BEHIND_STRIDE = 128;

  private static final int MOST_TAPS = 9;

  /** Rows of the result that one task computes. */
  private static final int ROWS = 8;

  /** Parts of dy whose gradients of the filter are summed apart, however many threads there are. */
  private static final int PARTS = 32;

  private final Workers workers;

  /** Kernels that share the given threads. */
  public FewChannels(Workers workers) {
    this.workers = workers;
  }

  @Override
  public boolean accepts(String operation, Object problem) {
    if (!(problem instanceof ConvProblem p)) {
      return false;
    }
    boolean strided = p.strideH() > 1 || p.strideW() > 1;
    int most = strided && operation.equals("backwardData") ? MOST_BEHIND_STRIDE : MOST_CHANNELS;
    return p.groups() == 1
        && p.dilationH() == 1
        && p.dilationW() == 1
        && p.kh() * p.kw() <= MOST_TAPS
        && p.c() <= most
        && p.outC() <= most
        && p.activation() == Activation.NONE;
  }

  private static void require(ConvProblem p) {
    if (p.groups() != 1 || p.dilationH() != 1 || p.dilationW() != 1) {
      throw new IllegalArgumentException("FewChannels: groups and dilation are not for it: " + p);
    }
    if (p.activation() != Activation.NONE) {
      throw new IllegalArgumentException("FewChannels: activations are not for it: " + p);
    }
  }

  private static int padded(int channels) {
    return Math.ceilDiv(channels, ChannelTiles.LANES) * ChannelTiles.LANES;
  }

  @Override
  public void forward(ConvProblem p, Buffer x, Buffer weight, @Nullable Buffer bias, Buffer y) {
    require(p);
    int width = padded(p.outC());
    int taps = p.kh() * p.kw();
    float[] values = weights(p, weight);
    float[] filters = new float[taps * p.c() * width];
    for (int o = 0; o < p.outC(); o++) {
      for (int i = 0; i < taps * p.c(); i++) {
        filters[i * width + o] = values[o * taps * p.c() + i];
      }
    }
    float[] biases = new float[width];
    if (p.bias() && bias != null) {
      FloatRuns.read(HostBuffer.of(bias), p.biasType(), 0, biases, 0, p.outC());
    }
    Window window =
        new Window(
            p.h(),
            p.w(),
            p.c(),
            p.outH(),
            p.outW(),
            p.strideH(),
            p.strideW(),
            IntStream.range(0, taps).map(t -> t / p.kw() - p.padTop()).toArray(),
            IntStream.range(0, taps).map(t -> t % p.kw() - p.padLeft()).toArray());
    Target target = new Target(HostBuffer.of(y), p.outH(), p.outW(), p.outC(), 0, 0, 1, 1);
    correlate(p.n(), window, HostBuffer.of(x), filters, biases, width, target);
  }

  private static float[] weights(ConvProblem p, Buffer weight) {
    float[] values = new float[Math.multiplyExact(p.outC() * p.kh() * p.kw(), p.c())];
    FloatRuns.read(HostBuffer.of(weight), p.weight(), 0, values, 0, values.length);
    return values;
  }

  /** Each phase of the stride is a convolution of dy by itself, with the taps that reach it. */
  @Override
  public void backwardData(ConvProblem p, Buffer dy, Buffer weight, Buffer dx) {
    require(p);
    float[] values = weights(p, weight);
    for (int y = 0; y < Math.min(p.strideH(), p.h()); y++) {
      for (int x = 0; x < Math.min(p.strideW(), p.w()); x++) {
        phase(p, y, x, HostBuffer.of(dy), values, HostBuffer.of(dx));
      }
    }
  }

  private void phase(
      ConvProblem p, int top, int left, MemorySegment dy, float[] weights, MemorySegment dx) {
    int width = padded(p.c());
    int all = p.kh() * p.kw();
    int[] taps =
        IntStream.range(0, all)
            .filter(t -> (top + p.padTop() - t / p.kw()) % p.strideH() == 0)
            .filter(t -> (left + p.padLeft() - t % p.kw()) % p.strideW() == 0)
            .toArray();
    float[] filters = new float[taps.length * p.outC() * width];
    for (int t = 0; t < taps.length; t++) {
      for (int o = 0; o < p.outC(); o++) {
        int from = (o * all + taps[t]) * p.c();
        System.arraycopy(weights, from, filters, (t * p.outC() + o) * width, p.c());
      }
    }
    Window window =
        new Window(
            p.outH(),
            p.outW(),
            p.outC(),
            Math.ceilDiv(p.h() - top, p.strideH()),
            Math.ceilDiv(p.w() - left, p.strideW()),
            1,
            1,
            Arrays.stream(taps).map(t -> (top + p.padTop() - t / p.kw()) / p.strideH()).toArray(),
            Arrays.stream(taps)
                .map(t -> (left + p.padLeft() - t % p.kw()) / p.strideW())
                .toArray());
    Target target = new Target(dx, p.h(), p.w(), p.c(), top, left, p.strideH(), p.strideW());
    correlate(p.n(), window, dy, filters, new float[width], width, target);
  }

  /** Where a grid of results goes in a map: from a first pixel on, in steps. */
  private record Target(
      MemorySegment map, int h, int w, int c, int top, int left, int stepY, int stepX) {

    /** Puts a row of the grid there, whose pixels lie {@code width} apart. */
    void put(int image, int row, float[] values, int pixels, int width) {
      long first = ((long) image * h + top + (long) row * stepY) * w + left;
      if (stepX == 1 && width == c) {
        MemorySegment.copy(values, 0, map, Numbers.FLOAT, 4 * first * c, pixels * c);
        return;
      }
      for (int i = 0; i < pixels; i++) {
        long to = (first + (long) i * stepX) * c;
        MemorySegment.copy(values, i * width, map, Numbers.FLOAT, 4 * to, c);
      }
    }
  }

  /**
   * What a grid of results reads: for each of them the pixels at some distances from a place.
   *
   * @param h rows of the map that is read
   * @param gridH rows of the grid
   * @param stepY distance of the places of two rows
   * @param offY where each tap reads, from the place
   */
  private record Window(
      int h, int w, int c, int gridH, int gridW, int stepY, int stepX, int[] offY, int[] offX) {
    int firstY() {
      return Arrays.stream(offY).min().orElse(0);
    }

    int firstX() {
      return Arrays.stream(offX).min().orElse(0);
    }

    /** Rows that so many rows of the grid read, from the first to the last. */
    int reachY(int rows) {
      return Arrays.stream(offY).max().orElse(0) - firstY() + (rows - 1) * stepY + 1;
    }

    int reachX() {
      return Arrays.stream(offX).max().orElse(0) - firstX() + (gridW - 1) * stepX + 1;
    }

    /** Room for a copy of these rows; tiles read a little beyond the last pixel. */
    int size(int rows) {
      int slack = ChannelTiles.PIXELS * stepX * c + ChannelTiles.CHANNELS;
      return Math.addExact(
          Math.multiplyExact(Math.multiplyExact(reachY(rows), reachX()), c), slack);
    }

    /** Where each tap reads in the copy, from the place of a pixel. */
    int[] taps() {
      int row = reachX() * c;
      int[] taps = new int[offY.length];
      for (int t = 0; t < taps.length; t++) {
        taps[t] = (offY[t] - firstY()) * row + (offX[t] - firstX()) * c;
      }
      return taps;
    }

    /** Copies what some rows of the grid read, zeros where the map ends. */
    void copy(MemorySegment map, int image, int row, int rows, float[] to) {
      int reach = reachX();
      int left = Math.clamp(-firstX(), 0, reach);
      int right = Math.clamp(w - firstX(), left, reach);
      for (int r = 0; r < reachY(rows); r++) {
        int y = row * stepY + firstY() + r;
        int at = r * reach * c;
        if (y < 0 || y >= h) {
          Arrays.fill(to, at, at + reach * c, 0f);
          continue;
        }
        Arrays.fill(to, at, at + left * c, 0f);
        Arrays.fill(to, at + right * c, at + reach * c, 0f);
        if (right > left) {
          long from = (((long) image * h + y) * w + left + firstX()) * c;
          MemorySegment.copy(map, Numbers.FLOAT, 4 * from, to, at + left * c, (right - left) * c);
        }
      }
    }
  }

  private void correlate(
      int images,
      Window window,
      MemorySegment map,
      float[] filters,
      float[] biases,
      int width,
      Target target) {
    int blocks = Math.ceilDiv(window.gridH(), ROWS);
    int[] taps = window.taps();
    int row = window.reachX() * window.c() * window.stepY();
    int pixels = Math.ceilDiv(window.gridW(), ChannelTiles.PIXELS) * ChannelTiles.PIXELS;
    ChannelTiles.Shape shape =
        new ChannelTiles.Shape(taps, window.c(), window.stepX() * window.c(), width);
    workers.run(
        Math.multiplyExact(images, blocks),
        task -> {
          int image = task / blocks;
          int first = task % blocks * ROWS;
          int rows = Math.min(ROWS, window.gridH() - first);
          float[] in = Scratch.get(Scratch.Part.ROWS, window.size(rows));
          window.copy(map, image, first, rows, in);
          float[] out = Scratch.get(Scratch.Part.TILE, pixels * width);
          for (int r = 0; r < rows; r++) {
            for (int x = 0; x < pixels; x += ChannelTiles.PIXELS) {
              int at = r * row + x * window.stepX() * window.c();
              ChannelTiles.forward(shape, in, at, filters, biases, out, x * width);
            }
            target.put(image, first + r, out, window.gridW(), width);
          }
        });
  }

  @Override
  public void backwardFilter(ConvProblem p, Buffer x, Buffer dy, Buffer dw) {
    require(p);
    int taps = p.kh() * p.kw();
    int width = padded(p.outC());
    int rooms = Math.ceilDiv(p.c(), ChannelTiles.CHANNELS) * ChannelTiles.CHANNELS;
    int blocks = Math.ceilDiv(p.outH(), ROWS);
    int tasks = Math.multiplyExact(p.n(), blocks);
    int parts = Math.clamp(tasks, 1, PARTS);
    float[][] sums = new float[parts][Math.multiplyExact(taps * rooms, width)];
    Window window =
        new Window(
            p.h(),
            p.w(),
            p.c(),
            p.outH(),
            p.outW(),
            p.strideH(),
            p.strideW(),
            IntStream.range(0, taps).map(t -> t / p.kw() - p.padTop()).toArray(),
            IntStream.range(0, taps).map(t -> t % p.kw() - p.padLeft()).toArray());
    workers.run(
        parts,
        part -> {
          int end = (int) ((long) tasks * (part + 1) / parts);
          for (int task = (int) ((long) tasks * part / parts); task < end; task++) {
            int first = task % blocks * ROWS;
            int rows = Math.min(ROWS, p.outH() - first);
            float[] in = Scratch.get(Scratch.Part.ROWS, window.size(rows));
            window.copy(HostBuffer.of(x), task / blocks, first, rows, in);
            long from = ((long) (task / blocks) * p.outH() + first) * p.outW() * p.outC();
            float[] gradients = gradients(p, HostBuffer.of(dy), from, rows * p.outW(), width);
            ChannelTiles.Rows shape =
                new ChannelTiles.Rows(
                    rows,
                    p.outW(),
                    window.reachX() * p.c() * p.strideH(),
                    p.strideW() * p.c(),
                    width);
            int[] offsets = window.taps();
            for (int t = 0; t < taps; t++) {
              for (int i = 0; i < rooms; i += ChannelTiles.CHANNELS) {
                int at = (t * rooms + i) * width;
                ChannelTiles.filter(shape, in, offsets[t] + i, gradients, sums[part], at);
              }
            }
          }
        });
    float[] result = new float[p.outC() * taps * p.c()];
    for (int o = 0; o < p.outC(); o++) {
      for (int t = 0; t < taps; t++) {
        for (int i = 0; i < p.c(); i++) {
          float sum = 0;
          for (float[] part : sums) {
            sum += part[(t * rooms + i) * width + o];
          }
          result[(o * taps + t) * p.c() + i] = sum;
        }
      }
    }
    MemorySegment.copy(result, 0, HostBuffer.of(dw), Numbers.FLOAT, 0, result.length);
  }

  /** Pixels of dy, their channels filled up with zeros. */
  private static float[] gradients(
      ConvProblem p, MemorySegment dy, long from, int pixels, int width) {
    int c = p.outC();
    float[] dense = Scratch.get(Scratch.Part.BLOCK, pixels * width);
    FloatRuns.read(dy, DType.F32, from, dense, 0, pixels * c);
    for (int i = pixels - 1; i >= 0 && width > c; i--) { // apart, from the last on
      System.arraycopy(dense, i * c, dense, i * width, c);
      Arrays.fill(dense, i * width + c, (i + 1) * width, 0f);
    }
    return dense;
  }

  /** Compares small convolutions with the plain loops'. */
  public static @Nullable String fault(ConvKernels candidate, ConvKernels reference) {
    ConvProblem p = ConvProblem.of(1, 9, 10, 12, 20, 3, 1, 1);
    HostBuffer x = new HostBuffer(SelfTest.numbers(DType.F32, 9 * 10 * 12));
    HostBuffer y = new HostBuffer(SelfTest.numbers(DType.F32, 9 * 10 * 20));
    HostBuffer weight = new HostBuffer(SelfTest.numbers(DType.F32, 20 * 9 * 12));
    String fault =
        SelfTest.fault(
            9 * 10 * 20,
            to -> candidate.forward(p, x, weight, null, to),
            to -> reference.forward(p, x, weight, null, to));
    return fault != null
        ? fault
        : SelfTest.fault(
            20 * 9 * 12,
            to -> candidate.backwardFilter(p, x, y, to),
            to -> reference.backwardFilter(p, x, y, to));
  }
}
