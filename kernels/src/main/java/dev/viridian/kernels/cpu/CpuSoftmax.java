package dev.viridian.kernels.cpu;

import dev.viridian.kernels.SoftmaxKernels;
import dev.viridian.kernels.cpu.reference.ReferenceSoftmax;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.cpu.vector.VectorSoftmax;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Softmax and its kin on the CPU, the fastest implementation first. */
final class CpuSoftmax extends CpuFamily<SoftmaxKernels> implements SoftmaxKernels {
  CpuSoftmax(Workers workers, @Nullable String forced) {
    super(
        "softmax",
        forced,
        List.of(
            new Candidates.Entry<>("vector", new VectorSoftmax(workers), VectorSoftmax::fault),
            Candidates.Entry.reference(new ReferenceSoftmax())));
  }

  @Override
  public void softmax(long rows, int cols, Buffer x, Buffer y) {
    pick("softmax", cols).softmax(rows, cols, x, y);
  }

  @Override
  public void softmaxBackward(long rows, int cols, Buffer y, Buffer dy, Buffer dx) {
    pick("softmaxBackward", cols).softmaxBackward(rows, cols, y, dy, dx);
  }

  @Override
  public void logSoftmax(long rows, int cols, Buffer x, Buffer y) {
    pick("logSoftmax", cols).logSoftmax(rows, cols, x, y);
  }

  @Override
  public void logSoftmaxBackward(long rows, int cols, Buffer y, Buffer dy, Buffer dx) {
    pick("logSoftmaxBackward", cols).logSoftmaxBackward(rows, cols, y, dy, dx);
  }

  @Override
  public void logSumExp(long rows, int cols, Buffer x, Buffer y) {
    pick("logSumExp", cols).logSumExp(rows, cols, x, y);
  }
}
