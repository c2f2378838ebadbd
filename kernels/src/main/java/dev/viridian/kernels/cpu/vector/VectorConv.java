package dev.viridian.kernels.cpu.vector;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.ConvKernels;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Convolutions as products of {@link Patches} that are never stored: forward {@code patches(x) ·
 * wᵀ}; back to the data the same with the patches of dy, one product for each phase of the stride;
 * back to the filter {@code dyᵀ · patches(x)}. Group by group; one channel a group goes to {@link
 * Depthwise}.
 */
public final class VectorConv implements ConvKernels {
  private final Workers workers;
  private final Depthwise depthwise;

  /** Kernels that share the given threads. */
  public VectorConv(Workers workers) {
    this.workers = workers;
    this.depthwise = new Depthwise(workers);
  }

  private static boolean isDepthwise(ConvProblem p) {
    return p.groups() > 1 && p.groups() == p.c() && p.groups() == p.outC();
  }

  @Override
  public void forward(ConvProblem p, Buffer x, Buffer weight, @Nullable Buffer bias, Buffer y) {
    if (isDepthwise(p)) {
      depthwise.forward(p, x, weight, bias, y);
      return;
    }
    int inC = p.c() / p.groups();
    int outC = p.outC() / p.groups();
    int length = p.kh() * p.kw() * inC;
    int pixels = Math.multiplyExact(p.n(), Math.multiplyExact(p.outH(), p.outW()));
    for (int g = 0; g < p.groups(); g++) {
      MatrixOperand filters =
          new MatrixOperand(
              HostBuffer.of(weight), p.weight(), (long) g * outC * length, length, true);
      MatrixOutput output =
          new MatrixOutput(
              HostBuffer.of(y),
              (long) g * outC,
              p.outC(),
              1f,
              false,
              MatrixOutput.bias(bias, p.biasType(), g * outC, outC),
              p.activation());
      Product.run(
          workers, pixels, outC, length, inputPixels(p, HostBuffer.of(x), g), filters, output);
    }
  }

  private static Operand inputPixels(ConvProblem p, MemorySegment x, int group) {
    int inC = p.c() / p.groups();
    boolean plain = p.kh() == 1 && p.kw() == 1 && p.strideH() == 1 && p.strideW() == 1;
    if (plain && p.padTop() + p.padBottom() + p.padLeft() + p.padRight() == 0) {
      return new MatrixOperand(x, DType.F32, (long) group * inC, p.c(), true);
    }
    return inputPatches(p, x, group).pixels();
  }

  private static Patches inputPatches(ConvProblem p, MemorySegment x, int group) {
    int inC = p.c() / p.groups();
    int taps = p.kh() * p.kw();
    return new Patches(
        x,
        p.h(),
        p.w(),
        p.c(),
        group * inC,
        inC,
        p.outH(),
        p.outW(),
        p.strideH(),
        p.strideW(),
        IntStream.range(0, taps).map(t -> t / p.kw() * p.dilationH() - p.padTop()).toArray(),
        IntStream.range(0, taps).map(t -> t % p.kw() * p.dilationW() - p.padLeft()).toArray());
  }

  @Override
  public void backwardData(ConvProblem p, Buffer dy, Buffer weight, Buffer dx) {
    if (isDepthwise(p)) {
      depthwise.backwardData(p, dy, weight, dx);
      return;
    }
    for (int g = 0; g < p.groups(); g++) {
      for (int y = 0; y < Math.min(p.strideH(), p.h()); y++) {
        for (int x = 0; x < Math.min(p.strideW(), p.w()); x++) {
          backwardPhase(p, g, y, x, HostBuffer.of(dy), HostBuffer.of(weight), HostBuffer.of(dx));
        }
      }
    }
  }

