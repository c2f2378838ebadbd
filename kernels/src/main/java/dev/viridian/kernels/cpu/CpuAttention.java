package dev.viridian.kernels.cpu;

import dev.viridian.kernels.AttentionKernels;
import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.cpu.jit.JitPaths;
import dev.viridian.kernels.cpu.reference.ReferenceAttention;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.cpu.vector.VectorAttention;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Attention on the CPU, the fastest implementation first. */
final class CpuAttention extends CpuFamily<AttentionKernels> implements AttentionKernels {
  CpuAttention(Workers workers, @Nullable String forced) {
    super(
        "attention",
        forced,
        List.of(
            new Candidates.Entry<>(
                JitPaths.of(forced), JitPaths.attention(workers, forced), VectorAttention::fault),
            new Candidates.Entry<>("vector", new VectorAttention(workers), VectorAttention::fault),
            Candidates.Entry.reference(new ReferenceAttention(workers))));
  }

  @Override
  public void forward(AttentionProblem p, Inputs in, Results to) {
    pick("forward", p).forward(p, in, to);
  }

  @Override
  public void forwardRounded(AttentionProblem p, Inputs in, Results to) {
    pick("forwardRounded", p).forwardRounded(p, in, to);
  }

  @Override
  public void backward(AttentionProblem p, Inputs in, Results of, Gradients g) {
    pick("backward", p).backward(p, in, of, g);
  }
}
