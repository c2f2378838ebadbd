package dev.viridian.kernels;

import dev.viridian.kernels.memory.Buffer;
import org.jspecify.annotations.Nullable;

/**
 * Attention that never holds the whole score matrix, and that can also hand out a weighted column
 * of its probabilities averaged over the heads: the green column of the paper's L_g.
 *
 * <p>With e [batch, keys] the column weights and P the probabilities, {@code columnMap[b, n] =
 * (1/heads) Σ_head Σ_j e[b, j] P[b, head, n, j]}. All results are written ({@code =}).
 */
public interface AttentionKernels {
  /**
   * The forward pass.
   *
   * @param mask additive, by {@code p.mask()}; null for none
   * @param columnWeights e [batch, keys], contiguous; null if no column is wanted
   * @param lse log-sum-exp of each row of scaled, masked scores [batch, heads, queries]; null if no
   *     backward pass follows; what is written elsewhere may differ then in the last bits
   * @param columnMap [batch, queries]; null exactly when columnWeights is
   */
  void forward(
      AttentionProblem p,
      Buffer q,
      Buffer k,
      Buffer v,
      @Nullable Buffer mask,
      @Nullable Buffer columnWeights,
      Buffer out,
      @Nullable Buffer lse,
      @Nullable Buffer columnMap);

  /**
   * A forward pass that nothing follows, in the bfloat16 of {@link Precision#BF16} where a device
   * gains by it; here as it is. There {@code q · (scale · log₂ e)}, k, v and the weights {@code
   * 2^(q'·k' − whole number)} are rounded to the nearest, ties to even, sums are F32, and those of
   * a row's weights are of the rounded ones. Rows whose scores are so far apart that this would
   * show stay F32. Numbers below 2⁻¹²⁶ may count as 0.
   */
  default void forwardRounded(AttentionProblem p, Buffer q, Buffer k, Buffer v, Buffer out) {
    forward(p, q, k, v, null, null, out, null, null);
  }

  /**
   * The backward pass. With g[b, n] = dColumnMap[b, n] / heads and {@code D = Σ dOut·out + g Σ_j
   * e_j P_j} of a row: {@code dS = P ∘ (dOut vᵀ + g e − D)}, dq = scale dS k, dk = scale dSᵀ q, dv
   * = Pᵀ dOut. The mask gets no gradient.
   *
   * @param dColumnMap [batch, queries]; null if no column was taken or it has no gradient
   */
  void backward(
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
      Buffer dv);
}
