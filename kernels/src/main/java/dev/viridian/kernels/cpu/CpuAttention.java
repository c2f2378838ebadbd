package dev.viridian.kernels.cpu;

import dev.viridian.kernels.AttentionKernels;
import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.cpu.jit.JitPaths;
import dev.viridian.kernels.cpu.reference.ReferenceAttention;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.cpu.vector.VectorAttention;
import dev.viridian.kernels.memory.Buffer;
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
  public void forward(
      AttentionProblem p,
      Buffer q,
      Buffer k,
      Buffer v,
      @Nullable Buffer mask,
      @Nullable Buffer columnWeights,
      Buffer out,
      @Nullable Buffer lse,
      @Nullable Buffer columnMap) {
    pick("forward", p).forward(p, q, k, v, mask, columnWeights, out, lse, columnMap);
  }

  @Override
  public void forwardRounded(AttentionProblem p, Buffer q, Buffer k, Buffer v, Buffer out) {
    pick("forwardRounded", p).forwardRounded(p, q, k, v, out);
  }

  @Override
  public void backward(
      AttentionProblem p,
      Buffer q,
      Buffer k,
      Buffer v,
      @Nullable Buffer mask,
      @Nullable Buffer columnWeights,
      Buffer out,
      Buffer lse,
      Buffer dOut,
      @Nullable Buffer dColumnMap,
      Buffer dq,
      Buffer dk,
      Buffer dv) {
    pick("backward", p)
        .backward(p, q, k, v, mask, columnWeights, out, lse, dOut, dColumnMap, dq, dk, dv);
  }
}
