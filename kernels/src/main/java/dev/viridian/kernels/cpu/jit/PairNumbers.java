package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.viridian.kernels.PackedWeight;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The numbers of rows or columns that {@link PairTile} takes: both factors of a product are scaled,
 * part by part of K, so that the greatest absolute value of each row's or column's part is in [1,
 * 2). So neither decides the other's error. Scales are powers of two: nothing is rounded.
 *
 * <p>A part whose greatest is below 2^−126 counts as zero. One of 2^60 or more, or one that is not
 * finite, is nothing for {@link PairTile}: the code that scales says so by the greatest scale that
 * it met.
 */
final class PairNumbers {
  /** From here on a part cannot be scaled so that nothing overflows. */
  static final float LIMIT = PackedWeight.LIMIT;

  /** Bytes of what is told about scales: the greatest in each of eight lanes. */
  static final int GREATEST_BYTES = 32;

  private static final int BYTES = 32;
  private static final int[] CONSTANTS = {0x7FFFFFFF, 0x7F800000, 0x7F000000};

  /** Of a row's chunk, the first value of each pair: in its first half, in its second. */
  private static final MemorySegment TABLE = table();

  private final X64Assembler a;
  private final Gpr table;

  /**
   * Code appended to {@code a}.
   *
   * @param table holds the constants' address from now on
   */
  PairNumbers(X64Assembler a, Gpr table) {
    this.a = a;
    this.table = table;
    a.mov(table, TABLE.address());
  }

  private static MemorySegment table() {
    int lanes = BYTES / Integer.BYTES;
    MemorySegment table =
        Arena.global().allocate((long) BYTES * (CONSTANTS.length + PairTile.CHUNK / lanes), 64);
    for (int i = 0; i < CONSTANTS.length * lanes; i++) {
      table.setAtIndex(JAVA_INT, i, CONSTANTS[i / lanes]);
    }
    for (int k = 0; k < PairTile.CHUNK; k++) {
      table.setAtIndex(JAVA_INT, (long) CONSTANTS.length * lanes + k, PairTile.pair(k) ? -1 : 0);
    }
    return table;
  }

  /** The greatest absolute value: {@code most} and {@code value}, which is overwritten. */
  void greatest(Vec most, Vec value) {
    a.vandps(value, value, Mem.at(table));
    a.vpmaxsd(most, most, value);
  }

  /** From greatest values to their powers of two, and what makes 1 of those. */
  void scale(Vec most, Vec scale) {
    a.vandps(most, most, Mem.at(table, BYTES));
    a.vmovups(scale, Mem.at(table, 2 * BYTES));
    a.vpsubd(scale, scale, most);
  }

  /** The first value of each pair in a half of a row's chunk, zeros else. */
  void pairs(Vec to, Vec from, int half) {
    a.vandps(to, from, Mem.at(table, BYTES * (CONSTANTS.length + half)));
  }

  /** Whether all that was scaled can be multiplied by {@link PairTile}. */
  static boolean usual(MemorySegment greatest) {
    for (int i = 0; i < GREATEST_BYTES / Integer.BYTES; i++) {
      if (!(Float.intBitsToFloat(greatest.getAtIndex(JAVA_INT, i)) < LIMIT)) {
        return false;
      }
    }
    return true;
  }
}
