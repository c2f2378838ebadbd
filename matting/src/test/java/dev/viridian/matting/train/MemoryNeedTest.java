package dev.viridian.matting.train;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.diffusion.scheduler.NoiseTable;
import dev.viridian.diffusion.scheduler.SchedulerConfig;
import dev.viridian.diffusion.text.ClipTokenizer;
import dev.viridian.diffusion.weights.ModelConfigs;
import dev.viridian.kernels.DType;
import dev.viridian.matting.train.LossOptions.Term;
import org.junit.jupiter.api.Test;

/** What Stable Diffusion 1.5 takes at full size, without a weight of it. */
class MemoryNeedTest {
  private static final double GB = 1e9;

  private static TrainOptions options(int batch, boolean recompute, DType compute) {
    return new TrainOptions(
        Stage.UNET,
        512,
        batch,
        1,
        1,
        0,
        2e-6,
        1e-4,
        "constant",
        0,
        1e-2,
        1,
        0.1,
        false,
        false,
        false,
        recompute,
        compute,
        LossScaler.INITIAL,
        null,
        LossOptions.of(Term.NOISE, Term.GREEN, Term.DETAIL),
        "",
        false,
        1,
        1,
        1);
  }

  private static MemoryNeed need(int batch, boolean recompute) {
    return need(batch, recompute, DType.F32);
  }

  private static MemoryNeed need(int batch, boolean recompute, DType compute) {
    return MemoryNeed.of(
        options(batch, recompute, compute),
        ModelConfigs.sd15(),
        (component, name) -> DType.F32,
        NoiseTable.of(SchedulerConfig.parse(ModelConfigs.scheduler().toString(), "sd15")),
        ClipTokenizer.standard().encode("a green screen background"),
        compute == DType.BF16);
  }

  @Test
  void stageOneFitsInTwentyGigabytes() {
    MemoryNeed checkpointed = need(1, true);
    MemoryNeed plain = need(1, false);
    MemoryNeed two = need(2, true);
    System.out.printf(
        "SD1.5, stage 1, 512x512, F32: %.2f GB with gradient checkpointing, %.2f GB without;"
            + " batch 2: %.2f GB%n",
        checkpointed.bytes() / GB, plain.bytes() / GB, two.bytes() / GB);
    assertTrue(checkpointed.bytes() < 20 * GB, checkpointed.toString());
    assertTrue(checkpointed.working() > 4 * 4 * 0.859e9, "weights, gradients, two moments");
    MemoryNeed rounded = need(1, true, DType.BF16);
    assertTrue(rounded.bytes() >= checkpointed.bytes(), rounded.toString());
    assertTrue(rounded.bytes() < 1.1 * checkpointed.bytes(), rounded.toString());
    assertTrue(plain.bytes() > checkpointed.bytes() && two.bytes() > checkpointed.bytes());
  }
}
