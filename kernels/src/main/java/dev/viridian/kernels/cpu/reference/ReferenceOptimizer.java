package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.OptimizerKernels;
import dev.viridian.kernels.memory.Buffer;

/** Optimiser steps by plain loops. */
public final class ReferenceOptimizer implements OptimizerKernels {
  @Override
  public void adamW(AdamW p, long n, Buffer w, Buffer g, Buffer m, Buffer v) {
    throw new UnsupportedOperationException("Optimizer.adamW");
  }

  @Override
  public void sgd(Sgd p, long n, Buffer w, Buffer g, Buffer b) {
    throw new UnsupportedOperationException("Optimizer.sgd");
  }

  @Override
  public void movingAverage(long n, double decay, Buffer w, Buffer shadow) {
    throw new UnsupportedOperationException("Optimizer.movingAverage");
  }

  @Override
  public double sumOfSquares(long n, Buffer g) {
    throw new UnsupportedOperationException("Optimizer.sumOfSquares");
  }
}
