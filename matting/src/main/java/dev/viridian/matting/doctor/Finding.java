package dev.viridian.matting.doctor;

import java.util.Locale;

/**
 * One thing that was looked at.
 *
 * @param name what: {@code jdk}, {@code vectors}, {@code cuda driver}, …
 * @param state how it stands
 * @param found what was found, in one line
 * @param advice what to do, in one line; empty where nothing is to be done
 */
public record Finding(String name, State state, String found, String advice) {
  /** How a thing stands. */
  public enum State {
    /** As it should be. */
    OK,
    /** Not there; the work is done without it, slower or in a smaller way. */
    ABSENT,
    /** Has to be mended before the work can be done. */
    WRONG;

    /** In lower case, as printed. */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  static Finding ok(String name, String found) {
    return new Finding(name, State.OK, found, "");
  }
}
