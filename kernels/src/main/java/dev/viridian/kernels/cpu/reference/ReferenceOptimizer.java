package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.OptimizerKernels;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;

/** Optimiser steps by plain loops, in double, each value rounded once. */
public final class ReferenceOptimizer implements OptimizerKernels {
  @Override
  public void adamW(AdamW p, long n, Buffer w, Buffer g, Buffer m, Buffer v) {
    MemorySegment weights = HostBuffer.of(w);
    MemorySegment gradients = HostBuffer.of(g);
    MemorySegment means = HostBuffer.of(m);
    MemorySegment squares = HostBuffer.of(v);
    double rootCorrection2 = Math.sqrt(p.biasCorrection2());
    for (long i = 0; i < n; i++) {
      double gradient = get(gradients, i);
      double mean = p.beta1() * get(means, i) + (1 - p.beta1()) * gradient;
      double square = p.beta2() * get(squares, i) + (1 - p.beta2()) * gradient * gradient;
      double weight = get(weights, i) * (1 - p.learningRate() * p.weightDecay());
      double root = Math.sqrt(square) / rootCorrection2;
      weight -= p.learningRate() / p.biasCorrection1() * mean / (root + p.eps());
      set(means, i, mean);
      set(squares, i, square);
      set(weights, i, weight);
    }
  }

  @Override
  public void sgd(Sgd p, long n, Buffer w, Buffer g, Buffer b) {
    MemorySegment weights = HostBuffer.of(w);
    MemorySegment gradients = HostBuffer.of(g);
    MemorySegment momenta = HostBuffer.of(b);
    for (long i = 0; i < n; i++) {
      double weight = get(weights, i);
      double gradient = get(gradients, i) + p.weightDecay() * weight;
      double momentum = p.first() ? gradient : p.momentum() * get(momenta, i) + gradient;
      double step = p.nesterov() ? gradient + p.momentum() * momentum : momentum;
      set(momenta, i, momentum);
      set(weights, i, weight - p.learningRate() * step);
    }
  }

  @Override
  public void movingAverage(long n, double decay, Buffer w, Buffer shadow) {
    MemorySegment weights = HostBuffer.of(w);
    MemorySegment averages = HostBuffer.of(shadow);
    for (long i = 0; i < n; i++) {
      double average = get(averages, i);
      set(averages, i, average - (1 - decay) * (average - get(weights, i)));
    }
  }

  @Override
  public double sumOfSquares(long n, Buffer g) {
    MemorySegment gradients = HostBuffer.of(g);
    double sum = 0;
    for (long i = 0; i < n; i++) {
      double gradient = get(gradients, i);
      sum += gradient * gradient;
    }
    return sum;
  }

  private static double get(MemorySegment s, long index) {
    return Values.getFloat(s, DType.F32, index);
  }

  private static void set(MemorySegment s, long index, double value) {
    Values.setFloat(s, DType.F32, index, (float) value);
  }
}
