package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.WinogradCode.square;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.cpu.threads.Workers;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import org.jspecify.annotations.Nullable;

/**
 * 3×3 convolutions of stride 1 by Winograd's minimal filtering: squares of the map and filters are
 * transformed, multiplied place by place of the square (a product of tiles × channels × filters
 * each), and the sums transformed back. A tile of 4 × 4 pixels takes 36 multiplications a channel
 * instead of 144, one of 2 × 2 16 instead of 36.
 *
 * <p>Tiles go block by block, so that squares stay in the last cache. Filters are transformed once
 * and kept there, if all have room, else by each task for itself, a few channels of a panel at a
 * time. No result depends on how they are cut.
 */
final class WinogradConv {
  /** Most bytes of all filters transformed, to keep them; and of squares of a block. */
  private static final long MAX_FILTERS = 8 << 20;

  private static final long MAX_SQUARES = 12 << 20;

  /** Groups of tiles that a task multiplies in one go. */
  static final int TASK_GROUPS = 4;

  /** Enough tasks for a thread to keep all busy to the end. */
  private static final int TASKS_PER_THREAD = 4;

  /** Most tiles of a block whose filters are transformed where they are used. */
  private static final int FEW_TILES = 256;

  /** With fewer tiles, scaling filters for pairs costs what pairs gain. */
  private static final int LEAST_PAIRED = 48;

  /** With fewer channels most of the time goes to transforms, and a copy of squares adds to it. */
  private static final int LEAST_CHANNELS = 128;

  /** Nor is anything gained with so few products of a pixel's channels with an output channel. */
  private static final long FEW_PRODUCTS = 4_000_000;

  /** Multiply-adds in a cycle that plain and filtered products both come to, about. */
  private static final double MULTIPLIERS = 14.5;

  /** With fewer channels plain sums are as fast, and their error is least. */
  private static final int FEW = 64;

  /** A line: places of a square lie at no multiple of 4 KiB, or they would push each other out. */
  static final int LINE = 64;

  final Workers workers;
  final Kit kit;
  final ConvProblem p;
  final int size;
  final int places;
  private final int tilesX;
  private final int tilesY;
  private final int tiles;
  final int panelColumns;
  final int panels;

  /** Addresses and memory of a call; all checked. */
  private final long map;

  final RightFactor filters;
  private final MemorySegment result;
  private final MemorySegment bias;
  private final MemorySegment zeros;
  private final boolean pairs;

  /**
   * A convolution that {@link #takes} holds for.
   *
   * @param size of a tile of the result, 2 or 4
   * @param map address of x, of its full size
   * @param filters the weight: a filter's values, tap by tap, are a column
   * @param result y, of its full size
   * @param bias a float for each output channel
   * @param pairs whether products may be those of {@link PairTile}: not where a gradient is wanted,
   *     since one through a ReLU or an absolute value can flip on the last bit
   */
  WinogradConv(
      Workers workers,
      Kit kit,
      ConvProblem p,
      int size,
      long map,
      RightFactor filters,
      MemorySegment result,
      MemorySegment bias,
      boolean pairs) {
    this.workers = workers;
    this.kit = kit;
    this.p = p;
    this.size = size;
    this.map = map;
    this.filters = filters;
    this.result = result;
    this.bias = bias;
    this.pairs = pairs;
    places = square(size) * square(size);
    tilesX = Math.ceilDiv(p.outW(), size);
    tilesY = Math.ceilDiv(p.outH(), size);
    tiles = Math.multiplyExact(p.n(), Math.multiplyExact(tilesX, tilesY));
    panelColumns = kit.level.columns();
    panels = Math.ceilDiv(p.outC(), panelColumns);
    zeros = NativeScratch.get(NativeScratch.Part.ZEROS, 4L * p.c());
  }

  /** Whether a convolution can be done like this. */
  static boolean takes(ConvProblem p) {
    return p.kh() == 3
        && p.kw() == 3
        && p.strideH() == 1
        && p.strideW() == 1
        && p.dilationH() == 1
        && p.dilationW() == 1
        && p.groups() == 1
        && p.c() % SquaresCode.CHANNELS == 0
        && p.outC() % SquaresCode.CHANNELS == 0;
  }

