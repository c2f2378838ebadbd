package dev.viridian.kernels.cpu.jit;

import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.cpu.jit.WinogradCode.Step;
import dev.viridian.kernels.cpu.threads.Workers;
import java.lang.foreign.MemorySegment;

/**
 * The transformed squares of some tiles of a {@link WinogradConv}: place by place, group by group
 * of tiles, all groups of as many.
 */
abstract class TileSquares {
  static final int LINE = WinogradConv.LINE;

  final WinogradConv conv;
  final Workers workers;
  final Kit kit;
  final ConvProblem p;
  final int places;
  final int firstTile;

  /** Tiles; what is left of the last group are zeros. */
  final int count;

  /** Tiles of a group. */
  final int rows;

  final int groups;

  /** Bytes of a group at a place. */
  final long groupBytes;

  /** Bytes from place to place. */
  final long step;

  /** Tiles from {@code firstTile} on, in groups of at most {@code mostRows}. */
  TileSquares(WinogradConv conv, int firstTile, int count, int mostRows) {
    this.conv = conv;
    this.firstTile = firstTile;
    this.count = count;
    workers = conv.workers;
    kit = conv.kit;
    p = conv.p;
    places = conv.places;
    groups = Math.ceilDiv(count, mostRows);
    rows = Math.ceilDiv(count, groups);
    groupBytes = 4L * rows * p.c();
    step = groups * groupBytes + LINE;
  }

  /** Multiplies groups {@code group} to {@code endGroup − 1} by a panel of filters. */
  interface Task {
    /** {@code nextPanel} is what this thread will likely multiply by next. */
    void run(int panel, int group, int endGroup, int nextPanel);
  }

  /** Runs tasks for all panels and all groups, the groups cut into some pieces. */
  final void eachPanel(int cuts, Task task) {
    workers.run(
        conv.panels * cuts,
        index -> {
          int cut = index % cuts;
          int group = (int) ((long) groups * cut / cuts);
          int endGroup = (int) ((long) groups * (cut + 1) / cuts);
          task.run(index / cuts, group, endGroup, (index + workers.threadCount()) / cuts);
        });
  }

  /** Transforms the sums of some groups and a panel back into the result. */
  final void back(MemorySegment sums, long row, long sumStep, int group, int endGroup, int panel) {
    Code output = kit.winograd(Step.OUTPUT, conv.size);
    int tile = group * rows;
    for (int i = 0; i < Math.min((endGroup - group) * rows, count - tile); i++) {
      conv.back(output, sums, i * row, sumStep, firstTile + tile + i, panel);
    }
  }
}
