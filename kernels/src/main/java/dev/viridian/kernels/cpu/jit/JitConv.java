package dev.viridian.kernels.cpu.jit;

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
 * Convolutions on generated code, forward and without groups. The map is read where it lies: each
 * pixel of the result is a row of a product, each tap of the kernel a segment of that row, and a
 * tap outside of the map a segment of zeros.
 */
public final class JitConv implements ConvKernels, Selective {
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
    return operation.equals("forward")
        && problem instanceof ConvProblem p
        && p.groups() == 1
        && kit.get() != null;
  }

  /**
   * {@inheritDoc}
   *
   * @throws IndexOutOfBoundsException if a buffer is shorter than the problem says
   * @throws IllegalArgumentException if the problem is not {@link #accepts accepted}
   */
  @Override
  public void forward(ConvProblem p, Buffer x, Buffer weight, @Nullable Buffer bias, Buffer y) {
    Kit code = kit.get();
    if (code == null || !accepts("forward", p)) {
      throw new IllegalArgumentException("JitConv: does not take " + p);
    }
    int pixels = Math.multiplyExact(p.n(), Math.multiplyExact(p.outH(), p.outW()));
    if (pixels == 0) {
      return;
    }
    int length = Math.multiplyExact(p.kh() * p.kw(), p.c());
    long inPixels = Math.multiplyExact((long) p.n() * p.h(), p.w());
    long from = Range.address("conv: x", x, DType.F32, Math.multiplyExact(inPixels, p.c()));
    Range.address("conv: weight", weight, p.weight(), (long) p.outC() * length);
    Range.address("conv: y", y, DType.F32, (long) pixels * p.outC());
    MemorySegment biases = Bias.of("conv: bias", p.bias() ? bias : null, p.biasType(), p.outC());
    ProductOutput output =
        new ProductOutput(
            HostBuffer.of(y),
            0,
            p.outC(),
            1f,
            false,
            biases == null ? 0 : biases.address(),
            p.activation());
    RightMatrix right = new RightMatrix(HostBuffer.of(weight), p.weight(), 0, length, true);
    MemorySegment zeros = NativeScratch.get(NativeScratch.Part.ZEROS, 4L * p.c());
    int size = WinogradConv.choose(p);
    if (size > 0 && code.winograd(size)) {
      MemorySegment added =
          biases != null
              ? biases
              : NativeScratch.get(NativeScratch.Part.BIAS, 4L * p.outC()).fill((byte) 0);
      new WinogradConv(workers, code, p, size, from, right, HostBuffer.of(y), added).run();
    } else {
      LeftRows left = new Pixels(p, from, zeros.address());
      new JitProduct(workers, code, left, right, pixels, p.outC(), output).run();
    }
    Reference.reachabilityFence(x);
    Reference.reachabilityFence(weight);
    Reference.reachabilityFence(biases);
    Reference.reachabilityFence(zeros);
    Reference.reachabilityFence(y);
  }

  /** The pixels that each pixel of the result is made of. */
  private record Pixels(ConvProblem p, long map, long zeros) implements LeftRows {
    @Override
    public int segments() {
      return p.kh() * p.kw();
    }

    @Override
    public int length() {
      return p.c();
    }

    @Override
    public void enter(int row, int count, RowTable table) {
      int x = row % p.outW();
      int y = row / p.outW() % p.outH();
      int image = row / p.outW() / p.outH();
      for (int i = 0; i < count; i++) {
        for (int tap = 0; tap < segments(); tap++) {
          int sourceY = y * p.strideH() + tap / p.kw() * p.dilationH() - p.padTop();
          int sourceX = x * p.strideW() + tap % p.kw() * p.dilationW() - p.padLeft();
          boolean inside = sourceY >= 0 && sourceY < p.h() && sourceX >= 0 && sourceX < p.w();
          long pixel = ((long) image * p.h() + sourceY) * p.w() + sourceX;
          table.set(i, tap, inside ? map + 4 * pixel * p.c() : zeros);
        }
        if (++x == p.outW()) {
          x = 0;
          if (++y == p.outH()) {
            y = 0;
            image++;
          }
        }
      }
    }
  }

  @Override
  public void backwardData(ConvProblem p, Buffer dy, Buffer weight, Buffer dx) {
    throw new IllegalArgumentException("JitConv: does not take backwardData");
  }

  @Override
  public void backwardFilter(ConvProblem p, Buffer x, Buffer dy, Buffer dw) {
    throw new IllegalArgumentException("JitConv: does not take backwardFilter");
  }
}
