package dev.viridian.kernels.cuda;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.ConvKernels;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.cuda.CudaFactors.Factor;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.CudaBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Convolutions by cuDNN, channels-last. With factors of 16 bits cuDNN's results have 16 bits too
 * (sums are F32) and are widened for maps of F32; bias and activation come last, in F32. Products
 * ({@link CudaConv}) do kernels of one pixel, and of patches what cuDNN does not take: padding that
 * differs between two sides, or all where cuDNN is missing.
 */
final class CudaDnnConv implements ConvKernels {
  private final CudaStorage storage;
  private final CudaDevice device;
  private final CudaAllocator allocator;
  private final CudaFactors factors;
  private final CudaDnn dnn;
  private final ConvKernels patches;

  /** Of maps of a storage: F32, or the factors' type. */
  CudaDnnConv(
      CudaStorage storage,
      CudaAllocator allocator,
      CudaFactors factors,
      CudaDnn dnn,
      ConvKernels patches) {
    this.storage = storage;
    this.device = storage.device();
    this.allocator = allocator;
    this.factors = factors;
    this.dnn = dnn;
    this.patches = patches;
  }

  private static long sizeX(ConvProblem p) {
    return (long) p.n() * p.h() * p.w() * p.c();
  }

  private static long sizeY(ConvProblem p) {
    return (long) p.n() * p.outH() * p.outW() * p.outC();
  }

  private static long sizeW(ConvProblem p) {
    return (long) p.outC() * p.kh() * p.kw() * (p.c() / p.groups());
  }

  /** Whether cuDNN does it; one product of a map's own pixels is cuBLAS's. */
  private boolean takes(ConvProblem p) {
    return !(p.groups() == 1 && CudaConv.isProduct(p)) && dnn.takes(p);
  }

  /** The start of a buffer, so many numbers. */
  private CudaBuffer reached(String name, Buffer buffer, DType type, long count) {
    CudaBuffer own = device.own(buffer);
    long bytes = Math.multiplyExact(count, (long) type.bytes());
    if (bytes > own.bytes()) {
      throw new IllegalArgumentException(
          "conv: " + name + " needs " + bytes + " bytes, the buffer has " + own.bytes());
    }
    return own.slice(0, bytes);
  }

  private Factor factor(String name, Buffer buffer, DType type, long count) {
    return factors.flat(reached(name, buffer, type, count), type, count);
  }

  /** Where cuDNN writes: the result itself, or scratch memory of the factors' type. */
  private CudaAllocator.@Nullable Scratch result(long count) {
    DType type = factors.type();
    return type == storage.type() ? null : allocator.scratch(count * type.bytes());
  }

  private void finish(
      ConvProblem p,
      long count,
      CudaAllocator.@Nullable Scratch from,
      @Nullable Buffer bias,
      Activation activation,
      Buffer to) {
    if (from == null && bias == null && activation == Activation.NONE) {
      return;
    }
    DType type = factors.type();
    if (storage.type() != DType.F32) {
      finish(storage, count, p.outC(), activation, p.biasType(), bias, null, to, to);
      return;
    }
    device
        .launch("conv", "finish")
        .i64(count)
        .i32(p.outC())
        .i32(type.ordinal())
        .i32(activation.ordinal())
        .i32(p.biasType().ordinal())
        .buffer(from == null ? to : from.buffer(), count * type.bytes())
        .optional(bias, (long) p.outC() * p.biasType().bytes())
        .floats(to, count)
        .each(count);
  }

  /** {@code y = act(x + bias) + residual} of 16 bits, rows of so many channels; y may be x. */
  static void finish(
      CudaStorage storage,
      long count,
      int channels,
      Activation activation,
      DType biasType,
      @Nullable Buffer bias,
      @Nullable Buffer residual,
      Buffer x,
      Buffer y) {
    boolean plain = activation == Activation.NONE;
    storage
        .launch("conv", "finish")
        .i64(count)
        .i32(channels)
        .i32(activation.ordinal())
        .i32(biasType.ordinal())
        .optional(bias, (long) channels * biasType.bytes())
        .optional(residual, storage.bytes(count))
        .buffer(x, storage.bytes(count))
        .buffer(y, storage.bytes(count))
        .each(plain ? storage.vectors(count) : count);
  }

  @Override
  public void forward(ConvProblem p, Buffer x, Buffer weight, @Nullable Buffer bias, Buffer y) {
    if (p.n() == 0) {
      return;
    }
    if (p.bias() != (bias != null)) {
      throw new IllegalArgumentException("conv: the bias does not fit the problem: " + p);
    }
    if (takes(p)) {
      CudaBuffer own = reached("y", y, storage.type(), sizeY(p));
      try (Factor left = factor("x", x, storage.type(), sizeX(p));
          Factor right = factor("weight", weight, p.weight(), sizeW(p));
          CudaAllocator.Scratch made = result(sizeY(p))) {
        CudaBuffer to = made == null ? own : made.buffer();
        if (dnn.run(CudaDnn.Kind.FORWARD, p, factors.type(), left.at(), right.at(), to)) {
          finish(p, sizeY(p), made, bias, p.activation(), y);
          return;
        }
      }
    }
    patches.forward(p, x, weight, bias, y);
  }

  @Override
  public void backwardData(ConvProblem p, Buffer dy, Buffer weight, Buffer dx) {
    storage.requireWide("a convolution's gradient");
    if (p.n() == 0) {
      return;
    }
    if (takes(p)) {
      CudaBuffer own = reached("dx", dx, DType.F32, sizeX(p));
      try (Factor left = factor("dy", dy, DType.F32, sizeY(p));
          Factor right = factor("weight", weight, p.weight(), sizeW(p));
          CudaAllocator.Scratch made = result(sizeX(p))) {
        CudaBuffer to = made == null ? own : made.buffer();
        if (dnn.run(CudaDnn.Kind.BACKWARD_DATA, p, factors.type(), to, right.at(), left.at())) {
          finish(p, sizeX(p), made, null, Activation.NONE, dx);
          return;
        }
      }
    }
    patches.backwardData(p, dy, weight, dx);
  }

  @Override
  public void backwardFilter(ConvProblem p, Buffer x, Buffer dy, Buffer dw) {
    storage.requireWide("a convolution's gradient");
    if (p.n() > 0 && takes(p)) {
      CudaBuffer own = reached("dw", dw, DType.F32, sizeW(p));
      try (Factor left = factor("x", x, DType.F32, sizeX(p));
          Factor right = factor("dy", dy, DType.F32, sizeY(p));
          CudaAllocator.Scratch made = result(sizeW(p))) {
        CudaBuffer to = made == null ? own : made.buffer();
        if (dnn.run(CudaDnn.Kind.BACKWARD_FILTER, p, factors.type(), left.at(), to, right.at())) {
          finish(p, sizeW(p), made, null, Activation.NONE, dw);
          return;
        }
      }
    }
    patches.backwardFilter(p, x, dy, dw);
  }
}
