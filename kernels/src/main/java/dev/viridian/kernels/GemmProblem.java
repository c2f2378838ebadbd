package dev.viridian.kernels;

/**
 * A batch of matrix products {@code C = alpha · op(A) · op(B) [+ bias] [then activation]}, or
 * {@code C += …} when {@link #accumulate}. op(A) is m × k, op(B) is k × n, C is m × n and F32.
 *
 * <p>Matrices are row-major with leading dimensions: element (i, j) of a stored matrix lies at
 * {@code i·ld + j}. Stored A is m × k, or k × m when {@link #transA}; stored B is k × n, or n × k
 * when {@link #transB} (a linear layer's [out, in] weight). Matrix b of the batch begins {@code
 * b·stride} elements in; a stride of 0 shares one matrix. k may be 0: then the product is zero.
 *
 * @param batch number of products, 0 or more
 * @param m rows of C, 0 or more
 * @param n columns of C, 0 or more
 * @param k inner dimension, 0 or more
 * @param a type of A: F32, F16 or BF16
 * @param b type of B: F32, F16 or BF16
 * @param alpha factor of the product
 * @param accumulate whether C is added to (bias and activation are then not allowed)
 * @param bias whether a bias [n] (F32, F16 or BF16 by {@link #biasType}) is added to each row
 * @param biasType type of the bias
 * @param activation what is applied last
 */
public record GemmProblem(
    int batch,
    int m,
    int n,
    int k,
    DType a,
    DType b,
    boolean transA,
    boolean transB,
    long lda,
    long ldb,
    long ldc,
    long strideA,
    long strideB,
    long strideC,
    float alpha,
    boolean accumulate,
    boolean bias,
    DType biasType,
    Activation activation) {

  private static final String NAME = "GemmProblem";

  /** Checks sizes, types and leading dimensions. */
  public GemmProblem {
    Check.notNegative(NAME, "batch", batch);
    Check.notNegative(NAME, "m", m);
    Check.notNegative(NAME, "n", n);
    Check.notNegative(NAME, "k", k);
    Check.that(a.isFloat() && b.isFloat(), NAME, "a and b must be floating point");
    Check.that(lda >= (transA ? m : k), NAME, "lda " + lda + " is less than a row of A");
    Check.that(ldb >= (transB ? k : n), NAME, "ldb " + ldb + " is less than a row of B");
    Check.that(ldc >= n, NAME, "ldc " + ldc + " is less than a row of C");
    Check.that(
        !accumulate || (!bias && activation == Activation.NONE),
        NAME,
        "an accumulating product takes no bias and no activation");
  }

  /** One product of contiguous F32 matrices as stored: no bias, no activation. */
  public static GemmProblem of(int m, int n, int k, boolean transA, boolean transB) {
    return new GemmProblem(
        1,
        m,
        n,
        k,
        DType.F32,
        DType.F32,
        transA,
        transB,
        transA ? m : k,
        transB ? k : n,
        n,
        0,
        0,
        0,
        1f,
        false,
        false,
        DType.F32,
        Activation.NONE);
  }

  /** The same with other batching; strides in elements. */
  public GemmProblem batched(int newBatch, long newStrideA, long newStrideB, long newStrideC) {
    return new GemmProblem(
        newBatch,
        m,
        n,
        k,
        a,
        b,
        transA,
        transB,
        lda,
        ldb,
        ldc,
        newStrideA,
        newStrideB,
        newStrideC,
        alpha,
        accumulate,
        bias,
        biasType,
        activation);
  }

  /** The same with other types of A and B. */
  public GemmProblem types(DType newA, DType newB) {
    return new GemmProblem(
        batch,
        m,
        n,
        k,
        newA,
        newB,
        transA,
        transB,
        lda,
        ldb,
        ldc,
        strideA,
        strideB,
        strideC,
        alpha,
        accumulate,
        bias,
        biasType,
        activation);
  }

  /** The same with other leading dimensions, in elements. */
  public GemmProblem leading(long newLda, long newLdb, long newLdc) {
    return new GemmProblem(
        batch,
        m,
        n,
        k,
        a,
        b,
        transA,
        transB,
        newLda,
        newLdb,
        newLdc,
        strideA,
        strideB,
        strideC,
        alpha,
        accumulate,
        bias,
        biasType,
        activation);
  }

  /** The same with a bias of the given type and an activation after it. */
  public GemmProblem epilogue(boolean newBias, DType newBiasType, Activation newActivation) {
    return new GemmProblem(
        batch,
        m,
        n,
        k,
        a,
        b,
        transA,
        transB,
        lda,
        ldb,
        ldc,
        strideA,
        strideB,
        strideC,
        alpha,
        accumulate,
        newBias,
        newBiasType,
        newActivation);
  }

  /** The same, adding to C. */
  public GemmProblem accumulating() {
    return new GemmProblem(
        batch,
        m,
        n,
        k,
        a,
        b,
        transA,
        transB,
        lda,
        ldb,
        ldc,
        strideA,
        strideB,
        strideC,
        alpha,
        true,
        false,
        biasType,
        Activation.NONE);
  }
}
