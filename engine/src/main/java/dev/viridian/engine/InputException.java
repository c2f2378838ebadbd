package dev.viridian.engine;

/**
 * Something that the caller gave is wrong: a file, a flag, a value. The message is one line that
 * names the thing, what was found, what was expected and, where it can, what helps.
 *
 * <p>The command line prints the message alone and ends with exit code 2; every other exception
 * ends it with 1.
 */
public class InputException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** A wrong input, said in one line. */
  public InputException(String message) {
    super(message);
  }

  /** A wrong input, said in one line, and what revealed it. */
  public InputException(String message, Throwable cause) {
    super(message, cause);
  }
}
