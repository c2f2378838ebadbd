package dev.viridian.kernels.cpu;

import dev.viridian.kernels.ReduceKernels;
import dev.viridian.kernels.cpu.reference.ReferenceReduce;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.cpu.vector.VectorReduce;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reductions on the CPU, the fastest implementation first. */
final class CpuReduce extends CpuFamily<ReduceKernels> implements ReduceKernels {
  CpuReduce(Workers workers, @Nullable String forced) {
    super(
        "reduce",
        forced,
        List.of(
            new Candidates.Entry<>("vector", new VectorReduce(workers), VectorReduce::fault),
            Candidates.Entry.reference(new ReferenceReduce())));
  }

  @Override
  public void sum(Problem p, float scale, Buffer x, Buffer y) {
    pick("sum", p).sum(p, scale, x, y);
  }

  @Override
  public void variance(Problem p, int correction, Buffer x, Buffer mean, Buffer y) {
    pick("variance", p).variance(p, correction, x, mean, y);
  }

  @Override
  public void norm2(Problem p, Buffer x, Buffer y) {
    pick("norm2", p).norm2(p, x, y);
  }

  @Override
  public void max(Problem p, Buffer x, Buffer y, @Nullable Buffer index) {
    pick("max", p).max(p, x, y, index);
  }

  @Override
  public void min(Problem p, Buffer x, Buffer y, @Nullable Buffer index) {
    pick("min", p).min(p, x, y, index);
  }

  @Override
  public void cumulativeSum(Problem p, boolean reverse, Buffer x, Buffer y) {
    pick("cumulativeSum", p).cumulativeSum(p, reverse, x, y);
  }

  @Override
  public void cumulativeProduct(Problem p, Buffer x, Buffer y) {
    pick("cumulativeProduct", p).cumulativeProduct(p, x, y);
  }

  @Override
  public void cumulativeProductBackward(Problem p, Buffer x, Buffer dy, Buffer dx) {
    pick("cumulativeProductBackward", p).cumulativeProductBackward(p, x, dy, dx);
  }
}
