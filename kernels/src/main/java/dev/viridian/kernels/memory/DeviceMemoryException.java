package dev.viridian.kernels.memory;

/** There was not enough memory on a device. The message says what was needed and what helps. */
public final class DeviceMemoryException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Not enough memory, in one line. */
  public DeviceMemoryException(String message) {
    super(message);
  }

  /** Not enough memory, in one line, and the system's own words. */
  public DeviceMemoryException(String message, Throwable cause) {
    super(message, cause);
  }
}
