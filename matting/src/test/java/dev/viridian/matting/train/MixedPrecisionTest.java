package dev.viridian.matting.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.diffusion.scheduler.NoiseTable;
import dev.viridian.diffusion.scheduler.SchedulerConfig;
import dev.viridian.diffusion.testing.GoldenModels;
import dev.viridian.diffusion.weights.Component;
import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.io.FormulaWeights;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.cpu.CpuOptions;
import dev.viridian.matting.train.LossOptions.Term;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Gradients of all losses with rounded factors against those without. */
class MixedPrecisionTest {
  private static final int ROWS = 2;
  private static final int SIDE = 8;

  private static final Term[] ALL = Term.PAPER.toArray(Term[]::new);

  private static Tensor values(Device device, String key, long... sizes) {
    long count = Arrays.stream(sizes).reduce(1, (a, b) -> a * b);
    return Tensors.of(device, FormulaWeights.uniform(key, (int) count), sizes);
  }

  /** By name, and the total of the losses under "loss". */
  @SuppressWarnings("try") // the scope closes the batch
  private static Map<String, float[]> gradients(DType compute, double scale, Term... terms) {
    LossOptions losses = LossOptions.of(terms);
    Map<String, float[]> found = new LinkedHashMap<>();
    try (Device device = Device.cpu(CpuOptions.defaults(), compute);
        ModelFiles files = GoldenModels.tiny("formula");
        Networks networks = new Networks(files.configs());
        MemoryScope scope = MemoryScope.open()) {
      networks.components().forEach(c -> networks.load(c, files, device));
      networks.train((c, name) -> c == Component.UNET || c == Component.MATTING_HEAD);
      int factor = files.configs().vae().pixelsPerLatent();
      int channels = files.configs().vae().latentChannels();
      long[][] ids = new long[ROWS][files.configs().textEncoder().maxPositions()];
      for (long[] row : ids) {
        Arrays.setAll(row, i -> (i * 37L + 5) % 900);
      }
      long[] latents = {ROWS, SIDE, SIDE, channels};
      float[] alphas = FormulaWeights.uniform("mask", ROWS * SIDE * SIDE * factor * factor);
      for (int i = 0; i < alphas.length; i++) {
        alphas[i] = Math.abs(alphas[i]) % 1;
      }
      Batch batch =
          new Batch(
              null,
              Tensors.of(device, alphas, ROWS, (long) SIDE * factor, (long) SIDE * factor, 1),
              values(device, "mean", latents),
              values(device, "variance", latents),
              values(device, "posterior", latents),
              values(device, "noise", latents),
              new int[] {700, 90},
              ids,
              new int[][] {{3}, {5}});
      NoiseTable table =
          NoiseTable.of(SchedulerConfig.parse(files.schedulerConfig().toString(), "tiny"));
      Objective objective = new Objective(networks, table, losses, false);
      try (Accumulation a = Accumulation.of(1, ROWS, i -> batch, objective::of, losses, scale)) {
        found.put("loss", new float[] {(float) a.total()});
        for (Component c : new Component[] {Component.UNET, Component.MATTING_HEAD}) {
          networks
              .trainedWeights(c)
              .forEach(
                  (name, weight) -> {
                    Tensor gradient = a.gradient(weight);
                    if (gradient != null) {
                      found.put(name, gradient.toFloats());
                    }
                  });
        }
      }
    }
    return found;
  }

  private static double difference(
      Map<String, float[]> actual, Map<String, float[]> expected, String begin) {
    double difference = 0;
    double size = 0;
    for (Map.Entry<String, float[]> e : expected.entrySet()) {
      float[] values = actual.get(e.getKey());
      for (int i = 0; e.getKey().startsWith(begin) && i < values.length; i++) {
        difference += Math.pow((double) values[i] - e.getValue()[i], 2);
        size += Math.pow(e.getValue()[i], 2);
      }
    }
    return Math.sqrt(difference / size);
  }

  /**
   * A product of two factors that are each off by up to 2^-9 of themselves, evenly, is off by 2^-9
   * · √(2/3) = 1.6e-3 of its own size. A gradient of the tiny networks has passed some 60 of them,
   * forward and backward, whose errors are independent: e = √60 · 1.6e-3 = 1.2e-2. Three times that
   * is allowed where the loss is smooth; without rounding it would be 1e-6, with a wrong factor 1.
   *
   * <p>L_g and L_detail are means of |d|, whose gradients are signs of d: those within e of 0 turn.
   * Of normally distributed d that is a share of e · 2/π or so of all, each of which is off by 2:
   * √(4 · 1.2e-2 · 2/π) = 0.17.
   */
  @ParameterizedTest
  @CsvSource({
    "NOISE, UNET, 3.6e-2",
    "LATENT, MATTING_HEAD, 3.6e-2",
    "GREEN, UNET, 0.17",
    "DETAIL, UNET, 0.17"
  })
  void roundingExplainsTheDifference(Term term, Component trained, double allowed) {
    Map<String, float[]> exact = gradients(DType.F32, 1, term);
    Map<String, float[]> rounded = gradients(DType.BF16, 1, term);
    assertEquals(exact.keySet(), rounded.keySet());
    double difference = difference(rounded, exact, trained.folder());
    double loss = difference(rounded, exact, "loss");
    System.out.printf("%s in bf16: gradients differ by %.2e, it by %.2e%n", term, difference, loss);
    assertTrue(difference > 1e-4 && difference < allowed, term + " " + difference);
    assertTrue(loss < 1.2e-2, term + " " + loss);
  }

  /** A power of two is taken out again without a trace. */
  @Test
  void aScaledLossHasScaledGradients() {
    Map<String, float[]> plain = gradients(DType.F32, 1, ALL);
    Map<String, float[]> scaled = gradients(DType.F32, 1024, ALL);
    scaled.forEach(
        (name, values) -> {
          for (int i = 0; i < values.length && !name.equals("loss"); i++) {
            values[i] /= 1024;
          }
        });
    assertTrue(difference(scaled, plain, "") < 1e-7, "" + difference(scaled, plain, ""));
  }
}
