package dev.viridian.kernels.cpu.jit;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.ConvKernels;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Selective;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Convolutions on generated code, without groups; back to the data with stride 1. By minimal
 * filtering ({@link WinogradConv}), with a column for each tap ({@link TapColumns}), on unfolded
 * patches ({@link PatchRows}) or a copy with its border ({@link PaddedMap}); else the map is read
 * where it lies: each pixel of the result is a row of a product, each tap of the kernel a segment
 * of that row, and a tap outside of the map a segment of zeros.
 */
public final class JitConv implements ConvKernels, Selective {
  /** With fewer channels on either side patches are not worth a copy, as with minimal filtering. */
  private static final int LEAST_PATCHES = 128;

  /** With as many columns a product may go in pairs. */
  private static final int LEAST_PAIRED = 64;

  private final Workers workers;
  private final Supplier<@Nullable Kit> kit;

  /** Kernels that share the given threads, for the best instructions of this machine. */
  public JitConv(Workers workers) {
    this.workers = workers;
    kit = Kit::best;
  }

  /** The same on given functions; null declines everything. */
  JitConv(Workers workers, @Nullable Kit kit) {
    this.workers = workers;
    this.kit = () -> kit;
  }

  @Override
  public boolean accepts(String operation, Object problem) {
    if (!(problem instanceof ConvProblem p) || p.groups() != 1 || kit.get() == null) {
      return false;
    }
    return switch (operation) {
      case "forward" -> true;
      case "backwardData" -> turnable(p);
      case "backwardFilter" -> pixels(p) <= TurnedRows.LONGEST;
      default -> false;
    };
  }

  /**
   * Whether the gradient of the input is a convolution itself, one that pads no less than nothing.
   */
  private static boolean turnable(ConvProblem p) {
    int reachY = (p.kh() - 1) * p.dilationH();
    int reachX = (p.kw() - 1) * p.dilationW();
    return p.strideH() == 1
        && p.strideW() == 1
        && Math.max(p.padTop(), p.padBottom()) <= reachY
        && Math.max(p.padLeft(), p.padRight()) <= reachX;
  }

  /** The convolution from gradients of the output to those of the input. */
  private static ConvProblem turned(ConvProblem p) {
    int reachY = (p.kh() - 1) * p.dilationH();
    int reachX = (p.kw() - 1) * p.dilationW();
    return new ConvProblem(
        p.n(),
        p.outH(),
        p.outW(),
        p.outC(),
        p.c(),
        p.kh(),
        p.kw(),
        1,
        1,
        reachY - p.padTop(),
        reachY - p.padBottom(),
        reachX - p.padLeft(),
        reachX - p.padRight(),
        p.dilationH(),
        p.dilationW(),
        1,
        p.weight(),
        false,
        DType.F32,
        Activation.NONE);
  }

  private static int pixels(ConvProblem p) {
    return Math.multiplyExact(p.n(), Math.multiplyExact(p.outH(), p.outW()));
  }

  private Kit kit(String operation, ConvProblem p) {
    Kit code = kit.get();
    if (code == null || !accepts(operation, p)) {
      throw new IllegalArgumentException("JitConv: " + operation + " does not take " + p);
    }
    return code;
  }

  private static long inputSize(ConvProblem p) {
    return Math.multiplyExact(Math.multiplyExact((long) p.n() * p.h(), p.w()), p.c());
  }

  private static long filterSize(ConvProblem p) {
    return Math.multiplyExact((long) p.outC() * p.kh() * p.kw(), p.c());
  }

  /**
   * {@inheritDoc}
   *
   * @throws IndexOutOfBoundsException if a buffer is shorter than the problem says
   * @throws IllegalArgumentException if the problem is not {@link #accepts accepted}
   */
  @Override
  public void forward(ConvProblem p, Buffer x, Buffer weight, @Nullable Buffer bias, Buffer y) {
    forward(p, x, weight, bias, y, false);
  }

  /**
   * {@inheritDoc}
   *
   * @throws IndexOutOfBoundsException if a buffer is shorter than the problem says
   * @throws IllegalArgumentException if the problem is not {@link #accepts accepted}
   */
  @Override
  public void infer(ConvProblem p, Buffer x, Buffer weight, @Nullable Buffer bias, Buffer y) {
    forward(p, x, weight, bias, y, true);
  }

  private void forward(
      ConvProblem p, Buffer x, Buffer weight, @Nullable Buffer bias, Buffer y, boolean pairs) {
    Kit code = kit("forward", p);
    if (pixels(p) == 0) {
      return;
    }
    Range.address("conv: weight", weight, p.weight(), filterSize(p));
    MemorySegment biases = Bias.of("conv: bias", p.bias() ? bias : null, p.biasType(), p.outC());
    long length = (long) p.kh() * p.kw() * p.c();
    RightFactor right = new RightMatrix(HostBuffer.of(weight), p.weight(), 0, length, true);
    correlate(code, p, x, right, biases, y, pairs);
    Reference.reachabilityFence(weight);
  }

