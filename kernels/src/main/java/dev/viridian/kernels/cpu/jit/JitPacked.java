package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.PackedJoin;
import dev.viridian.kernels.PackedKernels;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.Precision;
import dev.viridian.kernels.Selective;
import dev.viridian.kernels.cpu.jit.JoinCode.Join;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.cpu.vector.TurnedPanels;
import dev.viridian.kernels.cpu.vector.VectorNorm;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Products in lower precision on generated code. */
public final class JitPacked implements PackedKernels, Selective {
  private final Workers workers;
  private final Function<DotType, @Nullable DotKit> kits;

  /** Kernels that share the given threads, for what this machine has. */
  public JitPacked(Workers workers) {
    this(workers, DotKit::of);
  }

  /** The same on given functions. */
  JitPacked(Workers workers, Function<DotType, @Nullable DotKit> kits) {
    this.workers = workers;
    this.kits = kits;
  }

  @Override
  public boolean accepts(String operation, Object problem) {
    return problem instanceof PackedWeight w && offers(w.precision());
  }

  @Override
  public boolean offers(Precision precision) {
    return precision != Precision.F32 && kits.apply(DotType.of(precision)) != null;
  }

  private DotKit kit(PackedWeight w) {
    DotKit kit = kits.apply(DotType.of(w.precision()));
    if (kit == null) {
      throw new IllegalArgumentException("JitPacked: does not take " + w);
    }
    return kit;
  }

  /**
   * {@inheritDoc}
   *
   * @throws IndexOutOfBoundsException if a buffer is shorter than it should be
   */
  @Override
  public void pack(PackedWeight w, DType type, Buffer weight, Buffer packed) {
    long values = Math.multiplyExact((long) w.out() * w.taps(), w.channels());
    Range.address("pack: weight", weight, type, values);
    Range.address("pack: packed", packed, DType.U8, w.bytes());
    PanelPacker packer =
        new PanelPacker(kit(w), w, type, HostBuffer.of(weight), HostBuffer.of(packed));
    workers.run(w.panels(), packer::pack);
    Reference.reachabilityFence(weight);
    Reference.reachabilityFence(packed);
  }

  /**
   * {@inheritDoc}
   *
   * @throws IndexOutOfBoundsException if a buffer is shorter than it should be
   */
  @Override
  public void packTurned(PackedWeight w, Buffer weight, Buffer packed) {
    w.requireTurnable();
    long values = Math.multiplyExact((long) w.out(), w.channels());
    Range.address("packTurned: weight", weight, DType.F32, values);
    Range.address("packTurned: packed", packed, DType.U8, w.bytes());
    new TurnedPanels(workers).pack(w, HostBuffer.of(weight), HostBuffer.of(packed));
  }

  /**
   * {@inheritDoc}
   *
   * @throws IndexOutOfBoundsException if a buffer is shorter than it should be
   */
  @Override
  public double lost(PackedWeight w, DType type, Buffer weight, Buffer packed) {
    w.requireBytes();
    long values = Math.multiplyExact((long) w.out() * w.taps(), w.channels());
    Range.address("lost: weight", weight, type, values);
    Range.address("lost: packed", packed, DType.U8, w.bytes());
    PackingLoss loss =
        new PackingLoss(kit(w), w, type, HostBuffer.of(weight), HostBuffer.of(packed));
    double lost = loss.measure(workers);
    Reference.reachabilityFence(weight);
    Reference.reachabilityFence(packed);
    return lost;
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
    if (rows > 0) {
      ConvProblem p =
          ConvProblem.of(1, rows, 1, w.channels(), w.out(), 1, 1, 0)
              .epilogue(bias != null, biasType, Activation.NONE);
      convolve(p, w, x, packed, bias, y);
    }
  }

  /**
   * {@inheritDoc}
   *
   * @throws IndexOutOfBoundsException if a buffer is shorter than it should be
   */
  @Override
  public void convolve(
      ConvProblem p, PackedWeight w, Buffer x, Buffer packed, @Nullable Buffer bias, Buffer y) {
    DotKit kit = kit(w);
    if (p.groups() != 1
        || p.c() != w.channels()
        || p.outC() != w.out()
        || p.kh() * p.kw() != w.taps()) {
      throw new IllegalArgumentException("JitPacked: " + w + " does not belong to " + p);
    }
    ConvProblem flat = flat(p);
    long inputs = Math.multiplyExact(Math.multiplyExact((long) p.n() * p.h(), p.w()), p.c());
    long pixels = Math.multiplyExact((long) p.outH(), p.outW());
    long outputs = Math.multiplyExact(pixels * p.n(), p.outC());
    Range.address("packed product: x", x, DType.F32, inputs);
    Range.address("packed product: weight", packed, DType.U8, w.bytes());
    Range.address("packed product: y", y, DType.F32, outputs);
    MemorySegment biases = biases(p, w, bias);
    MemorySegment from = HostBuffer.of(x);
    MemorySegment weight = HostBuffer.of(packed);
    if (p.n() == 0) {
      return;
    }
    if (AmxProduct.takes(kit, flat, w)) {
      AmxProduct.Data data =
          new AmxProduct.Data(from, DType.F32, weight, biases, null, HostBuffer.of(y));
      new AmxProduct(workers, kit, flat, w, data).run();
    } else {
      onVectors(kit, flat, w, from, weight, biases, HostBuffer.of(y));
    }
    Reference.reachabilityFence(x);
    Reference.reachabilityFence(packed);
    Reference.reachabilityFence(biases);
    Reference.reachabilityFence(y);
  }

