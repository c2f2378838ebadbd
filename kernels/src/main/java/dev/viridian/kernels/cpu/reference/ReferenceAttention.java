package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.AttentionKernels;
import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.memory.Buffer;
import org.jspecify.annotations.Nullable;

/** Attention by plain loops. */
public final class ReferenceAttention implements AttentionKernels {
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
    throw new UnsupportedOperationException("Attention.forward");
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
    throw new UnsupportedOperationException("Attention.backward");
  }
}
