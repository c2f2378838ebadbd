package dev.viridian.kernels.cpu;

import dev.viridian.kernels.ImageKernels;
import dev.viridian.kernels.cpu.reference.ReferenceImage;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Sobel and K-Means on the CPU, the fastest implementation first. */
final class CpuImage extends CpuFamily<ImageKernels> implements ImageKernels {
  CpuImage(Workers workers, @Nullable String forced) {
    super("image", forced, List.of(Candidates.Entry.reference(new ReferenceImage(workers))));
  }

  @Override
  public void sobel(Map p, Border border, Buffer x, Buffer sx, Buffer sy) {
    pick("sobel", p).sobel(p, border, x, sx, sy);
  }

  @Override
  public void sobelBackward(Map p, Border border, Buffer dsx, Buffer dsy, Buffer dx) {
    pick("sobelBackward", p).sobelBackward(p, border, dsx, dsy, dx);
  }

  @Override
  public double kMeansStep(
      int n, int dims, int k, Buffer points, Buffer centres, Buffer assignment, Buffer counts) {
    return pick("kMeansStep", n).kMeansStep(n, dims, k, points, centres, assignment, counts);
  }
}
