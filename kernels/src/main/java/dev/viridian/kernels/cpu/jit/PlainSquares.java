package dev.viridian.kernels.cpu.jit;

import dev.viridian.kernels.cpu.jit.WinogradCode.Step;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import org.jspecify.annotations.Nullable;

/**
 * Some tiles of a {@link WinogradConv}, multiplied by {@link SquaresCode}. Squares lie place by
 * place, group by group of tiles, as that code reads them.
 */
final class PlainSquares extends TileSquares {
  /** Panels of filters and channels that a task multiplies in one go. */
  private static final int TASK_PANELS = 3;

  private static final int TASK_CHANNELS = 96;

  private final MemorySegment squares;

  /** What is fetched while the multipliers work; null if that is left to who copies. */
  private final @Nullable RightMatrix source;

  PlainSquares(WinogradConv conv, int firstTile, int count) {
    super(conv, firstTile, count, conv.kit.level.rows());
    squares = NativeScratch.get(NativeScratch.Part.SQUARES, places * step);
    source =
        conv.filters instanceof RightMatrix matrix && matrix.alongK() ? matrix.fetched() : null;
  }

  /** Transforms the squares of the map. */
  void transform() {
    Code page = kit.winograd(Step.INPUT, conv.size);
    workers.run(
        groups,
        group -> {
          for (int i = group * rows; i < (group + 1) * rows; i++) {
            transform(page, i);
          }
        });
  }

  private void transform(Code page, int i) {
    // What is left of the last group are zeros, too.
    MemorySegment table = conv.pixels(firstTile + i, i < count, 0);
    long at = i / rows * groupBytes + (long) LINE * (i % rows);
    long toChannels = (long) LINE * rows;
    long last = (places - 1) * step + at;
    Range.address(squares, last, groupBytes - toChannels + LINE);
    long to = Range.address(squares, at, 0);
    Frame frame = NativeScratch.frame();
    WinogradCode.run(page, frame, table.address(), 0, to, step, toChannels, 4 * p.c(), 0);
    Reference.reachabilityFence(table);
  }

  /** All tiles by all filters, which were transformed before. */
  void multiply(Filters all) {
    Code page = kit.winograd(Step.OUTPUT, conv.size);
    int rowTasks = Math.ceilDiv(groups, WinogradConv.TASK_GROUPS);
    int columnTasks = Math.ceilDiv(conv.panels, TASK_PANELS);
    workers.run(
        rowTasks * columnTasks,
        task -> {
          int r = task % rowTasks;
          int c = task / rowTasks;
          multiply(
              all,
              page,
              (int) ((long) groups * r / rowTasks),
              (int) ((long) groups * (r + 1) / rowTasks),
              (int) ((long) conv.panels * c / columnTasks),
              (int) ((long) conv.panels * (c + 1) / columnTasks));
        });
  }

  /** Some groups of tiles by some panels of filters: all places, then back. */
  private void multiply(Filters all, Code page, int group, int endGroup, int panel, int endPanel) {
    int columns = (endPanel - panel) * conv.panelColumns;
    int tileCount = (endGroup - group) * rows;
    long row = 4L * columns + LINE;
    long sumStep = tileCount * row + LINE;
    MemorySegment sums = NativeScratch.get(NativeScratch.Part.TILE, places * sumStep);
    // All panels but one that is narrower have the same width.
    int whole = conv.width(endPanel - 1) == conv.panelColumns ? endPanel : endPanel - 1;
    for (int place = 0; place < places; place++) {
      multiply(all, place, group, endGroup, panel, whole, sums, place * sumStep, row);
      long at = place * sumStep + 4L * (whole - panel) * conv.panelColumns;
      multiply(all, place, group, endGroup, whole, endPanel, sums, at, row);
    }
    int column = panel * conv.panelColumns;
    int present = Math.min(columns, p.outC() - column);
    int tile = group * rows;
    for (int i = 0; i < Math.min(tileCount, count - tile); i++) {
      conv.back(page, sums, i * row, sumStep, firstTile + tile + i, column, present);
    }
  }

  /** Panels of equal width at one place. */
  private void multiply(
      Filters all,
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
    int width = conv.width(panel);
    long bytes = 4L * width * p.c();
    all.address(endPanel - 1, place, bytes);
    long first = place * step + group * groupBytes;
    long extent = ((endGroup - group) * rows - 1) * row + 4L * (endPanel - panel) * width;
    SquaresCode code = new SquaresCode(kit.level, rows, width / kit.level.lanes());
    Frame frame = NativeScratch.frame();
    long a = Range.address(squares, first, (endGroup - group) * groupBytes);
    long b = all.address(panel, place, bytes);
    SquaresCode.squares(frame, a, groupBytes, 0, endGroup - group, p.c());
    SquaresCode.filters(frame, b, all.panelBytes, 0, endPanel - panel);
    code.result(frame, Range.address(sums, at, extent), row, 0, 1, false).call(kit.squares(code));
    Reference.reachabilityFence(squares);
  }

