package dev.viridian.kernels.cpu.jit;

import dev.viridian.kernels.cpu.jit.WinogradCode.Step;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Some tiles of a {@link WinogradConv}, multiplied by {@link PairTile}. Squares lie place by place,
 * group by group of tiles, as {@link PairRowsCode} copies them; their numbers behind all of them.
 * Filters are transformed and scaled where they are used, a part of the channels of a panel at a
 * time.
 */
final class PairSquares extends TileSquares {
  /** Most chunks of a part: filtering adds errors of its own, so these sums are shorter. */
  private static final int PART = 2;

  /** Parts of a panel's channels that are multiplied in one go. */
  private static final int TASK_PARTS = 3;

  /** Channels that are transformed before they are copied: they stay in the second cache. */
  private static final int SLICE = 320;

  private final int partChunks;
  private final int partValues;
  private final long numberBytes;
  private final MemorySegment squares;
  private final AtomicBoolean usual = new AtomicBoolean(true);

  PairSquares(WinogradConv conv, int firstTile, int count) {
    super(conv, firstTile, count, PairTile.ROWS);
    partChunks = PairTile.partChunks(p.c(), PART);
    partValues = partChunks * PairTile.CHUNK;
    int parts = Math.ceilDiv(p.c(), partValues);
    numberBytes = (long) PairTile.ROW_NUMBERS * rows * parts + PairTile.ROW_NUMBERS_END;
    long bytes = places * (step + groups * numberBytes);
    squares = NativeScratch.get(NativeScratch.Part.SQUARES, bytes);
  }

  /**
   * Computes the tiles.
   *
   * @return false if a square or a filter is nothing for {@link PairTile}: then the result is not
   *     to be used
   */
  boolean run() {
    workers.run(groups, this::transform);
    if (usual.get()) {
      eachPanel(conv.cuts(groups), (panel, group, end, next) -> multiply(panel, group, end));
    }
    Reference.reachabilityFence(squares);
    return usual.get();
  }

  private long values(int place, int group) {
    return squares.address() + place * step + group * groupBytes;
  }

  private long numbers(int place, int group) {
    return values(places, 0) + ((long) place * groups + group) * numberBytes;
  }

  /** Transforms a group of tiles and copies it, some channels at a time. */
  private void transform(int group) {
    Code input = kit.winograd(Step.INPUT, conv.size);
    int slice = Math.min(p.c(), Math.max(1, SLICE / partValues) * partValues);
    long row = 4L * slice + LINE;
    long placeBytes = rows * row;
    MemorySegment raw = NativeScratch.get(NativeScratch.Part.TILE, places * placeBytes);
    MemorySegment greatest =
        NativeScratch.get(NativeScratch.Part.GREATEST, PairNumbers.GREATEST_BYTES);
    Frame frame = NativeScratch.frame();
    for (int channel = 0; channel < p.c(); channel += slice) {
      int length = Math.min(slice, p.c() - channel);
      for (int i = 0; i < rows; i++) {
        int tile = group * rows + i;
        MemorySegment table = conv.pixels(firstTile + tile, tile < count, channel);
        long to = raw.address() + i * row;
        WinogradCode.run(input, frame, table.address(), 0, to, placeBytes, LINE, 4 * length, 0);
      }
      RowTable table = new RowTable(rows, PairTile.ROWS, 1);
      for (int i = 0; i < rows; i++) {
        table.set(i, 0, raw.address() + i * row);
      }
      for (int place = 0; place < places; place++) {
        long number = (long) PairTile.ROW_NUMBERS * rows * (channel / partValues);
        PairRowsCode.run(
            kit.pairRows(),
            frame,
            table.address(0, 0),
            Math.toIntExact(place * placeBytes / Float.BYTES),
            rows,
            length,
            partChunks,
            values(place, group) + 4L * rows * channel,
            numbers(place, group) + number,
            greatest.address());
        if (!PairNumbers.usual(greatest)) {
          usual.set(false);
        }
      }
    }
    Reference.reachabilityFence(raw);
  }

  /** Some groups of tiles by a panel of filters. */
  private void multiply(int panel, int group, int endGroup) {
    Code filterCode = kit.winograd(Step.FILTER, conv.size);
    int width = conv.width(panel);
    int tileCount = (endGroup - group) * rows;
    long row = 4L * width;
    long sumStep = tileCount * row + LINE;
    int taskValues = TASK_PARTS * partValues;
    long filterStep = row * taskValues + LINE;
    long filterNumbers = 2 * row * TASK_PARTS;
    PairTile code = new PairTile(rows, width / kit.level.lanes(), false);
    MemorySegment sums = NativeScratch.get(NativeScratch.Part.TILE, places * sumStep);
    MemorySegment own =
        NativeScratch.get(NativeScratch.Part.PANELS, places * (filterStep + filterNumbers));
    long numbers = own.address() + places * filterStep;
    Frame frame = NativeScratch.frame();
    for (int channel = 0; channel < p.c() && usual.get(); channel += taskValues) {
      int length = Math.min(taskValues, p.c() - channel);
      conv.transformFilters(filterCode, conv.filters, panel, channel, length, own, 0, filterStep);
      if (!PairColumnsCode.scale(
          kit, own.address(), filterStep, places, width, length, partChunks, numbers)) {
        usual.set(false);
      }
      long partNumbers = 2 * row * Math.ceilDiv(length, partValues);
      long number = (long) PairTile.ROW_NUMBERS * rows * (channel / partValues);
      PairTile.left(
          frame,
          values(0, group) + 4L * rows * channel,
          groupBytes,
          step,
          numbers(0, group) + number,
          numberBytes,
          groups * numberBytes);
      PairTile.right(frame, length, partChunks, own.address(), filterStep, numbers, partNumbers);
      code.result(frame, sums.address(), row, sumStep, endGroup - group, places, channel > 0)
          .call(kit.pairTile(code));
    }
    back(sums, row, sumStep, group, endGroup, panel);
    Reference.reachabilityFence(own);
  }
}
