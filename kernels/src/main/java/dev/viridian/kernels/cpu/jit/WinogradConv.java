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

  /** Tiles of the result that a task multiplies: whole innermost tiles of 6 and of 12 rows. */
  private static final int TASK_TILES = 48;

  /** Filters of a task: for so many, its squares come from the last cache once. */
  private static final int TASK_COLUMNS = 160;

  /** Enough tasks for a thread to keep all busy to the end. */
  private static final int TASKS_PER_THREAD = 4;

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
        && p.c() % 8 == 0
        && p.outC() % 8 == 0;
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

  /** Bytes from tile to tile of transformed squares. */
  private long squareRow() {
    return 4L * p.c() + LINE;
  }

  private long squareStep(int count) {
    return count * squareRow() + LINE;
  }

  /** Computes the convolution. */
  void run() {
    long panelBytes = places * filterStep(panelColumns);
    int panels = Math.ceilDiv(p.outC(), panelColumns);
    int most = (int) Math.max(2, Math.min(panels, MAX_FILTERS / panelBytes));
    // Evenly, so that the last chunk is no thin rest.
    int chunks = Math.ceilDiv(panels, most);
    int width = Math.ceilDiv(panels, chunks);
    long block = Math.max(TASK_TILES, MAX_SQUARES / (places * squareRow()));
    int blockTiles = (int) Math.min(tiles, block / TASK_TILES * TASK_TILES);
    MemorySegment squares =
        NativeScratch.get(NativeScratch.Part.SQUARES, places * squareStep(blockTiles));
    for (int panel = 0; panel < panels; panel += width) {
      int end = Math.min(panels, panel + width);
      Filters chunk = new Filters(panel, end - panel);
      chunk.transform();
      for (int tile = 0; tile < tiles; tile += blockTiles) {
        int count = Math.min(blockTiles, tiles - tile);
        Block b = new Block(tile, count, squares);
        if (panel == 0 || blockTiles < tiles) {
          b.transform();
        }
        b.multiply(chunk);
      }
    }
    Reference.reachabilityFence(zeros);
    Reference.reachabilityFence(squares);
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
          (int) tapBytes,
          0);
      Reference.reachabilityFence(taps);
    }
  }

  /** Some tiles of the result: place by place, [tile][c]. */
  private final class Block {
    final int firstTile;
    final int count;
    final MemorySegment squares;

    Block(int firstTile, int count, MemorySegment squares) {
      this.firstTile = firstTile;
      this.count = count;
      this.squares = squares;
    }

    void transform() {
      Code page = kit.winograd(Step.INPUT, size);
      workers.run(
          Math.ceilDiv(count, 8),
          task -> {
            for (int i = task * 8; i < Math.min(count, task * 8 + 8); i++) {
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
        boolean inside = y >= 0 && y < p.h() && x >= 0 && x < p.w();
        long pixel = (image * p.h() + y) * p.w() + x;
        table.setAtIndex(JAVA_LONG, place, inside ? map + 4 * pixel * p.c() : zeros.address());
      }
      int bytes = 4 * p.c();
      long step = squareStep(count);
      Range.address(squares, i * squareRow() + (places - 1) * step, bytes);
      long to = squares.address() + i * squareRow();
      WinogradCode.run(page, NativeScratch.frame(), table.address(), 0, to, step, bytes, 0);
      Reference.reachabilityFence(table);
    }

    void multiply(Filters chunk) {
      Code page = kit.winograd(Step.OUTPUT, size);
      int rows = kit.level.rows();
      int cuts = Math.ceilDiv(count, TASK_TILES);
      int height = Math.ceilDiv(Math.ceilDiv(count, cuts), rows) * rows;
      int rowTasks = Math.ceilDiv(count, height);
      int columnTasks = Math.ceilDiv(chunk.count, TASK_COLUMNS / panelColumns);
      int wanted = Math.ceilDiv(TASKS_PER_THREAD * workers.threadCount(), rowTasks);
      int panels = Math.ceilDiv(chunk.count, Math.clamp(wanted, columnTasks, chunk.count));
      workers.run(
          rowTasks * Math.ceilDiv(chunk.count, panels),
          task -> {
            int tile = task % rowTasks * height;
            int panel = task / rowTasks * panels;
            multiply(
                chunk,
                page,
                tile,
                Math.min(height, count - tile),
                panel,
                Math.min(chunk.count, panel + panels));
          });
    }

    /** Some tiles by some panels of filters: all places, then back. */
    private void multiply(
        Filters chunk, Code page, int tile, int tileCount, int panel, int endPanel) {
      int columns = (endPanel - panel) * panelColumns;
      long row = 4L * columns + LINE;
      long step = tileCount * row + LINE;
      MemorySegment sums = NativeScratch.get(NativeScratch.Part.TILE, places * step);
      RowTable table = new RowTable(tileCount, kit.level.rows(), 1);
      int parts = Math.ceilDiv(p.c(), WinogradCode.PART);
      for (int place = 0; place < places; place++) {
        long first = place * squareStep(count) + tile * squareRow();
        long address = Range.address(squares, first, tileCount * squareRow());
        for (int i = 0; i < tileCount; i++) {
          table.set(i, 0, address + i * squareRow());
        }
        for (int part = 0; part < parts; part++) {
          int from = (int) ((long) p.c() * part / parts);
          int length = (int) ((long) p.c() * (part + 1) / parts) - from;
          for (int j = panel; j < endPanel; j++) {
            long b = chunk.address(j, place, from, 4L * chunk.width(j) * length);
            long c = place * step + 4L * (j - panel) * panelColumns;
            int vectors = chunk.width(j) / kit.level.lanes();
            TileCode.multiply(
                kit, table, tileCount, 0, 1, from, length, b, vectors, sums, c, row, part > 0);
          }
        }
      }
      int column = (chunk.firstPanel + panel) * panelColumns;
      int present = Math.min(columns, p.outC() - column);
      for (int i = 0; i < tileCount; i++) {
        back(page, sums, i * row, step, firstTile + tile + i, column, present);
      }
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