  /** The size of tiles that costs least by estimate; 0 if plain sums do. */
  static int choose(ConvProblem p) {
    if (!takes(p) || p.c() < FEW || p.outC() < FEW) {
      return 0;
    }
    double pixels = (double) p.n() * p.outH() * p.outW();
    if (pixels * p.c() * p.outC() < FEW_PRODUCTS) {
      return 0;
    }
    // Cycles of a processor with 16 multipliers, for each pair of an input and an output channel.
    double best = 0.9 * (9 * pixels / MULTIPLIERS + 3);
    int choice = 0;
    for (int size = 2; size <= 4; size += 2) {
      double tiles = (double) p.n() * Math.ceilDiv(p.outH(), size) * Math.ceilDiv(p.outW(), size);
      int places = square(size) * square(size);
      double maps = 0.4 * (1.0 / p.c() + 1.0 / p.outC());
      double cost = places * tiles * (1 / MULTIPLIERS + maps) + 4 + 0.17 * places;
      if (cost < best) {
        best = cost;
        choice = size;
      }
    }
    return choice;
  }

  /** Columns of a panel that are filters; and as many as whole vectors of the level. */
  private int present(int panel) {
    return Math.min(panelColumns, p.outC() - panel * panelColumns);
  }

  int width(int panel) {
    int lanes = kit.level.lanes();
    return Math.ceilDiv(present(panel), lanes) * lanes;
  }

  /** Computes the convolution. */
  void run() {
    long squareBytes = 4L * places * p.c();
    boolean keepFilters = tiles > FEW_TILES && squareBytes * p.outC() <= MAX_FILTERS;
    if (keepFilters || !paired() || !runPairs(squareBytes)) {
      run(squareBytes, keepFilters);
    }
    Reference.reachabilityFence(zeros);
  }

  /** Whether products are those of {@link PairTile}; whatever other images there are. */
  private boolean paired() {
    return pairs
        && kit.pairs()
        && tilesX * tilesY >= LEAST_PAIRED
        && Math.min(p.c(), p.outC()) >= LEAST_CHANNELS;
  }

  private boolean runPairs(long squareBytes) {
    int mostTiles = (int) Math.max(MAX_SQUARES / squareBytes, TASK_GROUPS * kit.level.rows());
    int blocks = Math.ceilDiv(tiles, Math.min(mostTiles, FEW_TILES));
    int blockTiles = Math.ceilDiv(tiles, blocks);
    for (int tile = 0; tile < tiles; tile += blockTiles) {
      if (!new PairSquares(this, tile, Math.min(blockTiles, tiles - tile)).run()) {
        return false;
      }
    }
    return true;
  }

  private void run(long squareBytes, boolean keepFilters) {
    int mostTiles = (int) Math.max(MAX_SQUARES / squareBytes, TASK_GROUPS * kit.level.rows());
    PlainSquares.@Nullable Filters all = null;
    if (keepFilters) {
      all = new PlainSquares.Filters(this);
      all.transform();
    } else {
      mostTiles = Math.min(mostTiles, FEW_TILES);
    }
    // Evenly, so that the last block is no thin rest.
    int blocks = Math.ceilDiv(tiles, mostTiles);
    int blockTiles = Math.ceilDiv(tiles, blocks);
    for (int tile = 0; tile < tiles; tile += blockTiles) {
      PlainSquares block = new PlainSquares(this, tile, Math.min(blockTiles, tiles - tile));
      block.transform();
      if (all != null) {
        block.multiply(all);
      } else {
        block.multiply();
      }
    }
  }

  /** Cuts of the groups of a block: enough tasks to keep all threads busy to the end. */
  int cuts(int groups) {
    // The fewer, the less is done twice.
    int wanted = Math.ceilDiv(TASKS_PER_THREAD * workers.threadCount(), panels);
    return Math.clamp(wanted, 1, Math.ceilDiv(groups, TASK_GROUPS));
  }

