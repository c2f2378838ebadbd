package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;

/**
 * How keys and values of one head [tokens, dim] lie for {@link AmxAttentionCode}, as bfloat16:
 * panels of {@value AmxAttentionCode#KEYS} tokens, with zeros where none is left. Behind the values
 * of a token is a one, which adds up the weights.
 *
 * @param tokens number of tokens, 1 or more
 * @param dim values of one, 1 or more
 */
record AmxPanels(AttentionKit kit, int tokens, int dim) {
  private static final int KEYS = AmxAttentionCode.KEYS;
  private static final int COLUMNS = AmxAttentionCode.COLUMNS;

  /** Number of panels. */
  int panels() {
    return Math.ceilDiv(tokens, KEYS);
  }

  /** Steps of a key. */
  static int steps(int dim) {
    return Math.ceilDiv(dim, AmxAttentionCode.STEP);
  }

  /** Groups of columns that the values and the one behind them take. */
  int groups() {
    return Math.ceilDiv(dim + 1, COLUMNS);
  }

  /** Bytes from a panel of keys to the next. */
  long keyPanel() {
    return (long) AmxAttentionCode.KEY_STEP * steps(dim);
  }

  /** Size of all keys. */
  long keyBytes() {
    return Math.multiplyExact(panels(), keyPanel());
  }

  /** Bytes from a group of values to the next. */
  long valueGroup() {
    return (long) AmxAttentionCode.VALUE_PANEL * panels();
  }

  /** Size of all values. */
  long valueBytes() {
    return Math.multiplyExact(groups(), valueGroup());
  }

  /** Lays out the keys of a panel; the head's begin at byte {@code at}. */
  void packKeys(RightMatrix keys, int panel, MemorySegment to, long at) {
    int pairs = Math.ceilDiv(dim, 2);
    long row = 4L * KEYS;
    long from = at + panel * keyPanel();
    MemorySegment floats = NativeScratch.get(NativeScratch.Part.PANEL, 2 * row * pairs);
    floats.asSlice((2L * pairs - 1) * row, row).fill((byte) 0);
    keys.pack(kit.panels, panel * KEYS, present(panel), 0, dim, floats, 0, KEYS);
    kit.words(floats, KEYS, pairs, to, from);
    to.asSlice(from + row * pairs, keyPanel() - row * pairs).fill((byte) 0);
    Reference.reachabilityFence(floats);
  }

  /** The same for values. */
  void packValues(RightMatrix values, int panel, MemorySegment to, long at) {
    int present = present(panel);
    long row = 4L * COLUMNS;
    MemorySegment floats = NativeScratch.get(NativeScratch.Part.PANEL, row * KEYS);
    for (int g = 0; g < groups(); g++) {
      int column = g * COLUMNS;
      int width = Math.clamp(dim - column, 0, COLUMNS);
      values.pack(kit.panels, column, width, panel * KEYS, present, floats, 0, COLUMNS);
      floats.asSlice(row * present, row * (KEYS - present)).fill((byte) 0);
      if (width < COLUMNS) { // apart: a condition in the loop was compiled anew again and again
        ones(floats, 4L * width, row, present);
      }
      long panelAt = at + g * valueGroup() + (long) AmxAttentionCode.VALUE_PANEL * panel;
      kit.words(floats, COLUMNS, KEYS / 2, to, panelAt);
    }
    Reference.reachabilityFence(floats);
  }

  private static void ones(MemorySegment to, long at, long step, int count) {
    for (int i = 0; i < count; i++) {
      to.set(JAVA_FLOAT, at + step * i, 1f);
    }
  }

  private int present(int panel) {
    return Math.min(KEYS, tokens - panel * KEYS);
  }
}
