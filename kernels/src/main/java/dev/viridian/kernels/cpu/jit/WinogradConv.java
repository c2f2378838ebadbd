package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.WinogradCode.square;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.cpu.jit.WinogradCode.Step;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.cpu.vector.ActivationRows;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import org.jspecify.annotations.Nullable;

/**
 * 3×3 convolutions of stride 1 by Winograd's minimal filtering: squares of the map and filters are
 * transformed, multiplied place by place of the square (a product of tiles × channels × filters
 * each), and the sums transformed back. A tile of 4 × 4 pixels takes 36 multiplications a channel
 * instead of 144, one of 2 × 2 16 instead of 36.
 *
 * <p>Filters go chunk by chunk of output channels, tiles block by block, so that what is
 * transformed stays in the last cache. No result depends on how they are cut.
 */
final class WinogradConv {
  /** Bytes of transformed filters in a chunk, and of transformed squares in a block. */
  private static final long MAX_FILTERS = 8 << 20;

  private static final long MAX_SQUARES = 12 << 20;

  /** Groups of tiles, and panels of filters, that a task multiplies. */
  private static final int TASK_GROUPS = 4;

  private static final int TASK_PANELS = 3;

  /** With fewer channels plain sums are as fast, and their error is least. */
  private static final int FEW = 64;

  /** Values of K that are packed or transformed in one go. */
  private static final int BLOCK = 128;

  /** A line: places of a square lie at no multiple of 4 KiB, or they would push each other out. */
  private static final int LINE = 64;

  private final Workers workers;
  private final Kit kit;
  private final ConvProblem p;
  private final int size;
  private final int places;
  private final int tilesX;
  private final int tilesY;
  private final int tiles;
  private final int panelColumns;

  /** Addresses and memory of a call; all checked. */
  private final long map;

  private final RightFactor filters;
  private final MemorySegment result;
  private final MemorySegment bias;
  private final MemorySegment zeros;

  /**
   * A convolution that {@link #takes} holds for.
   *
   * @param size of a tile of the result, 2 or 4
   * @param map address of x, of its full size
   * @param filters the weight: a filter's values, tap by tap, are a column
   * @param result y, of its full size
   * @param bias a float for each output channel
   */
  WinogradConv(
      Workers workers,
      Kit kit,
      ConvProblem p,
      int size,
      long map,
      RightFactor filters,
      MemorySegment result,
      MemorySegment bias) {
    this.workers = workers;
    this.kit = kit;
    this.p = p;
    this.size = size;
    this.map = map;
    this.filters = filters;
    this.result = result;
    this.bias = bias;
    places = square(size) * square(size);
    tilesX = Math.ceilDiv(p.outW(), size);
    tilesY = Math.ceilDiv(p.outH(), size);
    tiles = Math.multiplyExact(p.n(), Math.multiplyExact(tilesX, tilesY));
    panelColumns = kit.level.columns();
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
    double best = 9 * (0.024 * pixels + 0.2);
    int choice = 0;
    for (int size = 2; size <= 4; size += 2) {
      double tiles = (double) p.n() * Math.ceilDiv(p.outH(), size) * Math.ceilDiv(p.outW(), size);
      int places = square(size) * square(size);
      double transforms = 0.5 * tiles * (1.0 / p.c() + 1.0 / p.outC()) + 0.35;
      double cost = 9 * 0.2 + places * (0.026 * tiles + transforms);
      if (cost < 0.9 * best) {
        best = cost;
        choice = size;
      }
    }
    return choice;
  }

  /** Bytes from place to place of a panel of transformed filters. */
  private long filterStep(int width) {
    return 4L * width * p.c() + LINE;
  }