  /** A table of the addresses of a square's pixels, from a channel on; zeros for none. */
  MemorySegment pixels(int tile, boolean present, int channel) {
    int n = square(size);
    MemorySegment table = NativeScratch.get(NativeScratch.Part.ROWS, 8L * places);
    int left = tile % tilesX * size - p.padLeft();
    int top = tile / tilesX % tilesY * size - p.padTop();
    long image = tile / tilesX / tilesY;
    for (int place = 0; place < places; place++) {
      int y = top + place / n;
      int x = left + place % n;
      boolean inside = present && y >= 0 && y < p.h() && x >= 0 && x < p.w();
      long pixel = (image * p.h() + y) * p.w() + x;
      long at = inside ? map + 4 * pixel * p.c() : zeros.address();
      table.setAtIndex(JAVA_LONG, place, at + 4L * channel);
    }
    return table;
  }

  /**
   * Transforms some channels of a panel of filters.
   *
   * @param from all filters
   * @param at byte of {@code to} where they go at the first place
   * @param step bytes from place to place
   */
  void transformFilters(
      Code page,
      RightFactor from,
      int panel,
      int channel,
      int length,
      MemorySegment to,
      long at,
      long step) {
    int width = width(panel);
    long tapBytes = 4L * width * length;
    MemorySegment taps = NativeScratch.get(NativeScratch.Part.PANEL, 9 * tapBytes);
    for (int tap = 0; tap < 9; tap++) {
      int k = tap * p.c() + channel;
      from.pack(kit, panel * panelColumns, present(panel), k, length, taps, tap * tapBytes, width);
    }
    Range.address(to, at + (places - 1) * step, tapBytes);
    long first = Range.address(to, at, tapBytes);
    Frame frame = NativeScratch.frame();
    int bytes = (int) tapBytes;
    WinogradCode.run(page, frame, taps.address(), tapBytes, first, step, LINE, bytes, 0);
    Reference.reachabilityFence(taps);
  }

  /** Transforms the sums of one tile back to pixels. */
  void back(Code page, MemorySegment sums, long at, long step, int tile, int panel) {
    back(page, sums, at, step, tile, panel * panelColumns, present(panel));
  }

  /** The same of some columns, which may be several panels'. */
  void back(Code page, MemorySegment sums, long at, long step, int tile, int column, int present) {
    MemorySegment table = NativeScratch.get(NativeScratch.Part.ROWS, 8L * size * size);
    MemorySegment outside = NativeScratch.get(NativeScratch.Part.OUTSIDE, 4L * present);
    int left = tile % tilesX * size;
    int top = tile / tilesX % tilesY * size;
    long image = tile / tilesX / tilesY;
    for (int i = 0; i < size * size; i++) {
      int y = top + i / size;
      int x = left + i % size;
      boolean inside = y < p.outH() && x < p.outW();
      long pixel = (image * p.outH() + y) * p.outW() + x;
      long to = 4 * (pixel * p.outC() + column);
      table.setAtIndex(
          JAVA_LONG, i, inside ? Range.address(result, to, 4L * present) : outside.address());
    }
    Range.address(sums, at + (places - 1) * step, 4L * present);
    WinogradCode.run(
        page,
        NativeScratch.frame(),
        sums.address() + at,
        step,
        table.address(),
        0,
        0,
        4 * present,
        bias.address() + 4L * column);
    Reference.reachabilityFence(outside);
    if (p.activation() != Activation.NONE) {
      activate(top, left, image, column, present);
    }
  }

  private void activate(int top, int left, long image, int column, int present) {
    for (int y = top; y < Math.min(p.outH(), top + size); y++) {
      long pixel = (image * p.outH() + y) * p.outW() + left;
      RowActivation.apply(
          kit.level,
          p.activation(),
          result,
          pixel * p.outC() + column,
          p.outC(),
          Math.min(p.outW(), left + size) - left,
          present);
    }
  }
}
