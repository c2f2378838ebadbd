package dev.viridian.kernels.cpu;

import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.PackedJoin;
import dev.viridian.kernels.PackedKernels;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.Precision;
import dev.viridian.kernels.cpu.jit.JitPacked;
import dev.viridian.kernels.cpu.jit.JitPaths;
import dev.viridian.kernels.cpu.reference.ReferencePacked;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.cpu.vector.PackedCheck;
import dev.viridian.kernels.cpu.vector.PairedCheck;
import dev.viridian.kernels.memory.Buffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Products with packed weights on the CPU, the fastest implementation first. */
final class CpuPacked extends CpuFamily<PackedKernels> implements PackedKernels {
  private static final String KEPT = "kept";

  private final boolean plain;

  CpuPacked(Workers workers, @Nullable String forced) {
    super("packed", forced, entries(workers, forced));
    plain = "reference".equals(forced);
  }

  /** Whoever forces products that keep no weights gets none. */
  private static List<Candidates.Entry<PackedKernels>> entries(
      Workers workers, @Nullable String forced) {
    List<Candidates.Entry<PackedKernels>> entries = new ArrayList<>();
    if (forced == null || forced.equals(KEPT) || !JitPaths.of(forced).equals(JitPaths.of(null))) {
      entries.add(new Candidates.Entry<>(KEPT, JitPaths.kept(workers, forced), PairedCheck::fault));
    }
    entries.add(new Candidates.Entry<>("jit", new JitPacked(workers), PackedCheck::fault));
    entries.add(Candidates.Entry.reference(new ReferencePacked(workers)));
    return entries;
  }

  /** What generated code offers; everything if plain loops are asked for. */
  @Override
  public boolean offers(Precision precision) {
    return plain
        || pick("offers", new PackedWeight(precision, 1, 1, PackedWeight.CHUNK)).offers(precision);
  }

  @Override
  public void pack(PackedWeight w, DType type, Buffer weight, Buffer packed) {
    pick("pack", w).pack(w, type, weight, packed);
  }

  @Override
  public void packTurned(PackedWeight w, Buffer weight, Buffer packed) {
    pick("packTurned", w).packTurned(w, weight, packed);
  }

  @Override
  public double lost(PackedWeight w, DType type, Buffer weight, Buffer packed) {
    return pick("lost", w).lost(w, type, weight, packed);
  }

  @Override
  public void product(
      PackedWeight w,
      int rows,
      Buffer x,
      Buffer packed,
      DType biasType,
      @Nullable Buffer bias,
      Buffer y) {
    pick("product", w).product(w, rows, x, packed, biasType, bias, y);
  }

  @Override
  public void convolve(
      ConvProblem p, PackedWeight w, Buffer x, Buffer packed, @Nullable Buffer bias, Buffer y) {
    pick("convolve", w).convolve(p, w, x, packed, bias, y);
  }

  /** What generated code joins; everything if plain loops are asked for. */
  @Override
  public boolean joins(PackedJoin p) {
    return plain || pick("joins", p.weight()).joins(p);
  }

  @Override
  public void joined(
      PackedJoin p,
      Buffer x,
      Buffer packed,
      @Nullable Buffer bias,
      @Nullable Buffer onto,
      Buffer y) {
    pick("joined", p.weight()).joined(p, x, packed, bias, onto, y);
  }
}
