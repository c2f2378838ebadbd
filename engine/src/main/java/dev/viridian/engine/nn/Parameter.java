package dev.viridian.engine.nn;

import dev.viridian.engine.Shape;
import dev.viridian.engine.Tensor;
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
    /** A convolution's: [out, in, kh, kw] in files, [out, kh, kw, in] in memory. */
    CONVOLUTION
  }

  private final Shape fileShape;
  private final Form form;
  private @Nullable Tensor value;

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
      case PLAIN -> fileShape;
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
   * Its numbers.
   *
   * @throws IllegalStateException if it has none yet
   */
  public Tensor value() {
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
    }
  }
}
