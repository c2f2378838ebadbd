package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.PackedWeight;
import java.lang.foreign.MemorySegment;

/** The F32 form of a {@link PackedWeight} by plain loops. */
final class ReferencePairs {
  private static final int POWERS = 4 * PackedWeight.PANEL;

  private ReferencePairs() {}

  /** Writes the packed form; all of it is zeros before. */
  static void pack(PackedWeight w, DType type, MemorySegment from, MemorySegment to) {
    for (int column = 0; column < w.panels() * PackedWeight.PANEL; column++) {
      float[] values = new float[w.channels()];
      if (column < w.out()) {
        Numbers.read(from, type, (long) column * w.channels(), 1, values, 0, w.channels());
      }
      for (int k = 0; k < w.channels(); k += w.pieceLength()) {
        boolean usual = usual(w, type, from, column / PackedWeight.PANEL, k);
        int end = k + w.pieceLength(k);
        for (int part = k; part < end; part += PackedWeight.partLength(end - k)) {
          int partEnd = Math.min(end, part + PackedWeight.partLength(end - k));
          part(w, values, column, part, partEnd, usual, to);
        }
      }
    }
  }

  /** Whether a piece of a panel has nothing but what can be multiplied in pairs. */
  private static boolean usual(
      PackedWeight w, DType type, MemorySegment from, int panel, int piece) {
    int first = panel * PackedWeight.PANEL;
    for (int column = first; column < Math.min(w.out(), first + PackedWeight.PANEL); column++) {
      for (int k = piece; k < piece + w.pieceLength(piece); k++) {
        float value = Numbers.get(from, type, (long) column * w.channels() + k);
        if (!(Math.abs(value) < PackedWeight.LIMIT)) {
          return false;
        }
      }
    }
    return true;
  }

  private static void part(
      PackedWeight w,
      float[] values,
      int column,
      int from,
      int end,
      boolean usual,
      MemorySegment to) {
    float greatest = 0;
    for (int k = from; k < end; k++) {
      greatest = Math.max(greatest, Math.abs(values[k]));
    }
    int exponent = Math.getExponent(greatest);
    boolean small = exponent < Float.MIN_EXPONENT;
    float power = !usual ? 1 : small ? 0 : Math.scalb(1f, exponent);
    float sum = usual ? 0 : Float.NaN;
    for (int k = from; k < end; k++) {
      float value = usual ? small ? 0 : Math.scalb(values[k], -exponent) : values[k];
      to.set(Numbers.FLOAT, w.at(column, k), value);
    }
    for (int k = from; k < end; k++) {
      if (PackedWeight.paired(k)) {
        sum -= to.get(Numbers.FLOAT, w.at(column, k)) * to.get(Numbers.FLOAT, w.at(column, k + 1));
      }
    }
    long numbers =
        w.numbersAt(column / PackedWeight.PANEL, from) + 4L * (column % PackedWeight.PANEL);
    to.set(Numbers.FLOAT, numbers, sum);
    to.set(Numbers.FLOAT, numbers + POWERS, power);
  }

  /** Reads the values back, [out][K]. */
  static void unpack(PackedWeight w, MemorySegment packed, double[][] values) {
    for (int column = 0; column < w.out(); column++) {
      for (int k = 0; k < w.channels(); k++) {
        long power =
            w.numbersAt(column / PackedWeight.PANEL, k)
                + 4L * (column % PackedWeight.PANEL)
                + POWERS;
        values[column][k] =
            (double) packed.get(Numbers.FLOAT, w.at(column, k)) * packed.get(Numbers.FLOAT, power);
      }
    }
  }
}