  /** With tiles. */
  @Override
  public boolean joins(PackedJoin p) {
    DotKit kit = kits.apply(DotType.BF16);
    return kit != null && AmxProduct.takes(kit, flat(p.conv()), p.weight()) && AmxProduct.joins(p);
  }

  /**
   * {@inheritDoc}
   *
   * @throws IndexOutOfBoundsException if a buffer is shorter than it should be
   */
  @Override
  public void joined(
      PackedJoin p,
      Buffer x,
      Buffer packed,
      @Nullable Buffer bias,
      @Nullable Buffer onto,
      Buffer y) {
    PackedWeight w = p.weight();
    if (!joins(p)) {
      throw new IllegalArgumentException("JitPacked: does not take " + p);
    }
    long outputs = Math.multiplyExact(p.rows(), p.columns());
    Range.address("joined: x", x, p.x(), p.inputs());
    Range.address("joined: weight", packed, DType.U8, w.bytes());
    long to = Range.address("joined: y", y, p.kind().type(), outputs);
    if (to % JoinCode.ALIGNMENT != 0) {
      throw new IllegalArgumentException("joined: y: expected at a multiple of 64 bytes");
    }
    MemorySegment added = null;
    if (p.kind() == PackedJoin.Kind.ONTO) {
      Buffer numbers = Objects.requireNonNull(onto, "joined: onto");
      Range.address("joined: onto", numbers, DType.F32, outputs);
      added = HostBuffer.of(numbers);
    }
    MemorySegment biases = biases(p.conv(), w, bias);
    AmxProduct.Data data =
        new AmxProduct.Data(
            HostBuffer.of(x), p.x(), HostBuffer.of(packed), biases, added, HostBuffer.of(y));
    Join join =
        switch (p.kind()) {
          case GATED -> Join.GATED;
          case ONTO -> Join.ONTO;
          case PLAIN -> Join.COPY;
        };
    if (p.rows() > 0) {
      new AmxProduct(workers, kit(w), flat(p.conv()), w, data, join).run();
    }
    Reference.reachabilityFence(x);
    Reference.reachabilityFence(packed);
    Reference.reachabilityFence(biases);
    Reference.reachabilityFence(onto);
    Reference.reachabilityFence(y);
  }

  private void onVectors(
      DotKit kit,
      ConvProblem p,
      PackedWeight w,
      MemorySegment x,
      MemorySegment packed,
      MemorySegment biases,
      MemorySegment y) {
    DotProduct product =
        new DotProduct(workers, kit, w, packed, biases.address(), y, p.activation());
    NarrowMap map = new NarrowMap(kit, workers, p, w, x, DType.F32, false);
    int band = map.bandRows();
    for (int i = 0; i < p.n(); i++) {
      for (int row = 0; row < p.outH(); row += band) {
        map.enter(i, row, Math.min(band, p.outH() - row));
        product.run(map, ((long) i * p.outH() + row) * p.outW() * w.out());
      }
    }
  }

  /** A convolution that sees no neighbours is one of a column of pixels: its bands are even. */
  private static ConvProblem flat(ConvProblem p) {
    boolean plain = NarrowMap.ofRows(p) && p.strideH() == 1 && p.strideW() == 1 && p.n() > 0;
    int rows = plain ? Math.multiplyExact(p.n(), Math.multiplyExact(p.h(), p.w())) : 0;
    return plain
        ? ConvProblem.of(1, rows, 1, p.c(), p.outC(), 1, 1, 0)
            .epilogue(p.bias(), p.biasType(), p.activation())
        : p;
  }

  /** A float for each column of all panels. */
  private static MemorySegment biases(ConvProblem p, PackedWeight w, @Nullable Buffer bias) {
    long bytes = 4L * PackedWeight.PANEL * w.panels();
    MemorySegment to = NativeScratch.get(NativeScratch.Part.BIAS, bytes);
    to.asSlice(0, bytes).fill((byte) 0);
    if (p.bias() && bias != null) {
      Range.address("packed product: bias", bias, p.biasType(), p.outC());
      float[] values = VectorNorm.parameter(bias, p.biasType(), p.outC(), 0);
      MemorySegment.copy(values, 0, to, JAVA_FLOAT, 0, p.outC());
    }
    return to;
  }
}
