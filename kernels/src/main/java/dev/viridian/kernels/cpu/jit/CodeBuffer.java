package dev.viridian.kernels.cpu.jit;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Machine code while it is written: its bytes, places in it, and the distances to those. */
class CodeBuffer {
  /** A place in the code that jumps can name before it is known. */
  static final class Label {
    private int at = -1;

    private Label() {}
  }

  private record Reference(int at, Label target) {}

  private byte[] bytes = new byte[4096];
  private int size;
  private final List<Reference> references = new ArrayList<>();

  /** How many bytes have been written. */
  final int size() {
    return size;
  }

  /** Appends the lowest byte of each value. */
  final void bytes(int... values) {
    for (int value : values) {
      if (size == bytes.length) {
        bytes = Arrays.copyOf(bytes, 2 * size);
      }
      bytes[size++] = (byte) value;
    }
  }

  /** Appends 16 bits, the lowest byte first. */
  final void int16(int value) {
    bytes(value, value >> 8);
  }

  /** Appends 32 bits, the lowest byte first. */
  final void int32(int value) {
    bytes(value, value >> 8, value >> 16, value >> 24);
  }

  /** Appends 64 bits, the lowest byte first. */
  final void int64(long value) {
    int32((int) value);
    int32((int) (value >> 32));
  }

  /** A place not known yet. */
  final Label label() {
    return new Label();
  }

  /** Puts a label here. */
  final void bind(Label label) {
    if (label.at >= 0) {
      throw new IllegalStateException("a label was bound twice");
    }
    label.at = size;
  }

  /** A label here. */
  final Label here() {
    Label label = new Label();
    bind(label);
    return label;
  }

  /** Appends the distance of a label from the end of these 32 bits. */
  final void distanceTo(Label label) {
    references.add(new Reference(size, label));
    int32(0);
  }

  /**
   * The finished code.
   *
   * @throws IllegalStateException if a label that is named was never bound
   */
  final byte[] code() {
    byte[] code = Arrays.copyOf(bytes, size);
    for (Reference r : references) {
      if (r.target.at < 0) {
        throw new IllegalStateException("a label was never bound");
      }
      int distance = r.target.at - (r.at + 4);
      for (int i = 0; i < 4; i++) {
        code[r.at + i] = (byte) (distance >> 8 * i);
      }
    }
    return code;
  }
}
