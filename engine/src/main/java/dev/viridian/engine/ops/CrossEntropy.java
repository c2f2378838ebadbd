package dev.viridian.engine.ops;

import dev.viridian.engine.Shape;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.kernels.DType;

/**
 * Cross-entropy of logits x F32 [..., c] and classes t I64 [...]: {@code −Σ w log softmax(x)} with
 * weights {@code (1 − smoothing) [class = t] + smoothing / c}. Positions of the ignored class count
 * for nothing; the mean is over the others.
 *
 * @param ignoredClass a value of t, usually −100
 * @param smoothing how much of the weight all classes share, 0 to 1
 */
public record CrossEntropy(long ignoredClass, double smoothing) {
  /** The class that frameworks ignore by default. */
  public static final long IGNORED = -100;

  /** The loss of every position, reduced, without smoothing. */
  public static Tensor of(Tensor x, Tensor classes, Reduction reduction) {
    return new CrossEntropy(IGNORED, 0).apply(x, classes, reduction);
  }

  /** The loss of every position, reduced. */
  public Tensor apply(Tensor x, Tensor classes, Reduction reduction) {
    Expect.f32("CrossEntropy", "x", x.spec(), 1);
    Shape positions = x.shape().without(-1);
    if (classes.dtype() != DType.I64 || !classes.shape().equals(positions)) {
      throw new ShapeException(
          "CrossEntropy: classes: expected I64" + positions + ", got " + classes.spec());
    }
    int c = x.size(-1);
    long[] targets = classes.toLongs();
    float[] weights = new float[Math.toIntExact(x.elements())];
    int counted = 0;
    for (int row = 0; row < targets.length; row++) {
      long target = targets[row];
      if (target == ignoredClass) {
        continue;
      }
      if (target < 0 || target >= c) {
        throw new IllegalArgumentException(
            "CrossEntropy: classes: expected 0 to " + (c - 1) + ", got " + target);
      }
      counted++;
      for (int k = 0; k < c; k++) {
        weights[row * c + k] = (float) -((k == target ? 1 - smoothing : 0) + smoothing / c);
      }
    }
    Tensor w = Tensors.of(x.device(), weights, x.shape().sizes());
    Tensor losses = Sum.of(Mul.of(LogSoftmax.of(x, -1), w), false, -1);
    return switch (reduction) {
      case NONE -> losses;
      case SUM -> Sum.of(losses);
      case MEAN -> Affine.of(Sum.of(losses), (float) (1.0 / counted), 0);
    };
  }
}
