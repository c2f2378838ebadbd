package dev.viridian.kernels;

/**
 * Scaled dot-product attention {@code out = softmax(scale · q kᵀ + mask) v} per batch and head,
 * F32.
 *
 * <p>q and out have {@code queries} tokens, k and v have {@code keys}; all have {@code headDim}
 * values a token and head, contiguous. Element (b, head, token, i) lies at {@code b·batch +
 * head·head + token·token + i} of its {@link Strides}, so that [b, l, heads·d] and [b, heads, l, d]
 * both are read where they lie. Gradients have the strides of their tensors.
 *
 * <p>With {@code causal}, query i sees the keys 0 to i only.
 *
 * @param batch 0 or more
 * @param queries 0 or more
 * @param keys 1 or more
 * @param scale usually 1/√headDim
 * @param mask strides of an additive F32 mask at {@code b·batch + head·head + query·token + key} (0
 *     where it is broadcast), used when a mask is given
 */
public record AttentionProblem(
    int batch,
    int heads,
    int queries,
    int keys,
    int headDim,
    float scale,
    boolean causal,
    Strides q,
    Strides k,
    Strides v,
    Strides out,
    Strides mask) {

  private static final String NAME = "AttentionProblem";

  /** In elements. */
  public record Strides(long batch, long head, long token) {
    /** No distance at all. */
    public static final Strides NONE = new Strides(0, 0, 0);

    /** Strides of a contiguous [b, l, heads·d]. */
    public static Strides blhd(int length, int heads, int dim) {
      return new Strides((long) length * heads * dim, dim, (long) heads * dim);
    }

    /** Strides of a contiguous [b, heads, l, d]. */
    public static Strides bhld(int length, int heads, int dim) {
      return new Strides((long) length * heads * dim, (long) length * dim, dim);
    }
  }

  /** Checks sizes. */
  public AttentionProblem {
    Check.notNegative(NAME, "batch", batch);
    Check.positive(NAME, "heads", heads);
    Check.notNegative(NAME, "queries", queries);
    Check.positive(NAME, "keys", keys);
    Check.positive(NAME, "headDim", headDim);
  }

  /** Contiguous [b, l, heads·d] throughout, scale 1/√headDim, no mask. */
  public static AttentionProblem blhd(int batch, int heads, int queries, int keys, int headDim) {
    Strides ofQueries = Strides.blhd(queries, heads, headDim);
    Strides ofKeys = Strides.blhd(keys, heads, headDim);
    return new AttentionProblem(
        batch,
        heads,
        queries,
        keys,
        headDim,
        (float) (1 / Math.sqrt(headDim)),
        false,
        ofQueries,
        ofKeys,
        ofKeys,
        ofQueries,
        Strides.NONE);
  }
}
