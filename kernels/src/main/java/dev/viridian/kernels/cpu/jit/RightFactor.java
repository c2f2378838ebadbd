package dev.viridian.kernels.cpu.jit;

import java.lang.foreign.MemorySegment;

/** The right factor of a product, which is copied into panels. */
interface RightFactor {
  /**
   * Copies values {@code k} to {@code k + count − 1} of some columns.
   *
   * @param panel memory of the panel
   * @param at its byte where value k of the first column goes
   * @param width columns of the panel, a multiple of eight; those beyond {@code present} are filled
   *     with zeros
   */
  void pack(
      Kit kit, int column, int present, int k, int count, MemorySegment panel, long at, int width);
}
