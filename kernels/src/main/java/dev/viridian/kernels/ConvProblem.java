package dev.viridian.kernels;

/**
 * A two-dimensional cross-correlation (no kernel flip) on channels-last maps: x [n, h, w, c],
 * weight [outC, kh, kw, c / groups], y [n, outH, outW, outC]. All F32, but the weight and bias may
 * be F16 or BF16 in the forward pass and in {@code backwardData}.
 *
 * <p>A transposed convolution is {@code backwardData} of the convolution that it transposes.
 *
 * @param n pictures, 0 or more
 * @param padTop rows of zeros above; negative padding is not allowed
 * @param dilationH distance of the kernel's rows
 * @param groups divides c and outC
 * @param weight type of the weight
 * @param bias whether the forward pass adds a bias [outC]
 * @param biasType type of the bias
 * @param activation applied last in the forward pass
 */
public record ConvProblem(
    int n,
    int h,
    int w,
    int c,
    int outC,
    int kh,
    int kw,
    int strideH,
    int strideW,
    int padTop,
    int padBottom,
    int padLeft,
    int padRight,
    int dilationH,
    int dilationW,
    int groups,
    DType weight,
    boolean bias,
    DType biasType,
    Activation activation) {

  private static final String NAME = "ConvProblem";

  /** Checks sizes, types and that at least one output row and column exist. */
  public ConvProblem {
    Check.notNegative(NAME, "n", n);
    Check.positive(NAME, "h", h);
    Check.positive(NAME, "w", w);
    Check.positive(NAME, "c", c);
    Check.positive(NAME, "outC", outC);
    Check.positive(NAME, "kh", kh);
    Check.positive(NAME, "kw", kw);
    Check.positive(NAME, "strideH", strideH);
    Check.positive(NAME, "strideW", strideW);
    Check.positive(NAME, "dilationH", dilationH);
    Check.positive(NAME, "dilationW", dilationW);
    Check.positive(NAME, "groups", groups);
    Check.notNegative(NAME, "padTop", padTop);
    Check.notNegative(NAME, "padBottom", padBottom);
    Check.notNegative(NAME, "padLeft", padLeft);
    Check.notNegative(NAME, "padRight", padRight);
    Check.that(c % groups == 0, NAME, "groups " + groups + " do not divide c " + c);
    Check.that(outC % groups == 0, NAME, "groups " + groups + " do not divide outC " + outC);
    Check.that(weight.isFloat() && biasType.isFloat(), NAME, "weights must be floating point");
    Check.that(
        h + padTop + padBottom >= (kh - 1) * dilationH + 1
            && w + padLeft + padRight >= (kw - 1) * dilationW + 1,
        NAME,
        "the kernel " + kh + "x" + kw + " is larger than the padded picture " + h + "x" + w);
  }

  /** Stride 1 or more, equal padding all round, no dilation, no groups, F32, no bias. */
  public static ConvProblem of(
      int n, int h, int w, int c, int outC, int kernel, int stride, int pad) {
    return new ConvProblem(
        n,
        h,
        w,
        c,
        outC,
        kernel,
        kernel,
        stride,
        stride,
        pad,
        pad,
        pad,
        pad,
        1,
        1,
        1,
        DType.F32,
        false,
        DType.F32,
        Activation.NONE);
  }

  /** The same with a bias of the given type and an activation after it. */
  public ConvProblem epilogue(boolean newBias, DType newBiasType, Activation newActivation) {
    return new ConvProblem(
        n,
        h,
        w,
        c,
        outC,
        kh,
        kw,
        strideH,
        strideW,
        padTop,
        padBottom,
        padLeft,
        padRight,
        dilationH,
        dilationW,
        groups,
        weight,
        newBias,
        newBiasType,
        newActivation);
  }

  /** The same with a weight of another type. */
  public ConvProblem weight(DType newWeight) {
    return new ConvProblem(
        n,
        h,
        w,
        c,
        outC,
        kh,
        kw,
        strideH,
        strideW,
        padTop,
        padBottom,
        padLeft,
        padRight,
        dilationH,
        dilationW,
        groups,
        newWeight,
        bias,
        biasType,
        activation);
  }

  /** Rows of y. */
  public int outH() {
    return (h + padTop + padBottom - (kh - 1) * dilationH - 1) / strideH + 1;
  }

  /** Columns of y. */
  public int outW() {
    return (w + padLeft + padRight - (kw - 1) * dilationW - 1) / strideW + 1;
  }
}
