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
   * What every pass reads.
   *
   * @param q by {@code p.q()}; k and v by theirs
   * @param mask additive, by {@code p.mask()}; null for none
   * @param columnWeights e [batch, keys], contiguous; null if no column is wanted
   */
  record Inputs(
      Buffer q, Buffer k, Buffer v, @Nullable Buffer mask, @Nullable Buffer columnWeights) {
    /** Neither mask nor column. */
    public Inputs(Buffer q, Buffer k, Buffer v) {
      this(q, k, v, null, null);
    }
  }

  /**
   * What a forward pass writes and its backward pass reads again.
   *
   * @param out by {@code p.out()}
   * @param lse log-sum-exp of each row of scaled, masked scores [batch, heads, queries]; null if no
   *     backward pass follows; what is written elsewhere may differ then in the last bits
   * @param columnMap [batch, queries]; null if no column is wanted; a backward pass does not read
   *     it
   */
  record Results(Buffer out, @Nullable Buffer lse, @Nullable Buffer columnMap) {
    /** Of a pass that nothing follows, without a column. */
    public Results(Buffer out) {
      this(out, null, null);
    }
  }

  /**
   * Gradients: of the results, which are read, and of q, k and v, which are written.
   *
   * @param dOut by {@code p.out()}
   * @param dColumnMap [batch, queries]; null if no column was taken or it has no gradient
   * @param dq by {@code p.q()}; dk and dv by k's and v's
   */
  record Gradients(Buffer dOut, @Nullable Buffer dColumnMap, Buffer dq, Buffer dk, Buffer dv) {}

  /** The forward pass. Column weights and map are both given or both not. */
  void forward(AttentionProblem p, Inputs in, Results to);

  /**
   * A forward pass that nothing follows, without mask and column, in the bfloat16 of {@link
   * Precision#BF16} where a device gains by it; here as it is. There {@code q · (scale · log₂ e)},
   * k, v and the weights {@code 2^(q'·k' − whole number)} are rounded to the nearest, ties to even,
   * sums are F32, and those of a row's weights are of the rounded ones. Rows whose scores are so
   * far apart that this would show stay F32. Numbers below 2⁻¹²⁶ may count as 0.
   */
  default void forwardRounded(AttentionProblem p, Inputs in, Results to) {
    forward(p, in, to);
  }

  /**
   * The backward pass. With g[b, n] = dColumnMap[b, n] / heads and {@code D = Σ dOut·out + g Σ_j
   * e_j P_j} of a row: {@code dS = P ∘ (dOut vᵀ + g e − D)}, dq = scale dS k, dk = scale dSᵀ q, dv
   * = Pᵀ dOut. The mask gets no gradient.
   */
  void backward(AttentionProblem p, Inputs in, Results of, Gradients g);
}
