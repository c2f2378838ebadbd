package dev.viridian.matting.train;

/** Cuts and mirrors pictures while they are put into a batch. Stateless. */
final class Pixels {
  private Pixels() {}

  /**
   * Copies a square out of a picture.
   *
   * @param from [side, side, channels]
   * @param to pixels along a side of the square
   * @param target where it goes, at index {@code at}
   */
  static void copy(
      float[] from,
      int side,
      int top,
      int left,
      int channels,
      int to,
      boolean mirrored,
      float[] target,
      int at) {
    for (int y = 0; y < to; y++) {
      int row = ((top + y) * side + left) * channels;
      int out = at + y * to * channels;
      if (!mirrored) {
        System.arraycopy(from, row, target, out, to * channels);
        continue;
      }
      for (int x = 0; x < to; x++) {
        System.arraycopy(from, row + (to - 1 - x) * channels, target, out + x * channels, channels);
      }
    }
  }
}
