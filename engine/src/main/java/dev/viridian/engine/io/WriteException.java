package dev.viridian.engine.io;

import java.io.IOException;
import java.io.UncheckedIOException;

/**
 * A file could not be written although its place was sound when the work began: the disk is full,
 * the device failed. Unlike {@link dev.viridian.engine.InputException} this is nobody's mistake;
 * the message is one line all the same.
 */
public final class WriteException extends UncheckedIOException {
  private static final long serialVersionUID = 1L;

  /** What failed, in one line, and why. */
  public WriteException(String message, IOException cause) {
    super(message, cause);
  }
}
