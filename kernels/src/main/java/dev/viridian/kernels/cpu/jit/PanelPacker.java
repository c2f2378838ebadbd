package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.cpu.jit.PanelStepCode.Step;
import java.lang.foreign.MemorySegment;

/** Packs the panels of a weight, some values of K at a time, through floats in the first cache. */
final class PanelPacker {
  /** Values of K at a time, whole groups. */
  private static final int BLOCK = 256;

  private static final int PANEL = PackedWeight.PANEL;
  private static final int ROW = 4 * PANEL;

  private final DotKit kit;
  private final PackedWeight w;
  private final RightMatrix matrix;
  private final MemorySegment packed;

  /**
   * From a weight [out, taps, channels].
   *
   * @param packed of {@link PackedWeight#bytes}, as the weight checked by the caller
   */
  PanelPacker(DotKit kit, PackedWeight w, DType type, MemorySegment weight, MemorySegment packed) {
    this.kit = kit;
    this.w = w;
    this.packed = packed;
    matrix = new RightMatrix(weight, type, 0, (long) w.taps() * w.channels(), true);
  }

  /** What is done with a block of floats. */
  private interface Block {
    void take(MemorySegment floats, int k, int count);
  }

  /** Packs a panel; others may pack other panels meanwhile. */
  void pack(int panel) {
    Frame frame = NativeScratch.frame();
    long to = Range.address(packed, panel * w.panelBytes(), w.panelBytes());
    if (kit.type == DotType.BF16) {
      PanelStepCode pair = new PanelStepCode(Step.PAIR);
      Code code = kit.step(Step.PAIR);
      blocks(
          panel,
          (floats, k, count) ->
              pair.run(code, frame, floats.address(), to + (long) ROW * (k / 2), count / 2, 0, 0));
      return;
    }
    MemorySegment columns = NativeScratch.get(NativeScratch.Part.TILE, ROW);
    columns.asSlice(0, ROW).fill((byte) 0);
    PanelStepCode greatest = new PanelStepCode(Step.GREATEST);
    Code greatestCode = kit.step(Step.GREATEST);
    long at = columns.address();
    blocks(
        panel,
        (floats, k, count) -> greatest.run(greatestCode, frame, floats.address(), 0, count, at, 0));
    long scales = w.scalesAt() + (long) ROW * panel;
    for (int j = 0; j < PANEL; j++) {
      float most = columns.getAtIndex(JAVA_FLOAT, j);
      packed.set(JAVA_FLOAT, scales + 4L * j, most / 127);
      columns.setAtIndex(JAVA_FLOAT, j, most == 0 ? 0 : 127 / most);
    }
    long sums = w.sumsAt() + (long) ROW * panel;
    packed.asSlice(sums, ROW).fill((byte) 0);
    long sumsAt = Range.address(packed, sums, ROW);
    PanelStepCode fours = new PanelStepCode(Step.FOURS);
    Code foursCode = kit.step(Step.FOURS);
    blocks(
        panel,
        (floats, k, count) ->
            fours.run(
                foursCode,
                frame,
                floats.address(),
                to + (long) ROW * (k / 4),
                count / 4,
                at,
                sumsAt));
  }

  /** Reads a panel block by block, as floats. */
  private void blocks(int panel, Block block) {
    int column = panel * PANEL;
    int present = Math.min(PANEL, w.out() - column);
    boolean whole = w.channels() == w.tapLength();
    int runs = whole ? 1 : w.taps();
    int run = whole ? w.depth() : w.tapLength();
    int given = whole ? w.depth() : w.channels();
    MemorySegment floats = NativeScratch.get(NativeScratch.Part.PANEL, (long) ROW * BLOCK);
    for (int r = 0; r < runs; r++) {
      for (int k = 0; k < run; k += BLOCK) {
        int count = Math.min(BLOCK, run - k);
        int there = Math.min(count, given - k);
        matrix.pack(kit.floats, column, present, r * given + k, there, floats, 0, PANEL);
        floats.asSlice((long) ROW * there, (long) ROW * (count - there)).fill((byte) 0);
        block.take(floats, r * run + k, count);
      }
    }
  }
}
