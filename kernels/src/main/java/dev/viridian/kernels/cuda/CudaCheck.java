package dev.viridian.kernels.cuda;

import jcuda.driver.JCudaDriver;

/** Turns return codes into errors that name the call. */
final class CudaCheck {
  /** CUDA_ERROR_OUT_OF_MEMORY. */
  static final int OUT_OF_MEMORY = 2;

  private CudaCheck() {}

  /** Fails unless a call of the driver succeeded. */
  static void driver(int result, String call) {
    if (result != 0) {
      throw new CudaFailure("CUDA: " + call + " failed: " + describe(result));
    }
  }

  /** A result's name, number and meaning. */
  static String describe(int result) {
    String[] name = new String[1];
    String[] text = new String[1];
    JCudaDriver.cuGetErrorName(result, name);
    JCudaDriver.cuGetErrorString(result, text);
    String known = name[0] == null ? "unknown error" : name[0];
    boolean more = text[0] != null && !text[0].equals(known);
    return known + " (" + result + ")" + (more ? ": " + text[0] : "");
  }

  /** Fails unless a call of cuBLAS succeeded. */
  static void cublas(int status, String call) {
    if (status != 0) {
      throw new CudaFailure(
          "CUDA: " + call + " failed: " + jcuda.jcublas.cublasStatus.stringFor(status));
    }
  }
}