  @Override
  public void backwardData(ConvProblem p, Buffer dy, Buffer weight, Buffer dx) {
    Kit code = kit("backwardData", p);
    if (pixels(p) == 0) {
      return;
    }
    Range.address("conv: weight", weight, p.weight(), filterSize(p));
    RightFactor right = new TurnedFilters(HostBuffer.of(weight), p);
    correlate(code, turned(p), dy, right, null, dx, false);
    Reference.reachabilityFence(weight);
  }

  private void correlate(
      Kit code,
      ConvProblem p,
      Buffer x,
      RightFactor right,
      @Nullable MemorySegment biases,
      Buffer y,
      boolean pairs) {
    long from = Range.address("conv: input", x, DType.F32, inputSize(p));
    Range.address("conv: output", y, DType.F32, (long) pixels(p) * p.outC());
    MemorySegment zeros = NativeScratch.get(NativeScratch.Part.ZEROS, 4L * p.c());
    int size = WinogradConv.choose(p);
    if (size > 0 && code.winograd(size)) {
      MemorySegment added = orZeros(biases, p.outC());
      new WinogradConv(workers, code, p, size, from, right, HostBuffer.of(y), added, pairs).run();
    } else if (right instanceof RightMatrix weight
        && TapColumns.takes(p)
        && (pairs || p.outC() * p.kh() * p.kw() < LEAST_PAIRED)
        && code.tapSums() instanceof Code adds) {
      MemorySegment added = orZeros(biases, TapSumCode.LANES);
      new TapColumns(workers, code, adds, p, from, weight, added, HostBuffer.of(y)).run();
    } else if (pairs && inPairs(code, p)) {
      PatchRows left = new PatchRows(workers, p, HostBuffer.of(x), pixels(p));
      int count;
      for (int pixel = 0; pixel < pixels(p); pixel += count) {
        count = left.unfold(pixel);
        ProductOutput output = output(p, y, pixel, biases);
        new JitProduct(workers, code, left, right, count, p.outC(), output).run();
      }
    } else {
      LeftRows left =
          PaddedMap.takes(p)
              ? new PaddedMap(p, HostBuffer.of(x))
              : new MapPixels(p, from, zeros.address());
      ProductOutput output = output(p, y, 0, biases);
      new JitProduct(workers, code, left, right, pixels(p), p.outC(), output).run();
    }
    Reference.reachabilityFence(x);
    Reference.reachabilityFence(biases);
    Reference.reachabilityFence(zeros);
    Reference.reachabilityFence(y);
  }

  private static MemorySegment orZeros(@Nullable MemorySegment biases, int count) {
    return biases != null
        ? biases
        : NativeScratch.get(NativeScratch.Part.BIAS, 4L * count).fill((byte) 0);
  }

  private static ProductOutput output(
      ConvProblem p, Buffer y, long pixel, @Nullable MemorySegment biases) {
    long bias = biases == null ? 0 : biases.address();
    long first = pixel * p.outC();
    return new ProductOutput(HostBuffer.of(y), first, p.outC(), 1f, false, bias, p.activation());
  }

  /** Whether a product of unfolded patches is one of {@link PairSums}, and gains by that. */
  private static boolean inPairs(Kit code, ConvProblem p) {
    return code.pairs()
        && p.kh() * p.kw() > 1
        && p.c() % PairTile.CHUNK == 0
        && Math.min(p.c(), p.outC()) >= LEAST_PATCHES
        && pixels(p) >= 2 * PairTile.ROWS;
  }

  @Override
  public void backwardFilter(ConvProblem p, Buffer x, Buffer dy, Buffer dw) {
    Kit code = kit("backwardFilter", p);
    int length = Math.multiplyExact(p.kh() * p.kw(), p.c());
    Range.address("conv: x", x, DType.F32, inputSize(p));
    Range.address("conv: dy", dy, DType.F32, (long) pixels(p) * p.outC());
    Range.address("conv: dw", dw, DType.F32, filterSize(p));
    ProductOutput output =
        new ProductOutput(HostBuffer.of(dw), 0, length, 1f, false, 0, Activation.NONE);
    LeftRows left = new TurnedRows(code, HostBuffer.of(dy), 0, p.outC(), pixels(p));
    RightFactor right = new MapPatches(HostBuffer.of(x), p);
    new JitProduct(workers, code, left, right, p.outC(), length, output).run();
    Reference.reachabilityFence(x);
    Reference.reachabilityFence(dy);
    Reference.reachabilityFence(dw);
  }
}
