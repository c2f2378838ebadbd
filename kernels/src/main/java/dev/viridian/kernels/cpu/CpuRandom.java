package dev.viridian.kernels.cpu;

import dev.viridian.kernels.RandomKernels;
import dev.viridian.kernels.cpu.reference.ReferenceRandom;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Random numbers on the CPU, the fastest implementation first. */
final class CpuRandom extends CpuFamily<RandomKernels> implements RandomKernels {
  CpuRandom(Workers workers, @Nullable String forced) {
    super("random", forced, List.of(Candidates.Entry.reference(new ReferenceRandom())));
  }

  @Override
  public void uniform(long seed, long offset, long n, Buffer x) {
    pick("uniform", n).uniform(seed, offset, n, x);
  }

  @Override
  public void normal(long seed, long offset, long n, Buffer x) {
    pick("normal", n).normal(seed, offset, n, x);
  }
}
