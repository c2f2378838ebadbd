package dev.viridian.kernels.cuda;

/** A CUDA device, driver or library refused something. One line: the call, and why. */
public final class CudaFailure extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** A failure, in one line. */
  public CudaFailure(String message) {
    super(message);
  }

  /** A failure, in one line, and what led to it. */
  public CudaFailure(String message, Throwable cause) {
    super(message, cause);
  }
}
