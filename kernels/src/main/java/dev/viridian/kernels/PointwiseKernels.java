package dev.viridian.kernels;

import dev.viridian.kernels.memory.Buffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Element by element, F32, contiguous unless a {@link BroadcastProblem} says otherwise. Written
 * ({@code =}); an output may be the same memory as an input of its shape.
 */
public interface PointwiseKernels {
  /** Functions of one value; p0 and p1 are their parameters, 0 where there are none. */
  enum Unary {
    /** x · sigmoid(x). */
    SILU,
    /** x · Φ(x) by erf. */
    GELU,
    /** The tanh approximation of GELU. */
    GELU_TANH,
    /** x · sigmoid(1.702 x). */
    QUICK_GELU,
    /** max(x, 0); derivative 0 at 0. */
    RELU,
    /** min(max(x, 0), 6); derivative 0 at 0 and 6. */
    RELU6,
    /** 1 / (1 + e^−x). */
    SIGMOID,
    /** Hyperbolic tangent. */
    TANH,
    /** x, or p0 · x below 0. */
    LEAKY_RELU,
    /** log(1 + e^x), x itself above 20. */
    SOFTPLUS,
    /** e^x. */
    EXP,
    /** Natural logarithm. */
    LOG,
    /** Square root. */
    SQRT,
    /** 1 / √x. */
    RSQRT,
    /** x^p0. */
    POW,
    /** |x|; derivative 0 at 0. */
    ABS,
    /** p0 · x + p1. */
    AFFINE,
    /** min(max(x, p0), p1); derivative 0 at exactly p0 and p1. */
    CLAMP,
    /** Sine. */
    SIN,
    /** Cosine. */
    COS
  }

  /** Functions of two values. */
  enum Binary {
    /** a + b. */
    ADD,
    /** a − b. */
    SUB,
    /** a · b. */
    MUL,
    /** a / b. */
    DIV,
    /** The smaller; equal values share the gradient. */
    MINIMUM,
    /** The larger; equal values share the gradient. */
    MAXIMUM,
    /** a^b. */
    POW
  }

  /** A term of a sum, {@code coefficient · x}. */
  record Term(float coefficient, Buffer x) {}

  /** {@code y = f(x)}, n values. */
  void unary(Unary f, long n, float p0, float p1, Buffer x, Buffer y);

  /** {@code dx = dy · f′(x)}, n values. */
  void unaryBackward(Unary f, long n, float p0, float p1, Buffer x, Buffer dy, Buffer dx);

  /** {@code y = f(a, b)} by strides. */
  void binary(Binary f, BroadcastProblem p, Buffer a, Buffer b, Buffer y);

  /**
   * {@code da = dy · ∂f/∂a} in the full, contiguous shape of the problem; the caller sums it to the
   * operand's shape.
   */
  void binaryBackwardA(Binary f, BroadcastProblem p, Buffer a, Buffer b, Buffer dy, Buffer da);

  /** {@code db = dy · ∂f/∂b}, as {@link #binaryBackwardA}. */
  void binaryBackwardB(Binary f, BroadcastProblem p, Buffer a, Buffer b, Buffer dy, Buffer db);

  /** {@code y = c ≠ 0 ? a : b}, n values, c I32. */
  void where(long n, Buffer c, Buffer a, Buffer b, Buffer y);

  /** {@code y = Σ coefficient · x} over all terms, n values; summed in the given order in F32. */
  void linearCombination(long n, List<Term> terms, Buffer y);

  /** x [rows, 2·cols]: {@code y [rows, cols] = x[:, :cols] · gelu(x[:, cols:])}. */
  void geglu(long rows, int cols, Buffer x, Buffer y);

  /**
   * {@link #geglu(long, int, Buffer, Buffer)} of x + bias in one pass, for activations of 16 bits.
   *
   * @param bias [2·cols], of {@code biasType}; may be absent
   */
  default void geglu(
      long rows, int cols, DType biasType, @Nullable Buffer bias, Buffer x, Buffer y) {
    throw new UnsupportedOperationException("this device adds no bias within GEGLU");
  }

  /**
   * {@code y = x + bias + residual} in one pass, x, residual and y [rows, cols], for activations of
   * 16 bits.
   *
   * @param bias [cols], of {@code biasType}
   */
  default void addBias(
      long rows, int cols, DType biasType, Buffer x, Buffer bias, Buffer residual, Buffer y) {
    throw new UnsupportedOperationException("this device adds no bias with a residual");
  }

  /** Gradient of {@link #geglu(long, int, Buffer, Buffer)}: dx [rows, 2·cols]. */
  void gegluBackward(long rows, int cols, Buffer x, Buffer dy, Buffer dx);

  /** {@code y[i] += alpha · x[i]}, n values: how gradients are summed. */
  void addTo(long n, float alpha, Buffer x, Buffer y);
}
