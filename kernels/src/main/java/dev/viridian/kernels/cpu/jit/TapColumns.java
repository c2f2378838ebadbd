package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.cpu.threads.Workers;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;

/**
 * Convolutions to few channels. As columns of one product they would fill a part of a vector; here
 * each tap of each channel is a column, so that every pixel of the map is multiplied once by all of
 * them, and a pixel of the result is the sum of what the taps make of its neighbours. Rows of the
 * map go band by band, so that what is summed stays in the caches. No result depends on how they
 * are cut.
 */
final class TapColumns {
  /** Most channels of the result: with more, adding up costs what is gained. */
  private static final int MOST_CHANNELS = TapSumCode.LANES;

  /** Fewest channels of the map, for the same reason. */
  private static final int LEAST_DEPTH = 32;

  /** Bytes of what taps make of a band, about. */
  private static final long BAND = 4 << 20;

  private final Workers workers;
  private final Kit kit;
  private final Code adds;
  private final ConvProblem p;
  private final long map;
  private final MemorySegment result;
  private final MemorySegment bias;
  private final MemorySegment weight;
  private final int taps;
  private final int columns;

  /**
   * A convolution that {@link #takes} holds for.
   *
   * @param adds {@link TapSumCode}
   * @param map address of x, of its full size
   * @param weight [outC, kh, kw, c], of its full size
   * @param bias a float for each output channel, and room behind
   * @param result y, of its full size
   */
  TapColumns(
      Workers workers,
      Kit kit,
      Code adds,
      ConvProblem p,
      long map,
      RightMatrix weight,
      MemorySegment bias,
      MemorySegment result) {
    this.workers = workers;
    this.kit = kit;
    this.adds = adds;
    this.p = p;
    this.map = map;
    this.result = result;
    taps = p.kh() * p.kw();
    columns = p.outC() * taps;
    this.bias = bias;
    this.weight = columns(weight);
  }

  /** The weight with columns in the order in which they are added up: [kh, kw, outC, c]. */
  private MemorySegment columns(RightMatrix from) {
    long column = (long) p.c() * p.weight().bytes();
    MemorySegment to = NativeScratch.get(NativeScratch.Part.FILTERS, columns * column);
    for (int tap = 0; tap < taps; tap++) {
      for (int o = 0; o < p.outC(); o++) {
        long at = from.base() * p.weight().bytes() + ((long) o * taps + tap) * column;
        long target = ((long) tap * p.outC() + o) * column;
        MemorySegment.copy(from.segment(), at, to, target, column);
      }
    }
    return to;
  }

  /** Whether a convolution can be done like this, and gains. */
  static boolean takes(ConvProblem p) {
    return p.kh() * p.kw() > 1
        && p.strideH() == 1
        && p.strideW() == 1
        && p.outC() <= MOST_CHANNELS
        && p.c() >= LEAST_DEPTH;
  }

  /** Computes the convolution. */
  void run() {
    int reach = (p.kh() - 1) * p.dilationH();
    long rowBytes = 4L * columns * p.w();
    long room = Math.max(BAND / rowBytes - reach, Math.max(1, reach));
    int bandRows = (int) Math.min(room, p.outH());
    long bytes = (bandRows + reach) * rowBytes + 4L * TapSumCode.LANES;
    MemorySegment sums = NativeScratch.get(NativeScratch.Part.TAPS, bytes);
    for (int image = 0; image < p.n(); image++) {
      for (int y = 0; y < p.outH(); y += bandRows) {
        band(image, y, Math.min(p.outH(), y + bandRows), sums);
      }
    }
    if (p.activation() != Activation.NONE) {
      int rows = p.n() * p.outH() * p.outW();
      RowActivation.apply(kit.level, p.activation(), result, 0, p.outC(), rows, p.outC());
    }
    Reference.reachabilityFence(sums);
    Reference.reachabilityFence(bias);
    Reference.reachabilityFence(weight);
  }

  /** Some rows of an image's result. */
  private void band(int image, int fromY, int toY, MemorySegment sums) {
    int first = Math.clamp(fromY - p.padTop(), 0, p.h());
    int end = Math.clamp(toY - 1 - p.padTop() + (p.kh() - 1) * p.dilationH() + 1, first, p.h());
    if (end > first) {
      long pixel = ((long) image * p.h() + first) * p.w();
      LeftRows rows = new MatrixRows(map + 4 * pixel * p.c(), p.c(), p.c());
      ProductOutput output = new ProductOutput(sums, 0, columns, 1f, false, 0, Activation.NONE);
      int pixels = (end - first) * p.w();
      RightMatrix right = new RightMatrix(weight, p.weight(), 0, p.c(), true);
      new JitProduct(workers, kit, rows, right, pixels, columns, output).run();
    }
    workers.run(toY - fromY, row -> add(image, fromY + row, first, end, sums));
  }

  /** Adds up a row of the result from rows {@code first} to {@code end − 1} of the map. */
  private void add(int image, int y, int first, int end, MemorySegment sums) {
    long rowBytes = 4L * p.outW() * p.outC();
    MemorySegment row =
        NativeScratch.get(NativeScratch.Part.TILE, rowBytes + 4L * TapSumCode.LANES);
    int toX;
    for (int x = 0; x < p.outW(); x = toX) {
      toX = sameTaps(x);
      add(y, x, toX, first, end, sums, row);
    }
    long to = ((long) image * p.outH() + y) * rowBytes;
    MemorySegment.copy(row, 0, result, to, rowBytes);
  }

  /** The pixel up to which the same taps of a row of the kernel are inside as for {@code x}. */
  private int sameTaps(int x) {
    int end = p.outW();
    for (int kx = 0; kx < p.kw(); kx++) {
      int begins = p.padLeft() - kx * p.dilationW();
      int ends = p.w() + begins;
      end = begins > x ? Math.min(end, begins) : end;
      end = ends > x ? Math.min(end, ends) : end;
    }
    return end;
  }

  /** Some pixels of a row, for all of which the same taps are inside of the map. */
  private void add(
      int y, int x, int toX, int first, int end, MemorySegment sums, MemorySegment row) {
    MemorySegment table = NativeScratch.get(NativeScratch.Part.ROWS, 8L * taps);
    long pixel = 4L * columns;
    int inside = 0;
    for (int tap = 0; tap < taps; tap++) {
      int sourceY = y - p.padTop() + tap / p.kw() * p.dilationH();
      int sourceX = x - p.padLeft() + tap % p.kw() * p.dilationW();
      if (sourceY >= first && sourceY < end && sourceX >= 0 && sourceX < p.w()) {
        long at = ((long) (sourceY - first) * p.w() + sourceX) * pixel + 4L * tap * p.outC();
        long extent = (toX - x - 1) * pixel + 4L * TapSumCode.LANES;
        table.setAtIndex(JAVA_LONG, inside++, Range.address(sums, at, extent));
      }
    }
    long step = pixel;
    MemorySegment zeros = NativeScratch.get(NativeScratch.Part.ZEROS, 4L * TapSumCode.LANES);
    if (inside == 0) {
      table.setAtIndex(JAVA_LONG, inside++, zeros.address());
      step = 0;
    }
    long to = 4L * x * p.outC();
    long written = 4L * ((toX - x - 1) * p.outC() + TapSumCode.LANES);
    TapSumCode.run(
        adds,
        NativeScratch.frame(),
        table.address(),
        inside,
        step,
        Range.address(row, to, written),
        4L * p.outC(),
        toX - x,
        bias.address());
    Reference.reachabilityFence(table);
    Reference.reachabilityFence(zeros);
    Reference.reachabilityFence(row);
  }
}
