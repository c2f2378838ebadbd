package dev.viridian.kernels.cpu;

import dev.viridian.kernels.OptimizerKernels;
import dev.viridian.kernels.cpu.reference.ReferenceOptimizer;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.cpu.vector.VectorOptimizer;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Optimiser steps on the CPU, the fastest implementation first. */
final class CpuOptimizer extends CpuFamily<OptimizerKernels> implements OptimizerKernels {
  CpuOptimizer(Workers workers, @Nullable String forced) {
    super(
        "optimizer",
        forced,
        List.of(
            new Candidates.Entry<>("vector", new VectorOptimizer(workers), VectorOptimizer::fault),
            Candidates.Entry.reference(new ReferenceOptimizer())));
  }

  @Override
  public void adamW(AdamW p, long n, Buffer w, Buffer g, Buffer m, Buffer v) {
    pick("adamW", p).adamW(p, n, w, g, m, v);
  }

  @Override
  public void sgd(Sgd p, long n, Buffer w, Buffer g, Buffer b) {
    pick("sgd", p).sgd(p, n, w, g, b);
  }

  @Override
  public void movingAverage(long n, double decay, Buffer w, Buffer shadow) {
    pick("movingAverage", n).movingAverage(n, decay, w, shadow);
  }

  @Override
  public double sumOfSquares(long n, Buffer g) {
    return pick("sumOfSquares", n).sumOfSquares(n, g);
  }
}
