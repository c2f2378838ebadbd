package dev.viridian.engine.io;

/**
 * A pickle is not sound, or asks for what no weight file needs; the text says what, in one line.
 */
final class PickleException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  PickleException(String message) {
    super(message);
  }
}