  /** The pixels of dx at phaseY, phaseX and whole strides from there. */
  private void backwardPhase(
      ConvProblem p,
      int group,
      int phaseY,
      int phaseX,
      MemorySegment dy,
      MemorySegment weight,
      MemorySegment dx) {
    int inC = p.c() / p.groups();
    int outC = p.outC() / p.groups();
    // Only the taps whose distance from the phase is a whole number of strides reach it.
    int[] taps =
        IntStream.range(0, p.kh() * p.kw())
            .filter(t -> (phaseY + p.padTop() - t / p.kw() * p.dilationH()) % p.strideH() == 0)
            .filter(t -> (phaseX + p.padLeft() - t % p.kw() * p.dilationW()) % p.strideW() == 0)
            .toArray();
    int gridH = Math.ceilDiv(p.h() - phaseY, p.strideH());
    int gridW = Math.ceilDiv(p.w() - phaseX, p.strideW());
    Patches patches =
        new Patches(
            dy,
            p.outH(),
            p.outW(),
            p.outC(),
            group * outC,
            outC,
            gridH,
            gridW,
            1,
            1,
            IntStream.of(taps)
                .map(t -> (phaseY + p.padTop() - t / p.kw() * p.dilationH()) / p.strideH())
                .toArray(),
            IntStream.of(taps)
                .map(t -> (phaseX + p.padLeft() - t % p.kw() * p.dilationW()) / p.strideW())
                .toArray());
    TapOperand filters =
        new TapOperand(weight, p.weight(), group * outC, outC, p.kh() * p.kw(), inC, taps);
    Product.Output output =
        p.strideH() == 1 && p.strideW() == 1
            ? new MatrixOutput(dx, (long) group * inC, p.c(), 1f, false, null, Activation.NONE)
            : new PhaseOutput(p, dx, group * inC, phaseY, phaseX, gridH, gridW);
    int pixels = Math.multiplyExact(p.n(), Math.multiplyExact(gridH, gridW));
    Product.run(workers, pixels, inC, patches.length(), patches.pixels(), filters, output);
  }

  /** The weight with the input channels as rows and (tap, output channel) as k. */
  private record TapOperand(
      MemorySegment weight, DType type, int firstOut, int outC, int tapCount, int inC, int[] taps)
      implements Operand {
    @Override
    public boolean alongK() {
      return false;
    }

    @Override
    public void read(int row, int rows, int k, int count, float[] to, int at, int stride) {
      for (int p = 0; p < count; p++) {
        int tap = taps[(k + p) / outC];
        long filter = firstOut + (k + p) % outC;
        long from = (filter * tapCount + tap) * inC + row;
        FloatRuns.read(weight, type, from, to, at + p * stride, rows);
      }
    }
  }

  /** Writes rows of a tile to every strideH-th, strideW-th pixel of dx. */
  private record PhaseOutput(
      ConvProblem p, MemorySegment dx, int channel, int phaseY, int phaseX, int gridH, int gridW)
      implements Product.Output {
    @Override
    public void store(Product.Tile tile) {
      for (int i = 0; i < tile.rows(); i++) {
        int pixel = tile.row() + i;
        int x = phaseX + pixel % gridW * p.strideW();
        int y = phaseY + pixel / gridW % gridH * p.strideH();
        int image = pixel / gridW / gridH;
        long base = (((long) image * p.h() + y) * p.w() + x) * p.c() + channel;
        new MatrixOutput(dx, base, 0, 1f, false, null, Activation.NONE).store(tile.single(i));
      }
    }
  }

  @Override
  public void backwardFilter(ConvProblem p, Buffer x, Buffer dy, Buffer dw) {
    if (isDepthwise(p)) {
      depthwise.backwardFilter(p, x, dy, dw);
      return;
    }
    int outC = p.outC() / p.groups();
    int pixels = Math.multiplyExact(p.n(), Math.multiplyExact(p.outH(), p.outW()));
    for (int g = 0; g < p.groups(); g++) {
      Patches patches = inputPatches(p, HostBuffer.of(x), g);
      int length = patches.length();
      MatrixOperand gradients =
          new MatrixOperand(HostBuffer.of(dy), DType.F32, (long) g * outC, p.outC(), false);
      MatrixOutput output =
          new MatrixOutput(
              HostBuffer.of(dw),
              (long) g * outC * length,
              length,
              1f,
              false,
              null,
              Activation.NONE);
      Product.run(workers, outC, length, pixels, gradients, patches.places(), output);
    }
  }

  /** Compares a small convolution with the plain loops'. */
  public static @Nullable String fault(ConvKernels candidate, ConvKernels reference) {
    ConvProblem p = ConvProblem.of(1, 9, 10, 24, 40, 3, 1, 1);
    HostBuffer x = new HostBuffer(SelfTest.numbers(DType.F32, 9 * 10 * 24));
    HostBuffer weight = new HostBuffer(SelfTest.numbers(DType.F32, 40 * 9 * 24));
    return SelfTest.fault(
        9 * 10 * 40,
        y -> candidate.forward(p, x, weight, null, y),
        y -> reference.forward(p, x, weight, null, y));
  }
}
