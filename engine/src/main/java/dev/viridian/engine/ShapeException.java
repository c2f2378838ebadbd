package dev.viridian.engine;

/**
 * Shapes or types that do not fit; the message names the operation, the argument and both sides.
 */
public final class ShapeException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  /** What does not fit, in one line. */
  public ShapeException(String message) {
    super(message);
  }
}
