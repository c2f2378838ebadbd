package dev.viridian.diffusion.pipeline;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.viridian.diffusion.testing.GoldenModels;
import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.random.TorchRandom;
import dev.viridian.engine.testing.GoldenArea;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.cuda.EmulatedDevice;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Denoising on the emulated CUDA device, where steps are recorded and replayed. */
@GoldenArea("sd-tiny")
class CudaSampleTest {
  private static final int STEPS = 4;

  private EmulatedDevice emulated;
  private Device device;
  private StableDiffusion model;
  private long weights;

  @BeforeEach
  void load() {
    emulated = EmulatedDevice.load();
    emulated.reset();
    device = Device.cuda(0);
    model = StableDiffusion.load(GoldenModels.tiny("formula"), device, DType.F32);
    weights = device.allocator().usage().used();
  }

  @AfterEach
  void close() {
    emulated.recordable(true);
    assertEquals(weights, device.allocator().usage().used(), "bytes still in use");
    model.close();
    assertEquals(0, device.allocator().usage().used(), "bytes still in use");
    device.close();
    assertEquals("", emulated.report());
    emulated.devices(0);
  }

  private float[] sample(String prompt, String sampler, GenerationListener listener) {
    return sample(model, prompt, sampler, listener);
  }

  private static float[] sample(
      StableDiffusion model, String prompt, String sampler, GenerationListener listener) {
    TextToImage request =
        TextToImage.of(prompt).size(16, 16).steps(STEPS).guidance(5).sampler(sampler);
    try (Tensor latents =
        model.sample(request, List.of(new TorchRandom(7)), listener, new Cancellation())) {
      return latents.toFloats();
    }
  }

  private float[] sample(String prompt, String sampler) {
    return sample(prompt, sampler, GenerationListener.NONE);
  }

  /** Also a sampler that draws noise between the steps. */
  @ParameterizedTest
  @ValueSource(strings = {"ddim", "euler-a"})
  void replayedStepsGiveTheBitsOfPlainOnes(String sampler) {
    int before = emulated.graphLaunches();
    emulated.recordable(false);
    float[] plain = sample("a green ball", sampler);
    assertEquals(before, emulated.graphLaunches(), "nothing can be recorded");
    emulated.recordable(true);
    for (int picture = 1; picture <= 2; picture++) {
      assertArrayEquals(plain, sample("a green ball", sampler));
      assertEquals(before + picture * (STEPS - 1), emulated.graphLaunches(), "all but the first");
    }
  }

  /** With activations of 16 bits too: nothing in a step waits for the device. */
  @Test
  @SuppressWarnings("try") // closed in this order
  void replayedStepsOfSixteenBitsGiveTheBitsOfPlainOnes() {
    try (Device sixteen = Device.cuda(0, DType.F16);
        StableDiffusion half =
            StableDiffusion.load(GoldenModels.tiny("formula"), sixteen, DType.F16)) {
      long before = sixteen.allocator().usage().used();
      emulated.recordable(false);
      float[] plain = sample(half, "a green ball", "ddim", GenerationListener.NONE);
      emulated.recordable(true);
      int launches = emulated.graphLaunches();
      assertArrayEquals(plain, sample(half, "a green ball", "ddim", GenerationListener.NONE));
      assertEquals(launches + STEPS - 1, emulated.graphLaunches(), "all but the first");
      assertEquals(before, sixteen.allocator().usage().used(), "bytes still in use");
    }
  }

  @Test
  void aRunThatIsCancelledBetweenReplayedStepsLeavesNothing() {
    Cancellation cancellation = new Cancellation();
    int before = emulated.graphLaunches();
    TextToImage request = TextToImage.of("a ball").size(16, 16).steps(STEPS).sampler("ddim");
    assertThrows(
        CancellationException.class,
        () ->
            model.sample(
                request,
                List.of(new TorchRandom(7)),
                (phase, step, steps, preview) -> {
                  if (phase == GenerationListener.Phase.DENOISE && step == STEPS - 1) {
                    cancellation.cancel();
                  }
                },
                cancellation));
    assertEquals(before + STEPS - 2, emulated.graphLaunches(), "the last step is not done");
  }

  /** One thread records while the other waits, or it would be part of the graph. */
  @Test
  void threadsTakeTurns() {
    float[] first = sample("a green ball", "ddim");
    float[] second = sample("a red apple", "ddim");
    CompletableFuture<float[]> other =
        CompletableFuture.supplyAsync(() -> sample("a red apple", "ddim"));
    assertArrayEquals(first, sample("a green ball", "ddim"));
    assertArrayEquals(second, other.join());
  }

  /** Whoever waits for a turn can be called off. */
  @Test
  @SuppressWarnings("try") // the turn ends with the block
  void aRunThatWaitsForItsTurnCanBeCancelled() {
    Cancellation cancellation = new Cancellation();
    TextToImage request = TextToImage.of("a ball").size(16, 16).steps(1).sampler("ddim");
    try (Device.Turn turn = device.turn(() -> {})) {
      CompletableFuture<Void> waiting =
          CompletableFuture.runAsync(
              () ->
                  model
                      .sample(
                          request,
                          List.of(new TorchRandom(7)),
                          GenerationListener.NONE,
                          cancellation)
                      .close());
      cancellation.cancel();
      Exception ended = assertThrows(CompletionException.class, waiting::join);
      assertInstanceOf(CancellationException.class, ended.getCause());
    }
  }
}
