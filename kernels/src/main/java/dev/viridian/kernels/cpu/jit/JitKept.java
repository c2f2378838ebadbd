package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.PackedKernels;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.Precision;
import dev.viridian.kernels.Selective;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import dev.viridian.kernels.memory.SystemMemory;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Linear layers by F32 weights that were turned when their model was loaded, and scaled for {@link
 * PairTile} where pairs gain. There, where {@link JitGemm} takes pairs, its product by the weight
 * as it lies is the same to the bit, but for what is below 2⁻¹²⁶ of the greatest value of a part.
 */
public final class JitKept implements PackedKernels, Selective {
  private static final int WIDTH = PackedWeight.PANEL;

  private final Workers workers;
  private final Supplier<@Nullable Kit> kit;

  /** Kernels that share the given threads, for what this machine has. */
  public JitKept(Workers workers) {
    this.workers = workers;
    kit = Kit::best;
  }

  /** The same on given functions; null declines everything. */
  JitKept(Workers workers, @Nullable Kit kit) {
    this.workers = workers;
    this.kit = () -> kit;
  }

  @Override
  public boolean accepts(String operation, Object problem) {
    return problem instanceof PackedWeight w && offers(w.precision());
  }

  /** F32. */
  @Override
  public boolean offers(Precision precision) {
    Kit code = precision == Precision.F32 ? kit.get() : null;
    return code != null && code.keeps();
  }

  private Kit kit(PackedWeight w) {
    Kit code = kit.get();
    if (code == null || !accepts("kit", w)) {
      throw new IllegalArgumentException("JitKept: does not take " + w);
    }
    return code;
  }

  /**
   * {@inheritDoc}
   *
   * @throws IndexOutOfBoundsException if a buffer is shorter than it should be
   */
  @Override
  public void pack(PackedWeight w, DType type, Buffer weight, Buffer packed) {
    Kit code = kit(w);
    Range.address("pack: weight", weight, type, Math.multiplyExact((long) w.out(), w.channels()));
    Range.address("pack: packed", packed, DType.U8, w.bytes());
    RightMatrix from = new RightMatrix(HostBuffer.of(weight), type, 0, w.channels(), true);
    MemorySegment to = HostBuffer.of(packed);
    // All of it is read in each product, in order: small pages' tables would be waited for.
    SystemMemory.inLargePages(to.asSlice(0, w.bytes()));
    workers.run(
        w.panels(),
        panel -> {
          for (int k = 0; k < w.channels(); k += w.pieceLength()) {
            pack(code, w, from, panel, k, to);
          }
        });
    Reference.reachabilityFence(weight);
    Reference.reachabilityFence(packed);
  }

  private static void pack(
      Kit code, PackedWeight w, RightMatrix from, int panel, int k, MemorySegment to) {
    int column = panel * WIDTH;
    int present = Math.min(WIDTH, w.out() - column);
    int count = w.pieceLength(k);
    long valuesAt = w.at(column, k);
    long numbersAt = w.numbersAt(panel, k);
    long numberBytes = PairColumnsCode.numberBytes(WIDTH, count);
    long values = Range.address(to, valuesAt, 4L * WIDTH * count);
    long numbers = Range.address(to, numbersAt, numberBytes);
    from.pack(code, column, present, k, count, to, valuesAt, WIDTH);
    if (code.pairs()) {
      int chunks = PairTile.partChunks(count);
      if (PairColumnsCode.scale(code, values, 0, 1, WIDTH, count, chunks, numbers)) {
        return;
      }
      from.pack(code, column, present, k, count, to, valuesAt, WIDTH);
    }
    for (int i = 0; i < numberBytes / Float.BYTES; i++) {
      boolean power = i / WIDTH % 2 == 1;
      to.set(JAVA_FLOAT, numbersAt + 4L * i, power ? 1 : Float.NaN);
    }
  }

  /** Not offered. */
  @Override
  public void packTurned(PackedWeight w, Buffer weight, Buffer packed) {
    throw new IllegalArgumentException("JitKept: does not pack " + w + " turned");
  }

  /** Not offered. */
  @Override
  public double lost(PackedWeight w, DType type, Buffer weight, Buffer packed) {
    throw new IllegalArgumentException("JitKept: " + w + " loses nothing");
  }

  /**
   * {@inheritDoc}
   *
   * @throws IndexOutOfBoundsException if a buffer is shorter than it should be
   */
  @Override
  public void product(
      PackedWeight w,
      int rows,
      Buffer x,
      Buffer packed,
      DType biasType,
      @Nullable Buffer bias,
      Buffer y) {
    Kit code = kit(w);
    long inputs = Math.multiplyExact((long) rows, w.channels());
    long at = Range.address("packed product: x", x, DType.F32, inputs);
    Range.address("packed product: weight", packed, DType.U8, w.bytes());
    long outputs = Math.multiplyExact((long) rows, w.out());
    Range.address("packed product: y", y, DType.F32, outputs);
    MemorySegment biases = Bias.of("packed product: bias", bias, biasType, w.out());
    long biasesAt = biases == null ? 0 : biases.address();
    LeftRows left =
        !code.pairs() && MatrixRows.collide(w.channels(), rows, w.out(), w.channels())
            ? MatrixRows.apart(workers, HostBuffer.of(x), 0, w.channels(), rows, w.channels())
            : new MatrixRows(at, w.channels(), w.channels());
    ProductOutput output =
        new ProductOutput(HostBuffer.of(y), 0, w.out(), 1, false, biasesAt, Activation.NONE);
    new JitProduct(workers, code, left, w, HostBuffer.of(packed), rows, output).run();
    Reference.reachabilityFence(x);
    Reference.reachabilityFence(packed);
    Reference.reachabilityFence(biases);
    Reference.reachabilityFence(y);
  }

  /** Not offered. */
  @Override
  public void convolve(
      ConvProblem p, PackedWeight w, Buffer x, Buffer packed, @Nullable Buffer bias, Buffer y) {
    throw new IllegalArgumentException("JitKept: does not convolve by " + w);
  }
}
