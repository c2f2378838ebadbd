package dev.viridian.kernels.cpu;

import dev.viridian.kernels.GemmKernels;
import dev.viridian.kernels.GemmProblem;
import dev.viridian.kernels.cpu.jit.JitPaths;
import dev.viridian.kernels.cpu.reference.ReferenceGemm;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.cpu.vector.VectorGemm;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Matrix products on the CPU, the fastest implementation first. */
final class CpuGemm extends CpuFamily<GemmKernels> implements GemmKernels {
  CpuGemm(Workers workers, @Nullable String forced) {
    super(
        "gemm",
        forced,
        List.of(
            new Candidates.Entry<>(
                JitPaths.of(forced), JitPaths.gemm(workers, forced), VectorGemm::fault),
            new Candidates.Entry<>("vector", new VectorGemm(workers), VectorGemm::fault),
            Candidates.Entry.reference(new ReferenceGemm(workers))));
  }

  @Override
  public void gemm(GemmProblem p, Buffer a, Buffer b, @Nullable Buffer bias, Buffer c) {
    pick("gemm", p).gemm(p, a, b, bias, c);
  }
}
