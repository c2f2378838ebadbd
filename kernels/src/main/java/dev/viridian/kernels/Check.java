package dev.viridian.kernels;

/** Argument checks of problem records: a kernel may trust a problem that exists. */
final class Check {
  private Check() {}

  static void positive(String record, String name, long value) {
    if (value < 1) {
      throw new IllegalArgumentException(
          record + ": " + name + " must be at least 1, got " + value);
    }
  }

  static void notNegative(String record, String name, long value) {
    if (value < 0) {
      throw new IllegalArgumentException(
          record + ": " + name + " must not be negative, got " + value);
    }
  }

  static void that(boolean condition, String record, String message) {
    if (!condition) {
      throw new IllegalArgumentException(record + ": " + message);
    }
  }
}