  /** All tiles by all filters, which are transformed where they are used. */
  void multiply() {
    int cuts = conv.cuts(groups);
    SquaresCode code = new SquaresCode(kit.level, rows, VectorLevel.VECTORS, true);
    FetchTable next = null;
    if (source != null && kit.has(code)) {
      int most = Math.ceilDiv(groups, cuts);
      long entries = code.fetches(TASK_CHANNELS, most, 1, places);
      next = source.places(conv.panelColumns, 9, p.c(), TASK_CHANNELS, entries);
    }
    FetchTable table = next;
    eachPanel(cuts, (panel, group, end, after) -> multiply(panel, group, end, table, after));
  }

  /**
   * Some groups of tiles by a panel of filters, some channels at a time: what is transformed of it
   * never leaves the second cache.
   *
   * @param next what to fetch meanwhile; null for nothing
   * @param nextPanel the panel that this thread will likely multiply by next
   */
  private void multiply(
      int panel, int group, int endGroup, @Nullable FetchTable next, int nextPanel) {
    Code filterCode = kit.winograd(Step.FILTER, conv.size);
    int width = conv.width(panel);
    int tileCount = (endGroup - group) * rows;
    long row = 4L * width;
    long sumStep = tileCount * row + LINE;
    long filterStep = row * TASK_CHANNELS + LINE;
    boolean fetches = next != null && width == conv.panelColumns;
    RightFactor from = fetches && source != null ? source : conv.filters;
    SquaresCode code = new SquaresCode(kit.level, rows, width / kit.level.lanes(), fetches);
    MemorySegment sums = NativeScratch.get(NativeScratch.Part.TILE, places * sumStep);
    MemorySegment own = NativeScratch.get(NativeScratch.Part.PANELS, places * filterStep);
    Frame frame = NativeScratch.frame();
    for (int channel = 0; channel < p.c(); channel += TASK_CHANNELS) {
      int length = Math.min(TASK_CHANNELS, p.c() - channel);
      conv.transformFilters(filterCode, from, panel, channel, length, own, 0, filterStep);
      long first = group * groupBytes + 4L * rows * channel;
      long extent = (places - 1) * step + (endGroup - group) * groupBytes - 4L * rows * channel;
      long a = Range.address(squares, first, extent);
      SquaresCode.squares(frame, a, groupBytes, step, endGroup - group, length);
      SquaresCode.filters(frame, own.address(), 0, filterStep, 1);
      if (fetches && next != null && source != null) {
        long entries = next.address(code.fetches(length, endGroup - group, 1, places));
        boolean end = channel + length == p.c();
        long column = (long) (end ? nextPanel : panel) * conv.panelColumns;
        SquaresCode.fetching(frame, entries, source.place(column, end ? 0 : channel + length));
      }
      code.result(frame, sums.address(), row, sumStep, places, channel > 0).call(kit.squares(code));
    }
    back(sums, row, sumStep, group, endGroup, panel);
    Reference.reachabilityFence(squares);
    Reference.reachabilityFence(own);
  }

  /** All filters transformed: panel by panel, place by place, [c][columns]. */
  static final class Filters {
    /** Channels that are transformed in one go. */
    private static final int BLOCK = 128;

    private final WinogradConv conv;
    private final long panelBytes;
    private final MemorySegment memory;

    Filters(WinogradConv conv) {
      this.conv = conv;
      panelBytes = conv.places * step(conv.panelColumns);
      memory = NativeScratch.get(NativeScratch.Part.PANELS, conv.panels * panelBytes);
    }

    /** Bytes from place to place of a panel. */
    private long step(int width) {
      return 4L * width * conv.p.c() + LINE;
    }

    private long address(int panel, int place, long bytes) {
      long at = panel * panelBytes + place * step(conv.width(panel));
      return Range.address(memory, at, bytes);
    }

    /** Transforms them. */
    void transform() {
      Code page = conv.kit.winograd(Step.FILTER, conv.size);
      int blocks = Math.ceilDiv(conv.p.c(), BLOCK);
      conv.workers.run(
          conv.panels * blocks, task -> transform(page, task / blocks, task % blocks * BLOCK));
    }

    private void transform(Code page, int panel, int channel) {
      int length = Math.min(BLOCK, conv.p.c() - channel);
      int width = conv.width(panel);
      long at = panel * panelBytes + 4L * width * channel;
      conv.transformFilters(page, conv.filters, panel, channel, length, memory, at, step(width));
    }
  }
}
