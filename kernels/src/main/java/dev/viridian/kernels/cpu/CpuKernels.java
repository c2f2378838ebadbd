package dev.viridian.kernels.cpu;

import dev.viridian.kernels.AttentionKernels;
import dev.viridian.kernels.ConvKernels;
import dev.viridian.kernels.CopyKernels;
import dev.viridian.kernels.GemmKernels;
import dev.viridian.kernels.ImageKernels;
import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.NormKernels;
import dev.viridian.kernels.OptimizerKernels;
import dev.viridian.kernels.PackedKernels;
import dev.viridian.kernels.PointwiseKernels;
import dev.viridian.kernels.RandomKernels;
import dev.viridian.kernels.ReduceKernels;
import dev.viridian.kernels.ResampleKernels;
import dev.viridian.kernels.SoftmaxKernels;
import dev.viridian.kernels.cpu.threads.Workers;
import java.util.TreeSet;
import java.util.function.IntConsumer;

/** The kernels of the CPU, family by family, on one set of threads. */
public final class CpuKernels implements Kernels {
  private final Workers workers;
  private final CpuGemm gemm;
  private final CpuConv conv;
  private final CpuPacked packed;
  private final CpuAttention attention;
  private final CpuSoftmax softmax;
  private final CpuNorm norm;
  private final CpuPointwise pointwise;
  private final CpuReduce reduce;
  private final CpuResample resample;
  private final CpuCopy copy;
  private final CpuRandom random;
  private final CpuOptimizer optimizer;
  private final CpuImage image;

  /** Starts the threads; kernels are chosen and checked as they are first needed. */
  public CpuKernels(CpuOptions options) {
    workers = new Workers(options.threads());
    gemm = new CpuGemm(workers, options.forced().get("gemm"));
    conv = new CpuConv(workers, options.forced().get("conv"));
    packed = new CpuPacked(workers, options.forced().get("packed"));
    attention = new CpuAttention(workers, options.forced().get("attention"));
    softmax = new CpuSoftmax(workers, options.forced().get("softmax"));
    norm = new CpuNorm(workers, options.forced().get("norm"));
    pointwise = new CpuPointwise(workers, options.forced().get("pointwise"));
    reduce = new CpuReduce(workers, options.forced().get("reduce"));
    resample = new CpuResample(workers, options.forced().get("resample"));
    copy = new CpuCopy(workers, options.forced().get("copy"));
    random = new CpuRandom(workers, options.forced().get("random"));
    optimizer = new CpuOptimizer(workers, options.forced().get("optimizer"));
    image = new CpuImage(workers, options.forced().get("image"));
  }

  /** The threads that the kernels share. */
  public Workers workers() {
    return workers;
  }

  /**
   * Chooses, makes and checks what every network needs, on another thread, so that it is there when
   * it is asked for. Without it, that happens at the first use.
   */
  public void prepare() {
    Thread.ofPlatform()
        .daemon()
        .name("viridian-preparation")
        .start(
            () -> {
              try {
                Preparation.run(this);
              } catch (RuntimeException | Error e) {
                // who needs it will meet the same, and can tell
                System.getLogger(CpuKernels.class.getName())
                    .log(System.Logger.Level.DEBUG, "preparation ended early", e);
              }
            });
  }

  /** Which implementation each operation used so far went to: {@code family.operation: name}. */
  public TreeSet<String> choices() {
    TreeSet<String> lines = new TreeSet<>();
    for (CpuFamily<?> family :
        new CpuFamily<?>[] {
          gemm, conv, packed, attention, softmax, norm, pointwise, reduce, resample, copy, random,
          optimizer, image
        }) {
      lines.addAll(family.choices());
    }
    return lines;
  }

  @Override
  public void share(int count, IntConsumer part) {
    workers.run(count, part::accept);
  }

  @Override
  public GemmKernels gemm() {
    return gemm;
  }

  @Override
  public ConvKernels conv() {
    return conv;
  }

  @Override
  public PackedKernels packed() {
    return packed;
  }

  @Override
  public AttentionKernels attention() {
    return attention;
  }

  @Override
  public SoftmaxKernels softmax() {
    return softmax;
  }

  @Override
  public NormKernels norm() {
    return norm;
  }

  @Override
  public PointwiseKernels pointwise() {
    return pointwise;
  }

  @Override
  public ReduceKernels reduce() {
    return reduce;
  }

  @Override
  public ResampleKernels resample() {
    return resample;
  }

  @Override
  public CopyKernels copy() {
    return copy;
  }

  @Override
  public RandomKernels random() {
    return random;
  }

  @Override
  public OptimizerKernels optimizer() {
    return optimizer;
  }

  @Override
  public ImageKernels image() {
    return image;
  }

  @Override
  public void close() {
    workers.close();
  }
}
