package dev.viridian.kernels.cpu;

import dev.viridian.kernels.BroadcastProblem;
import dev.viridian.kernels.PointwiseKernels;
import dev.viridian.kernels.cpu.jit.JitPaths;
import dev.viridian.kernels.cpu.reference.ReferencePointwise;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.cpu.vector.VectorPointwise;
import dev.viridian.kernels.memory.Buffer;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Element-wise functions on the CPU, the fastest implementation first. */
final class CpuPointwise extends CpuFamily<PointwiseKernels> implements PointwiseKernels {
  /** Names of the functions of pairs: who takes a problem may not have all of them. */
  private static final String[] BINARY =
      Arrays.stream(Binary.values()).map(f -> "binary." + f.name()).toArray(String[]::new);

  CpuPointwise(Workers workers, @Nullable String forced) {
    super(
        "pointwise",
        forced,
        List.of(
            new Candidates.Entry<>(
                JitPaths.of(forced), JitPaths.pointwise(workers, forced), CpuPointwise::fault),
            new Candidates.Entry<>("vector", new VectorPointwise(workers), VectorPointwise::fault),
            Candidates.Entry.reference(new ReferencePointwise())));
  }

  private static @Nullable String fault(PointwiseKernels candidate, PointwiseKernels reference) {
    return VectorPointwise.fault(candidate, reference, 32);
  }

  @Override
  public void unary(Unary f, long n, float p0, float p1, Buffer x, Buffer y) {
    pick("unary", f).unary(f, n, p0, p1, x, y);
  }

  @Override
  public void unaryBackward(Unary f, long n, float p0, float p1, Buffer x, Buffer dy, Buffer dx) {
    pick("unaryBackward", f).unaryBackward(f, n, p0, p1, x, dy, dx);
  }

  @Override
  public void binary(Binary f, BroadcastProblem p, Buffer a, Buffer b, Buffer y) {
    pick(BINARY[f.ordinal()], p).binary(f, p, a, b, y);
  }

  @Override
  public void binaryBackwardA(
      Binary f, BroadcastProblem p, Buffer a, Buffer b, Buffer dy, Buffer da) {
    pick("binaryBackwardA", p).binaryBackwardA(f, p, a, b, dy, da);
  }

  @Override
  public void binaryBackwardB(
      Binary f, BroadcastProblem p, Buffer a, Buffer b, Buffer dy, Buffer db) {
    pick("binaryBackwardB", p).binaryBackwardB(f, p, a, b, dy, db);
  }

  @Override
  public void where(long n, Buffer c, Buffer a, Buffer b, Buffer y) {
    pick("where", n).where(n, c, a, b, y);
  }

  @Override
  public void linearCombination(long n, List<Term> terms, Buffer y) {
    pick("linearCombination", n).linearCombination(n, terms, y);
  }

  @Override
  public void geglu(long rows, int cols, Buffer x, Buffer y) {
    pick("geglu", cols).geglu(rows, cols, x, y);
  }

  @Override
  public void gegluBackward(long rows, int cols, Buffer x, Buffer dy, Buffer dx) {
    pick("gegluBackward", cols).gegluBackward(rows, cols, x, dy, dx);
  }

  @Override
  public void addTo(long n, float alpha, Buffer x, Buffer y) {
    pick("addTo", n).addTo(n, alpha, x, y);
  }
}