  /** Computes the convolution. */
  void run() {
    long panelBytes = places * filterStep(panelColumns);
    int panels = Math.ceilDiv(p.outC(), panelColumns);
    int most = (int) Math.max(2, Math.min(panels, MAX_FILTERS / panelBytes));
    // Evenly, so that the last chunk is no thin rest.
    int chunks = Math.ceilDiv(panels, most);
    int width = Math.ceilDiv(panels, chunks);
    long squareBytes = 4L * places * p.c();
    int mostTiles =
        (int) Math.min(tiles, Math.max(MAX_SQUARES / squareBytes, TASK_GROUPS * kit.level.rows()));
    int blocks = Math.ceilDiv(tiles, mostTiles);
    int blockTiles = Math.ceilDiv(tiles, blocks);
    @Nullable Filters chunk = null;
    for (int tile = 0; tile < tiles; tile += blockTiles) {
      Block block = new Block(tile, Math.min(blockTiles, tiles - tile));
      block.transform();
      for (int panel = 0; panel < panels; panel += width) {
        if (chunk == null || chunks > 1) {
          chunk = new Filters(panel, Math.min(panels, panel + width) - panel);
          chunk.transform();
        }
        block.multiply(chunk);
      }
    }
    Reference.reachabilityFence(zeros);
  }

  /** A chunk of transformed filters: panel by panel, place by place, [c][columns]. */
  private final class Filters {
    final int firstPanel;
    final int count;
    final long panelBytes = places * filterStep(panelColumns);
    final MemorySegment memory;

    Filters(int firstPanel, int count) {
      this.firstPanel = firstPanel;
      this.count = count;
      memory = NativeScratch.get(NativeScratch.Part.PANELS, count * panelBytes);
    }

    /** Columns of a panel that are filters; and as many as whole vectors of the level. */
    int present(int panel) {
      return Math.min(panelColumns, p.outC() - (firstPanel + panel) * panelColumns);
    }

    int width(int panel) {
      int lanes = kit.level.lanes();
      return Math.ceilDiv(present(panel), lanes) * lanes;
    }

    long address(int panel, int place, int channel, long bytes) {
      int width = width(panel);
      long at = panel * panelBytes + place * filterStep(width) + 4L * width * channel;
      return Range.address(memory, at, bytes);
    }

    void transform() {
      Code page = kit.winograd(Step.FILTER, size);
      int blocks = Math.ceilDiv(p.c(), BLOCK);
      workers.run(count * blocks, task -> transform(page, task / blocks, task % blocks * BLOCK));
    }

    private void transform(Code page, int panel, int channel) {
      int length = Math.min(BLOCK, p.c() - channel);
      int width = width(panel);
      long tapBytes = 4L * width * length;
      MemorySegment taps = NativeScratch.get(NativeScratch.Part.TILE, 9 * tapBytes);
      int column = (firstPanel + panel) * panelColumns;
      for (int tap = 0; tap < 9; tap++) {
        int k = tap * p.c() + channel;
        filters.pack(kit, column, present(panel), k, length, taps, tap * tapBytes, width);
      }
      long to = address(panel, 0, channel, tapBytes);
      address(panel, places - 1, channel, tapBytes);
      WinogradCode.run(
          page,
          NativeScratch.frame(),
          taps.address(),
          tapBytes,
          to,
          filterStep(width),
          LINE,
          (int) tapBytes,
          0);
      Reference.reachabilityFence(taps);
    }
  }

  /** Some tiles of the result: place by place, group by group, as {@link SquaresCode} reads. */
  private final class Block {
    final int firstTile;
    final int count;
    final int rows;
    final int groups;
    final long groupBytes;
    final long step;
    final MemorySegment squares;

    Block(int firstTile, int count) {
      this.firstTile = firstTile;
      this.count = count;
      groups = Math.ceilDiv(count, kit.level.rows());
      rows = Math.ceilDiv(count, groups);
      groupBytes = 4L * rows * p.c();
      step = groups * groupBytes + LINE;
      squares = NativeScratch.get(NativeScratch.Part.SQUARES, places * step);
    }

    void transform() {
      Code page = kit.winograd(Step.INPUT, size);
      workers.run(
          groups,
          group -> {
            for (int i = group * rows; i < (group + 1) * rows; i++) {
              transform(page, i);
            }
          });
    }

