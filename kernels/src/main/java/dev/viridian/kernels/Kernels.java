package dev.viridian.kernels;

import java.util.function.IntConsumer;

/**
 * One implementation of every family, for one device. Calls may come from several threads; each is
 * complete when it returns (or, on a device with a queue, ordered after the calls before it).
 */
public interface Kernels extends AutoCloseable {
  /**
   * What networks may keep their activations in between ops, where no gradient is wanted: F32, or a
   * type of 16 bits that {@link #of} takes.
   */
  default DType activations() {
    return DType.F32;
  }

  /**
   * The same kernels for activations of a type. Forward passes alone: in place of the contracts'
   * F32 stand factors a and c of products, maps x and y of convolutions, norms and resizes, q, k, v
   * and out of attention, x, a, b and y of what is done element by element. Arithmetic and sums
   * stay F32; so do statistics, masks, columns and everything that is given by its own type. To be
   * closed with these.
   *
   * @param activations F32, which is these kernels, or {@link #activations}
   * @throws UnsupportedOperationException if the device has none
   */
  default Kernels of(DType activations) {
    if (activations == DType.F32) {
      return this;
    }
    throw new UnsupportedOperationException(
        "this device has no kernels for activations of " + activations);
  }

  /**
   * Does parts 0 to {@code count − 1} of some work of the host, such as reading a file, on the
   * threads that the kernels share, where they are the CPU's; else one after the other. The parts
   * must not depend on each other; kernels that one of them calls run on its thread alone.
   *
   * @throws RuntimeException or Error that a part threw; those that had not begun are dropped
   */
  default void share(int count, IntConsumer part) {
    for (int i = 0; i < count; i++) {
      part.accept(i);
    }
  }

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
