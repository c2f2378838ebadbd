package dev.viridian.kernels.cpu;

import dev.viridian.kernels.CopyKernels;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.cpu.jit.JitCopy;
import dev.viridian.kernels.cpu.reference.ReferenceCopy;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.cpu.vector.VectorCopy;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Copies on the CPU, the fastest implementation first. */
final class CpuCopy extends CpuFamily<CopyKernels> implements CopyKernels {
  CpuCopy(Workers workers, @Nullable String forced) {
    super(
        "copy",
        forced,
        List.of(
            new Candidates.Entry<>("jit", new JitCopy(workers), VectorCopy::turnedFault),
            new Candidates.Entry<>("vector", new VectorCopy(workers), VectorCopy::fault),
            Candidates.Entry.reference(new ReferenceCopy())));
  }

  @Override
  public void copy(Copy p, Buffer source, Buffer target) {
    pick("copy", p).copy(p, source, target);
  }

  @Override
  public void copyAdd(Copy p, Buffer source, Buffer target) {
    pick("copyAdd", p).copyAdd(p, source, target);
  }

  @Override
  public void fill(DType type, long n, double value, Buffer x) {
    pick("fill", n).fill(type, n, value, x);
  }

  @Override
  public void select(Indexed p, DType values, Buffer x, Buffer index, Buffer y) {
    pick("select", p).select(p, values, x, index, y);
  }

  @Override
  public void selectAdd(Indexed p, Buffer y, Buffer index, Buffer x) {
    pick("selectAdd", p).selectAdd(p, y, index, x);
  }

  @Override
  public void gather(Indexed p, Buffer x, Buffer index, Buffer y) {
    pick("gather", p).gather(p, x, index, y);
  }

  @Override
  public void scatterAdd(Indexed p, Buffer y, Buffer index, Buffer x) {
    pick("scatterAdd", p).scatterAdd(p, y, index, x);
  }
}