    private void transform(Code page, int i) {
      int n = square(size);
      MemorySegment table = NativeScratch.get(NativeScratch.Part.ROWS, 8L * places);
      int tile = firstTile + i;
      int left = tile % tilesX * size - p.padLeft();
      int top = tile / tilesX % tilesY * size - p.padTop();
      long image = tile / tilesX / tilesY;
      for (int place = 0; place < places; place++) {
        int y = top + place / n;
        int x = left + place % n;
        // What is left of the last group are zeros, too.
        boolean inside = y >= 0 && y < p.h() && x >= 0 && x < p.w() && i < count;
        long pixel = (image * p.h() + y) * p.w() + x;
        table.setAtIndex(JAVA_LONG, place, inside ? map + 4 * pixel * p.c() : zeros.address());
      }
      long at = i / rows * groupBytes + (long) LINE * (i % rows);
      long toChannels = (long) LINE * rows;
      long last = (places - 1) * step + at;
      Range.address(squares, last, groupBytes - toChannels + LINE);
      long to = Range.address(squares, at, 0);
      Frame frame = NativeScratch.frame();
      WinogradCode.run(page, frame, table.address(), 0, to, step, toChannels, 4 * p.c(), 0);
      Reference.reachabilityFence(table);
    }

    void multiply(Filters chunk) {
      Code page = kit.winograd(Step.OUTPUT, size);
      int rowTasks = Math.ceilDiv(groups, TASK_GROUPS);
      int columnTasks = Math.ceilDiv(chunk.count, TASK_PANELS);
      workers.run(
          rowTasks * columnTasks,
          task -> {
            int r = task % rowTasks;
            int c = task / rowTasks;
            multiply(
                chunk,
                page,
                (int) ((long) groups * r / rowTasks),
                (int) ((long) groups * (r + 1) / rowTasks),
                (int) ((long) chunk.count * c / columnTasks),
                (int) ((long) chunk.count * (c + 1) / columnTasks));
          });
    }

    /** Some groups of tiles by some panels of filters: all places, then back. */
    private void multiply(
        Filters chunk, Code page, int group, int endGroup, int panel, int endPanel) {
      int columns = (endPanel - panel) * panelColumns;
      int tileCount = (endGroup - group) * rows;
      long row = 4L * columns + LINE;
      long sumStep = tileCount * row + LINE;
      MemorySegment sums = NativeScratch.get(NativeScratch.Part.TILE, places * sumStep);
      // All panels but one that is narrower have the same width.
      int whole = chunk.width(endPanel - 1) == panelColumns ? endPanel : endPanel - 1;
      for (int place = 0; place < places; place++) {
        multiply(chunk, place, group, endGroup, panel, whole, sums, place * sumStep, row);
        long at = place * sumStep + 4L * (whole - panel) * panelColumns;
        multiply(chunk, place, group, endGroup, whole, endPanel, sums, at, row);
      }
      int column = (chunk.firstPanel + panel) * panelColumns;
      int present = Math.min(columns, p.outC() - column);
      int tile = group * rows;
      for (int i = 0; i < Math.min(tileCount, count - tile); i++) {
        back(page, sums, i * row, sumStep, firstTile + tile + i, column, present);
      }
    }

    /** Panels of equal width at one place. */
    private void multiply(
        Filters chunk,
        int place,
        int group,
        int endGroup,
        int panel,
        int endPanel,
        MemorySegment sums,
        long at,
        long row) {
      if (panel == endPanel) {
        return;
      }
      int width = chunk.width(panel);
      long bytes = 4L * width * p.c();
      chunk.address(endPanel - 1, place, 0, bytes);
      long first = place * step + group * groupBytes;
      long extent = ((endGroup - group) * rows - 1) * row + 4L * (endPanel - panel) * width;
      SquaresCode code = new SquaresCode(kit.level, rows, width / kit.level.lanes());
      code.run(
          kit.squares(code),
          NativeScratch.frame(),
          Range.address(squares, first, (endGroup - group) * groupBytes),
          groupBytes,
          p.c(),
          chunk.address(panel, place, 0, bytes),
          chunk.panelBytes,
          Range.address(sums, at, extent),
          row,
          endGroup - group,
          endPanel - panel);
      Reference.reachabilityFence(squares);
    }

    /** Transforms the sums of one tile back to pixels. */
    private void back(
        Code page, MemorySegment sums, long at, long step, int tile, int column, int present) {
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
        for (int x = left; x < Math.min(p.outW(), left + size); x++) {
          long pixel = (image * p.outH() + y) * p.outW() + x;
          ActivationRows.apply(p.activation(), result, pixel * p.outC() + column, present);
        }
      }
    }
  }
}
