package dev.viridian.kernels;

/**
 * One implementation of every family, for one device. Calls may come from several threads; each is
 * complete when it returns (or, on a device with a queue, ordered after the calls before it).
 */
public interface Kernels extends AutoCloseable {
  /** Matrix products. */
  GemmKernels gemm();

  /** Convolutions. */
  ConvKernels conv();

  /** Products with weights in lower precision; none unless a device says otherwise. */
  default PackedKernels packed() {
    return new NothingPacked();
  }

  /** Attention. */
  AttentionKernels attention();

  /** Softmax and its kin. */
  SoftmaxKernels softmax();

  /** Normalisations. */
  NormKernels norm();

  /** Element by element. */
  PointwiseKernels pointwise();

  /** Reductions and running sums. */
  ReduceKernels reduce();

  /** Resizing and pooling. */
  ResampleKernels resample();

  /** Copies, conversions and indices. */
  CopyKernels copy();

  /** Random numbers. */
  RandomKernels random();

  /** Optimiser steps. */
  OptimizerKernels optimizer();

  /** Sobel and K-Means. */
  ImageKernels image();

  /** Ends the device's threads or queues. */
  @Override
  void close();
}
