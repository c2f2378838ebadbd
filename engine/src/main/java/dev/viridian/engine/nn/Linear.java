package dev.viridian.engine.nn;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.ops.Add;
import dev.viridian.engine.ops.BiasAdd;
import dev.viridian.engine.ops.Geglu;
import dev.viridian.engine.ops.PackedLinear;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.PackedJoin;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.Precision;
import org.jspecify.annotations.Nullable;

/** A linear layer: {@code weight} [out, in] and, if it has one, {@code bias} [out]. */
public final class Linear extends Module {
  private final Parameter weight;
  private final @Nullable Parameter bias;

  /** From {@code in} to {@code out} values. */
  public Linear(int in, int out, boolean withBias) {
    weight = linear("weight", out, in);
    bias = withBias ? parameter("bias", out) : null;
  }

  /**
   * {@code forward(x) + residual}; in one pass where the device has that, of activations of 16 bits
   * with one after the product.
   *
   * @param residual [..., out]
   */
  public Tensor forwardOnto(Tensor x, Tensor residual) {
    try (MemoryScope scope = MemoryScope.open()) {
      PackedWeight packing = weight.packing();
      if (bias != null && packing != null && joinsOnto(x)) {
        Tensor packed = weight.packed();
        return scope.keep(PackedLinear.onto(x, packing, packed, bias.value(), residual));
      }
      if (bias == null || x.dtype() == DType.F32) {
        return scope.keep(Add.of(residual, forward(x)));
      }
      return scope.keep(BiasAdd.of(forwardWithoutBias(x), bias.value(), residual));
    }
  }

  /** {@code geglu(forward(x))}, [..., out / 2]; of 16 bits with one pass after the product. */
  public Tensor forwardGated(Tensor x) {
    try (MemoryScope scope = MemoryScope.open()) {
      boolean apart = bias == null || weight.packing() != null || x.dtype() == DType.F32;
      Tensor wide = apart ? forward(x) : forwardWithoutBias(x);
      Tensor gated = apart ? Geglu.of(wide) : Geglu.of(wide, bias.value());
      return scope.keep(gated);
    }
  }

  /**
   * {@code geglu(forward(x))}, [..., out / 2], for a layer that computes in bfloat16: rounded to it
   * where the device does all in one pass, else as {@link #forwardGated(Tensor)}.
   */
  public Tensor forwardGated(Tensor x, Linear next) {
    PackedWeight packing = weight.packing();
    if (bias == null || packing == null || !gates(x, next)) {
      return forwardGated(x);
    }
    return PackedLinear.gated(x, packing, weight.packed(), bias.value());
  }

  /** Whether {@link #forwardOnto} of F32 is one pass; it takes x rounded to BF16, too, then. */
  public boolean joinsOnto(Tensor x) {
    return bias != null && joins(x, PackedJoin.Kind.ONTO);
  }

  private boolean joins(Tensor x, PackedJoin.Kind kind) {
    PackedWeight packing = weight.packing();
    return packing != null && PackedLinear.joins(x, x.dtype(), packing, kind);
  }

  /** Whether x may come rounded to BF16. */
  public boolean takesRounded(Tensor x) {
    PackedWeight packing = weight.packing();
    return x.dtype() == DType.F32
        && packing != null
        && PackedLinear.joins(x, DType.BF16, packing, PackedJoin.Kind.PLAIN);
  }

  /** Whether {@link #forwardGated(Tensor, Linear)} takes x, F32 or rounded, in one pass. */
  public boolean gates(Tensor x, Linear next) {
    return bias != null && joins(x, PackedJoin.Kind.GATED) && next.joinsOnto(x);
  }

  private Tensor forwardWithoutBias(Tensor x) {
    return dev.viridian.engine.ops.Linear.of(x, weight.value(), null);
  }

  /** Whether its product is computed in lower precision. */
  public boolean packed() {
    PackedWeight packing = weight.packing();
    return packing != null && packing.precision() != Precision.F32;
  }

  /** x [..., in] to [..., out]. */
  public Tensor forward(Tensor x) {
    Tensor added = bias == null ? null : bias.value();
    PackedWeight packing = weight.packing();
    return packing == null
        ? dev.viridian.engine.ops.Linear.of(x, weight.value(), added)
        : PackedLinear.of(x, packing, weight.packed(), added);
  }
}
