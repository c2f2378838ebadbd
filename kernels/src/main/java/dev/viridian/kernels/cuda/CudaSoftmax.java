package dev.viridian.kernels.cuda;

import dev.viridian.kernels.SoftmaxKernels;
import dev.viridian.kernels.memory.Buffer;

/** Launches softmax.cu. */
final class CudaSoftmax implements SoftmaxKernels {
  private static final String FAMILY = "softmax";

  /** Longer rows have a block of threads each, shorter ones a warp. */
  private static final int LONG_ROW = 1024;

  private static final int WARP = 32;
  private static final int WARPS = 8;
  private static final long MOST_BLOCKS = 1 << 16;

  private final CudaStorage storage;

  /** Of numbers of any storage; all but the softmax itself are F32's alone. */
  CudaSoftmax(CudaStorage storage) {
    this.storage = storage;
  }

  @Override
  public void softmax(long rows, int cols, Buffer x, Buffer y) {
    long n = elements("softmax", rows, cols);
    CudaLaunch launch = storage.launch(FAMILY, name("value", cols)).i64(rows).i32(cols);
    rows(launch.buffer(x, storage.bytes(n)).buffer(y, storage.bytes(n)), rows, cols);
  }

  @Override
  public void softmaxBackward(long rows, int cols, Buffer y, Buffer dy, Buffer dx) {
    long n = elements("softmaxBackward", rows, cols);
    rows(begin("backward", rows, cols).floats(y, n).floats(dy, n).floats(dx, n), rows, cols);
  }

  @Override
  public void logSoftmax(long rows, int cols, Buffer x, Buffer y) {
    long n = elements("logSoftmax", rows, cols);
    rows(begin("log_value", rows, cols).floats(x, n).floats(y, n), rows, cols);
  }

  @Override
  public void logSoftmaxBackward(long rows, int cols, Buffer y, Buffer dy, Buffer dx) {
    long n = elements("logSoftmaxBackward", rows, cols);
    rows(begin("log_backward", rows, cols).floats(y, n).floats(dy, n).floats(dx, n), rows, cols);
  }

  @Override
  public void logSumExp(long rows, int cols, Buffer x, Buffer y) {
    long n = elements("logSumExp", rows, cols);
    rows(begin("log_sum_exp", rows, cols).floats(x, n).floats(y, rows), rows, cols);
  }

  private static long elements(String name, long rows, int cols) {
    if (rows < 0 || cols < 1) {
      throw new IllegalArgumentException(
          name + ": expected rows >= 0 and cols >= 1, got " + rows + " and " + cols);
    }
    return Math.multiplyExact(rows, cols);
  }

  private CudaLaunch begin(String kernel, long rows, int cols) {
    return storage.wide(FAMILY, name(kernel, cols)).i64(rows).i32(cols);
  }

  private static String name(String kernel, int cols) {
    return kernel + (cols > LONG_ROW ? "_block" : "_warp");
  }

  private static void rows(CudaLaunch launch, long rows, int cols) {
    if (cols > LONG_ROW) {
      launch.blocks(Math.min(rows, MOST_BLOCKS), WARP * WARPS);
    } else {
      launch.blocks(Math.min((rows + WARPS - 1) / WARPS, MOST_BLOCKS), 1, WARP, WARPS);
    }
  }
}
