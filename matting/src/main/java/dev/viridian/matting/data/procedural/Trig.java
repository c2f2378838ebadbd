package dev.viridian.matting.data.procedural;

/** The few functions of real numbers that models use, the same to the last bit on any machine. */
final class Trig {
  private Trig() {}

  /** Cosine of an angle in turns. */
  static double cos(double turns) {
    return StrictMath.cos(2 * Math.PI * turns);
  }

  /** Sine of an angle in turns. */
  static double sin(double turns) {
    return StrictMath.sin(2 * Math.PI * turns);
  }

  /** {@code x} to the power {@code y}, 0 for what is not positive. */
  static double pow(double x, double y) {
    return x <= 0 ? 0 : StrictMath.pow(x, y);
  }

  /** From {@code a} at 0 to {@code b} at 1. */
  static double mix(double a, double b, double t) {
    return a + (b - a) * t;
  }

  /** 0 below {@code from}, 1 above {@code to}, smooth between (3t² − 2t³). */
  static double smooth(double from, double to, double x) {
    double t = Math.clamp((x - from) / (to - from), 0.0, 1.0);
    return t * t * (3 - 2 * t);
  }
}
