package dev.viridian.kernels.cpu.vector;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The patches of a channels-last map, without ever being stored: the row of pixel (image, y, x) of
 * a grid holds, tap by tap, the channels of the map's pixel {@code (y·stepY + tapY, x·stepX +
 * tapX)} of that image, zeros where there is none.
 *
 * @param h rows of the map
 * @param pitch distance of the map's pixels
 * @param channel first channel to read
 * @param channels how many
 */
record Patches(
    MemorySegment map,
    int h,
    int w,
    int pitch,
    int channel,
    int channels,
    int gridH,
    int gridW,
    int stepY,
    int stepX,
    int[] tapY,
    int[] tapX) {

  /** Length of a row. */
  int length() {
    return Math.multiplyExact(tapY.length, channels);
  }

  /** Reads {@code count} values from {@code from} on of each of some rows. */
  void read(int row, int rows, int from, int count, float[] to, int at, int stride) {
    int x = row % gridW;
    int y = row / gridW % gridH;
    int image = row / gridW / gridH;
    int firstTap = from / channels;
    int firstChannel = from % channels;
    for (int i = 0; i < rows; i++) {
      long base = (long) image * h;
      int tap = firstTap;
      int skip = firstChannel;
      int target = at + i * stride;
      int end = target + count;
      while (target < end) {
        int run = Math.min(channels - skip, end - target);
        if (inside(tap, y, x)) {
          int sourceY = y * stepY + tapY[tap];
          int sourceX = x * stepX + tapX[tap];
          long source = ((base + sourceY) * w + sourceX) * pitch + channel + skip;
          // Neighbours in a row of the map lie next to each other.
          while (target + run < end && continues(tap) && inside(tap + 1, y, x)) {
            run += Math.min(channels, end - target - run);
            tap++;
          }
          FloatRuns.readFloats(map, source, to, target, run);
        } else {
          Arrays.fill(to, target, target + run, 0f);
        }
        target += run;
        skip = 0;
        tap++;
      }
      if (++x == gridW) {
        x = 0;
        if (++y == gridH) {
          y = 0;
          image++;
        }
      }
    }
  }

  private boolean inside(int tap, int y, int x) {
    int sourceY = y * stepY + tapY[tap];
    int sourceX = x * stepX + tapX[tap];
    return sourceY >= 0 && sourceY < h && sourceX >= 0 && sourceX < w;
  }

  /** Whether the values of the next tap follow those of a tap in memory. */
  private boolean continues(int tap) {
    return channels == pitch
        && tap + 1 < tapY.length
        && tapY[tap + 1] == tapY[tap]
        && tapX[tap + 1] == tapX[tap] + 1;
  }

  /** A factor whose rows are pixels. */
  Operand pixels() {
    return new View(this, true);
  }

  /** A factor whose rows are the places of a patch, and whose k are pixels. */
  Operand places() {
    return new View(this, false);
  }

  private record View(Patches patches, boolean alongK) implements Operand {
    @Override
    public void read(int row, int rows, int k, int count, float[] to, int at, int stride) {
      if (alongK) {
        patches.read(row, rows, k, count, to, at, stride);
      } else {
        patches.read(k, count, row, rows, to, at, stride);
      }
    }
  }
}
