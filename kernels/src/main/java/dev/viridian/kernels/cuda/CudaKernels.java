package dev.viridian.kernels.cuda;

import dev.viridian.kernels.AttentionKernels;
import dev.viridian.kernels.ConvKernels;
import dev.viridian.kernels.CopyKernels;
import dev.viridian.kernels.GemmKernels;
import dev.viridian.kernels.ImageKernels;
import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.NormKernels;
import dev.viridian.kernels.OptimizerKernels;
import dev.viridian.kernels.PointwiseKernels;
import dev.viridian.kernels.RandomKernels;
import dev.viridian.kernels.ReduceKernels;
import dev.viridian.kernels.ResampleKernels;
import dev.viridian.kernels.SoftmaxKernels;
import java.lang.reflect.Proxy;
import java.util.Set;

/**
 * The kernels of a CUDA device. Nothing here falls back to the CPU: a family that is not written
 * yet throws UnsupportedOperationException and says so.
 */
public final class CudaKernels implements Kernels {
  /** All families, by the names of {@link Kernels}' methods. */
  public static final Set<String> FAMILIES =
      Set.of(
          "gemm",
          "conv",
          "attention",
          "softmax",
          "norm",
          "pointwise",
          "reduce",
          "resample",
          "copy",
          "random",
          "optimizer",
          "image");

  /** Families, by the names of {@link Kernels}' methods, that are not written yet. */
  public static final Set<String> MISSING =
      Set.of(
          "gemm",
          "conv",
          "attention",
          "softmax",
          "norm",
          "reduce",
          "resample",
          "copy",
          "random",
          "optimizer",
          "image");

  private final PointwiseKernels pointwise;

  /** Kernels on a device, with scratch memory from its allocator. */
  public CudaKernels(CudaDevice device, CudaAllocator allocator) {
    pointwise = new CudaPointwise(device, allocator);
  }

  private static <T> T missing(Class<T> family, String name) {
    return family.cast(
        Proxy.newProxyInstance(
            family.getClassLoader(),
            new Class<?>[] {family},
            (self, method, arguments) -> {
              throw new UnsupportedOperationException(
                  "CUDA: the family " + name + " is not written yet (" + method.getName() + ")");
            }));
  }

  @Override
  public GemmKernels gemm() {
    return missing(GemmKernels.class, "gemm");
  }

  @Override
  public ConvKernels conv() {
    return missing(ConvKernels.class, "conv");
  }

  @Override
  public AttentionKernels attention() {
    return missing(AttentionKernels.class, "attention");
  }

  @Override
  public SoftmaxKernels softmax() {
    return missing(SoftmaxKernels.class, "softmax");
  }

  @Override
  public NormKernels norm() {
    return missing(NormKernels.class, "norm");
  }

  @Override
  public PointwiseKernels pointwise() {
    return pointwise;
  }

  @Override
  public ReduceKernels reduce() {
    return missing(ReduceKernels.class, "reduce");
  }

  @Override
  public ResampleKernels resample() {
    return missing(ResampleKernels.class, "resample");
  }

  @Override
  public CopyKernels copy() {
    return missing(CopyKernels.class, "copy");
  }

  @Override
  public RandomKernels random() {
    return missing(RandomKernels.class, "random");
  }

  @Override
  public OptimizerKernels optimizer() {
    return missing(OptimizerKernels.class, "optimizer");
  }

  @Override
  public ImageKernels image() {
    return missing(ImageKernels.class, "image");
  }

  @Override
  public void close() {
    // modules belong to the device
  }
}
