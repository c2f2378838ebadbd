package dev.viridian.kernels.cpu;

import dev.viridian.kernels.ResampleKernels;
import dev.viridian.kernels.cpu.reference.ReferenceResample;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.cpu.vector.VectorResample;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Resizing and pooling on the CPU, the fastest implementation first. */
final class CpuResample extends CpuFamily<ResampleKernels> implements ResampleKernels {
  CpuResample(Workers workers, @Nullable String forced) {
    super(
        "resample",
        forced,
        List.of(
            new Candidates.Entry<>("vector", new VectorResample(workers), VectorResample::fault),
            Candidates.Entry.reference(new ReferenceResample(workers))));
  }

  @Override
  public void resize(Resize p, Buffer x, Buffer y) {
    pick("resize", p).resize(p, x, y);
  }

  @Override
  public void resizeBackward(Resize p, Buffer dy, Buffer dx) {
    pick("resizeBackward", p).resizeBackward(p, dy, dx);
  }

  @Override
  public void maxPool(Pool p, Buffer x, Buffer y, @Nullable Buffer index) {
    pick("maxPool", p).maxPool(p, x, y, index);
  }

  @Override
  public void maxPoolBackward(Pool p, Buffer index, Buffer dy, Buffer dx) {
    pick("maxPoolBackward", p).maxPoolBackward(p, index, dy, dx);
  }

  @Override
  public void averagePool(Pool p, boolean countPadding, Buffer x, Buffer y) {
    pick("averagePool", p).averagePool(p, countPadding, x, y);
  }

  @Override
  public void averagePoolBackward(Pool p, boolean countPadding, Buffer dy, Buffer dx) {
    pick("averagePoolBackward", p).averagePoolBackward(p, countPadding, dy, dx);
  }
}
