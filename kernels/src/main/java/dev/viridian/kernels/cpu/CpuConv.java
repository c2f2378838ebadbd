package dev.viridian.kernels.cpu;

import dev.viridian.kernels.ConvKernels;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.cpu.jit.JitPaths;
import dev.viridian.kernels.cpu.reference.ReferenceConv;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.cpu.vector.FewChannels;
import dev.viridian.kernels.cpu.vector.VectorConv;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Convolutions on the CPU, the fastest implementation first. */
final class CpuConv extends CpuFamily<ConvKernels> implements ConvKernels {
  CpuConv(Workers workers, @Nullable String forced) {
    super(
        "conv",
        forced,
        List.of(
            new Candidates.Entry<>("few", new FewChannels(workers), FewChannels::fault),
            new Candidates.Entry<>(
                JitPaths.of(forced), JitPaths.conv(workers, forced), VectorConv::fault),
            new Candidates.Entry<>("vector", new VectorConv(workers), VectorConv::fault),
            Candidates.Entry.reference(new ReferenceConv(workers))));
  }

  @Override
  public void forward(ConvProblem p, Buffer x, Buffer weight, @Nullable Buffer bias, Buffer y) {
    pick("forward", p).forward(p, x, weight, bias, y);
  }

  @Override
  public void infer(ConvProblem p, Buffer x, Buffer weight, @Nullable Buffer bias, Buffer y) {
    pick("forward", p).infer(p, x, weight, bias, y);
  }

  @Override
  public void backwardData(ConvProblem p, Buffer dy, Buffer weight, Buffer dx) {
    pick("backwardData", p).backwardData(p, dy, weight, dx);
  }

  @Override
  public void backwardFilter(ConvProblem p, Buffer x, Buffer dy, Buffer dw) {
    pick("backwardFilter", p).backwardFilter(p, x, dy, dw);
  }
}
