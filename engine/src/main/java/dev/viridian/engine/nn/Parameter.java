package dev.viridian.engine.nn;

import dev.viridian.engine.Shape;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.ops.Pack;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.PackedKernels;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.Precision;
import dev.viridian.kernels.memory.HostBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A named weight of a module: first only its shape, then, once bound, its numbers. Not thread-safe
 * while it is being bound or closed.
 */
public final class Parameter implements AutoCloseable {
  /** How a weight lies in files and in memory. */
  public enum Form {
    /** The same in both. */
    PLAIN,
    /** A linear layer's [out, in]: the same in both, and a factor of a product. */
    LINEAR,
    /** A convolution's: [out, in, kh, kw] in files, [out, kh, kw, in] in memory. */
    CONVOLUTION
  }

  /** Layers with fewer values on a side are not packed for F32. */
  private static final int LEAST = 64;

  private final Shape fileShape;
  private final Form form;
  private @Nullable Tensor value;
  private @Nullable PackedWeight packing;
  private double lost;

  /** An unbound parameter of the shape that files give it. */
  public Parameter(Shape fileShape, Form form) {
    this.fileShape = fileShape;
    this.form = form;
  }

  /** The shape in files. */
  public Shape fileShape() {
    return fileShape;
  }

  /** The shape in memory. */
  public Shape shape() {
    return switch (form) {
      case PLAIN, LINEAR -> fileShape;
      case CONVOLUTION ->
          Shape.of(fileShape.dim(0), fileShape.dim(2), fileShape.dim(3), fileShape.dim(1));
    };
  }

  /** How it lies in files and in memory. */
  public Form form() {
    return form;
  }

  /** Whether it has its numbers. */
  public boolean isBound() {
    return value != null;
  }

  /**
   * How it would lie packed for products of a precision; null if it is no factor of a product, or
   * too long for one. For F32 only a linear layer's numbers are packed that are F32 now: packed,
   * those of 16 bits would take twice their memory.
   */
  public @Nullable PackedWeight packing(Precision precision) {
    if (form == Form.PLAIN) {
      return null;
    }
    Shape s = shape();
    long taps = s.range(1, s.rank() - 1);
    boolean fits = taps * (s.dim(-1) + 3) <= PackedWeight.LONGEST && s.elements() > 0;
    if (precision == Precision.F32) {
      boolean wide = value != null && value.dtype() == DType.F32 && form == Form.LINEAR;
      fits &=
          wide && s.size(0) >= LEAST && s.size(-1) >= LEAST && s.size(-1) % PackedWeight.CHUNK == 0;
    }
    return fits ? new PackedWeight(precision, s.size(0), Math.toIntExact(taps), s.size(-1)) : null;
  }

  /** How it lies, if it was {@link #pack packed}; else null. */
  public @Nullable PackedWeight packing() {
    return packing;
  }

  /** Its packed form. */
  public Tensor packed() {
    if (packing == null || value == null) {
      throw new IllegalStateException("a parameter " + fileShape + " is not packed");
    }
    return value;
  }

  /**
   * Replaces its numbers by their packed form, for products in its precision; the memory of the
   * numbers is let go. What reads the numbers themselves, training above all, fails from now on.
   *
   * @param most what bytes may lose: if they lose more, or what they lose is not a number, it is
   *     packed as bfloat16, or keeps its numbers where the device has no products of that
   */
  public void pack(PackedWeight as, double most) {
    Tensor numbers = value();
    PackedWeight form = as;
    double measured = 0;
    Tensor packed;
    try (MemoryScope scope = MemoryScope.open()) {
      packed = Pack.of(numbers, as);
      if (as.precision() == Precision.INT8) {
        PackedKernels kernels = numbers.device().kernels().packed();
        measured = kernels.lost(as, numbers.dtype(), numbers.buffer("lost"), packed.buffer("lost"));
        if (!(measured <= most)) {
          if (!kernels.offers(Precision.BF16)) {
            lost = measured;
            return;
          }
          packed.close();
          form = new PackedWeight(Precision.BF16, as.out(), as.taps(), as.channels());
          packed = Pack.of(numbers, form);
        }
      }
      packed = scope.detach(packed.named(numbers.name()));
    }
    unload();
    close();
    value = packed;
    packing = form;
    lost = measured;
  }

  /**
   * What it lost when it was packed as bytes ({@link PackedKernels#lost}), or would have lost; 0
   * where that was not asked for.
   */
  public double lost() {
    return lost;
  }

  /**
   * Its numbers.
   *
   * @throws IllegalStateException if it has none yet
   */
  public Tensor value() {
    if (packing != null) {
      throw new IllegalStateException(
          "a parameter " + fileShape + " was packed for " + packing.precision().label());
    }
    if (value == null) {
      throw new IllegalStateException(
          "a parameter " + fileShape + " was used before it was loaded");
    }
    return value;
  }

  /** Gives it its numbers, which it owns from now on; earlier ones are closed. */
  public void bind(Tensor tensor) {
    if (!tensor.shape().equals(shape())) {
      throw new IllegalArgumentException(
          "parameter of shape " + shape() + " bound to " + tensor.spec());
    }
    close();
    value = tensor;
  }

  /** See {@link Module#unload}. */
  void unload() {
    // Read-only: pages of a private mapping that was written to would lose what was written.
    if (value != null
        && value.buffer("unload") instanceof HostBuffer buffer
        && buffer.segment().isMapped()
        && buffer.segment().isReadOnly()) {
      buffer.segment().unload();
    }
  }

  /** Closes its numbers, if it has any. */
  @Override
  public void close() {
    if (value != null) {
      value.close();
      value = null;
      packing = null;
      lost = 0;
    }
  }
}
