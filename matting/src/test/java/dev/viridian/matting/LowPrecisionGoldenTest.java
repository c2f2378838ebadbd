package dev.viridian.matting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.viridian.diffusion.pipeline.Cancellation;
import dev.viridian.diffusion.pipeline.GenerationListener;
import dev.viridian.diffusion.pipeline.TextToImage;
import dev.viridian.diffusion.testing.GoldenModels;
import dev.viridian.engine.Device;
import dev.viridian.engine.random.TorchRandom;
import dev.viridian.engine.testing.Golden;
import dev.viridian.engine.testing.GoldenArea;
import dev.viridian.engine.testing.GoldenDevices;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Precision;
import dev.viridian.kernels.cpu.CpuOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.databind.JsonNode;

/** Whole runs with the tiny model in lower precision: how far their pictures are from F32's. */
@GoldenArea("pipeline")
class LowPrecisionGoldenTest {
  /** Decibels: of int8 as asked for; bf16 has four bits more of what matters. */
  private static final Map<Precision, Double> LEAST =
      Map.of(Precision.BF16, 40.0, Precision.INT8, 30.0);

  /** Of a CUDA device that computes, and keeps activations, in 16 bits. */
  private static final Map<DType, Double> LEAST_ON_CUDA = Map.of(DType.F16, 60.0, DType.BF16, 42.0);

  /** The case that runs there. */
  private static final String ON_CUDA = "pndm_4_cfg1";

  @TestFactory
  Stream<DynamicTest> cases() {
    Device device = Device.cpu(CpuOptions.defaults());
    DiffuMatting exact = DiffuMatting.load(GoldenModels.tiny(), device, null);
    List<DiffuMatting> models = new ArrayList<>(List.of(exact));
    List<DynamicTest> tests = new ArrayList<>();
    for (Precision precision : LEAST.keySet()) {
      if (!device.kernels().packed().offers(precision)) {
        tests.add(
            dynamicTest(
                precision.label(),
                () -> Assumptions.abort("this processor has no " + precision.label())));
        continue;
      }
      DiffuMatting low = DiffuMatting.load(GoldenModels.tiny(), device, null, precision);
      models.add(low);
      for (JsonNode c : Golden.json("pipeline", "cases.json").get("cases")) {
        if (c.get("task").asString().equals("txt2img")) {
          tests.add(
              dynamicTest(
                  precision.label() + " " + c.get("name").asString(),
                  () ->
                      run(
                          exact,
                          low,
                          precision.label(),
                          LEAST.get(precision),
                          c,
                          PipelineGoldenTest.request(c))));
        }
      }
    }
    for (JsonNode c : Golden.json("pipeline", "cases.json").get("cases")) {
      if (c.get("name").asString().equals(ON_CUDA)) {
        LEAST_ON_CUDA.forEach(
            (type, least) ->
                tests.add(
                    dynamicTest(
                        type + " " + ON_CUDA + " [cuda, emulated]",
                        () -> onCuda(exact, type, least, c))));
      }
    }
    return tests.stream()
        .onClose(
            () -> {
              models.forEach(DiffuMatting::close);
              device.close();
            });
  }

  private static void onCuda(DiffuMatting exact, DType type, double least, JsonNode c) {
    GoldenDevices.prepareCuda();
    Device device = Device.cuda(0, type);
    assertEquals(type, device.activations());
    try (DiffuMatting low = DiffuMatting.load(GoldenModels.tiny(), device, type)) {
      // two steps: the emulated device is slow
      run(exact, low, "CUDA " + type, least, c, PipelineGoldenTest.request(c).steps(2));
    }
    assertEquals(0, device.allocator().usage().used(), "bytes still in use");
    device.close();
    assertEquals("", GoldenDevices.cudaReport());
  }

  private static void run(
      DiffuMatting exact,
      DiffuMatting low,
      String label,
      double least,
      JsonNode c,
      TextToImage request) {
    List<float[]> expected = pictures(exact, request, c);
    List<float[]> actual = pictures(low, request, c);
    double sum = 0;
    long count = 0;
    for (int i = 0; i < expected.size(); i++) {
      for (int j = 0; j < expected.get(i).length; j++) {
        double d = clamp(expected.get(i)[j]) - clamp(actual.get(i)[j]);
        sum += d * d;
        count++;
      }
    }
    double decibels = 10 * Math.log10(count / Math.max(sum, 1e-12));
    System.out.printf("%s %s: %.1f dB%n", label, c.get("name").asString(), decibels);
    assertTrue(decibels >= least, decibels + " dB");
  }

  /** From −1…1 to 0…1, as in a picture. */
  private static double clamp(float value) {
    return Math.clamp(value / 2 + 0.5, 0, 1);
  }

  private static List<float[]> pictures(DiffuMatting model, TextToImage request, JsonNode c) {
    List<TorchRandom> generators = new ArrayList<>();
    c.get("seeds").forEach(seed -> generators.add(new TorchRandom(seed.asLong())));
    return model
        .generateFrom(request, generators, false, GenerationListener.NONE, new Cancellation())
        .cutouts()
        .stream()
        .map(Cutout::decoded)
        .toList();
  }
}
