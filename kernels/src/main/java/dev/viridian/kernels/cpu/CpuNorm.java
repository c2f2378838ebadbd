package dev.viridian.kernels.cpu;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.NormKernels;
import dev.viridian.kernels.cpu.jit.JitPaths;
import dev.viridian.kernels.cpu.reference.ReferenceNorm;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.cpu.vector.VectorNorm;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Normalisations on the CPU, the fastest implementation first. */
final class CpuNorm extends CpuFamily<NormKernels> implements NormKernels {
  private final boolean plain;

  CpuNorm(Workers workers, @Nullable String forced) {
    super(
        "norm",
        forced,
        List.of(
            new Candidates.Entry<>(
                JitPaths.of(forced), JitPaths.norm(workers, forced), CpuNorm::fault),
            new Candidates.Entry<>("vector", new VectorNorm(workers), VectorNorm::fault),
            Candidates.Entry.reference(new ReferenceNorm())));
    plain = "reference".equals(forced);
  }

  private static @Nullable String fault(NormKernels candidate, NormKernels reference) {
    return VectorNorm.fault(candidate, reference, 32);
  }

  /** Where generated code does; everything if plain loops are asked for. */
  @Override
  public boolean rounds(int columns) {
    LayerNorm p = new LayerNorm(1, columns, 1, DType.F32, DType.BF16);
    return plain || pick("layerNorm", p).rounds(columns);
  }

  @Override
  public void groupNorm(GroupNorm p, Forward b) {
    pick("groupNorm", p).groupNorm(p, b);
  }

  @Override
  public void groupNormBackward(GroupNorm p, Backward b) {
    pick("groupNormBackward", p).groupNormBackward(p, b);
  }

  @Override
  public void layerNorm(LayerNorm p, Forward b) {
    pick("layerNorm", p).layerNorm(p, b);
  }

  @Override
  public void layerNormBackward(LayerNorm p, Backward b) {
    pick("layerNormBackward", p).layerNormBackward(p, b);
  }

  @Override
  public void batchNormTraining(BatchNorm p, Forward b, Running running) {
    pick("batchNormTraining", p).batchNormTraining(p, b, running);
  }

  @Override
  public void batchNormInference(BatchNorm p, Forward b, Running stored) {
    pick("batchNormInference", p).batchNormInference(p, b, stored);
  }

  @Override
  public void batchNormBackward(BatchNorm p, boolean training, Backward b) {
    pick("batchNormBackward", p).batchNormBackward(p, training, b);
  }
}
