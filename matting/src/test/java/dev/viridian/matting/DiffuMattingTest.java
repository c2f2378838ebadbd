package dev.viridian.matting;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.diffusion.pipeline.Cancellation;
import dev.viridian.diffusion.pipeline.GenerationListener;
import dev.viridian.diffusion.pipeline.TextToImage;
import dev.viridian.diffusion.testing.GoldenModels;
import dev.viridian.diffusion.weights.FormulaModel;
import dev.viridian.engine.Device;
import dev.viridian.engine.memory.LeakDetector;
import dev.viridian.engine.testing.Golden;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.cpu.CpuOptions;
import dev.viridian.kernels.cpu.jit.NativeMemory;
import dev.viridian.kernels.memory.Allocator;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Memory, determinism and cancellation of whole runs, with the tiny model. */
class DiffuMattingTest {
  private static final TextToImage SMALL = TextToImage.of("a cat").size(64, 64).steps(3);
  private static final long MEBIBYTE = 1 << 20;

  private static Device device(int threads) {
    return Device.cpu(new CpuOptions(threads, Map.of()));
  }

  private static DiffuMatting load(Device device) {
    return DiffuMatting.load(GoldenModels.tiny(), device, null);
  }

  /** The example of the class's documentation. */
  @Test
  void sixLinesMakeAPicture(@TempDir Path folder) {
    Path saved = folder.resolve("model");
    new FormulaModel(GoldenModels.tinyConfigs(), DType.F16).write(saved, Golden.area("tokenizer"));
    try (DiffuMatting model = DiffuMatting.load(saved)) {
      Cutout cutout = model.generate(TextToImage.of("a red apple").size(64, 64).steps(2), 42);
      BufferedImage image = cutout.image();
      assertEquals(64, image.getWidth());
      assertEquals(64, image.getHeight());
      assertTrue(image.getColorModel().hasAlpha());
      assertTrue(cutout.hasAlpha());
      assertEquals(42, cutout.seed());
    }
  }

  /** Band by band there is no seam: not one level of difference anywhere. */
  @Test
  void tilingChangesNothingButRounding() {
    try (Device device = device(2);
        DiffuMatting model = load(device)) {
      TextToImage request = SMALL.size(72, 136);
      Cutout whole = model.generate(request, 3);
      model.diffusion().setTiling(true);
      Cutout tiled = model.generate(request, 3);
      assertArrayEquals(whole.decoded(), tiled.decoded(), 1f / 255 / 16);
      assertArrayEquals(whole.coarse(), tiled.coarse(), 1f / 255 / 16);
    }
  }

  /** One thread: which tasks another thread gets, and what they need, is left to chance. */
  @Test
  void aStepAfterTheFirstTakesNothingFromTheSystem() {
    try (Device device = device(1);
        DiffuMatting model = load(device)) {
      List<Long> fresh = new ArrayList<>();
      List<Long> scratch = new ArrayList<>();
      GenerationListener listener =
          (phase, step, steps, preview) -> {
            if (phase == GenerationListener.Phase.DENOISE) {
              fresh.add(device.allocator().usage().fresh());
              scratch.add(NativeMemory.scratchTaken());
            }
          };
      TextToImage request = SMALL.sampler("ddim").steps(5);
      model.generate(request, List.of(3L), listener, new Cancellation());
      assertEquals(6, fresh.size());
      assertTrue(fresh.get(0) < fresh.get(1), "the first step takes memory");
      for (int i = 2; i < fresh.size(); i++) {
        assertEquals(fresh.get(1), fresh.get(i), "blocks after step " + i);
        assertEquals(scratch.get(1), scratch.get(i), "scratch after step " + i);
      }
    }
  }

  private static List<float[]> numbers(DiffuMatting model) {
    DiffuMatting.Result result =
        model.generate(
            SMALL.batch(2).sampler("euler-a"),
            List.of(3L, 4L),
            GenerationListener.NONE,
            new Cancellation());
    List<float[]> all = new ArrayList<>(List.of(result.latents()));
    for (Cutout cutout : result.cutouts()) {
      all.add(cutout.decoded());
      all.add(cutout.coarse());
    }
    return all;
  }

  @Test
  void theSameSeedGivesTheSameBitsOnAnyNumberOfThreads() {
    List<List<float[]>> runs = new ArrayList<>();
    for (int threads = 1; threads <= 3; threads++) {
      try (Device device = device(threads);
          DiffuMatting model = load(device)) {
        runs.add(numbers(model));
        if (threads == 2) {
          runs.add(numbers(model));
        }
      }
    }
    for (List<float[]> run : runs) {
      for (int i = 0; i < run.size(); i++) {
        assertArrayEquals(runs.getFirst().get(i), run.get(i), "result " + i);
      }
    }
    try (Device device = device(2);
        DiffuMatting model = load(device)) {
      float[] other = model.generate(SMALL, 5).decoded();
      assertFalse(Arrays.equals(model.generate(SMALL, 6).decoded(), other));
    }
  }

  private static long residentBytes() {
    System.gc();
    try {
      for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
        if (line.startsWith("VmRSS:")) {
          return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
        }
      }
    } catch (IOException e) {
      return 0; // another system: the allocator's own figures are compared all the same
    }
    return 0;
  }

  @Test
  void twoHundredPicturesTakeNoMoreMemoryThanTwenty() {
    long open = LeakDetector.open();
    long leaked = LeakDetector.leaked();
    try (Device device = device(2);
        DiffuMatting model = load(device)) {
      TextToImage tiny = SMALL.size(16, 16).steps(2);
      assertTrue(model.diffusion().autoencoder().parameters().size() > 0, "all is loaded");
      Allocator.Usage loaded = device.allocator().usage();
      long tensors = LeakDetector.open();
      for (int i = 0; i < 20; i++) {
        model.generate(tiny, i);
      }
      Allocator.Usage warm = device.allocator().usage();
      long resident = residentBytes();
      for (int i = 20; i < 200; i++) {
        model.generate(tiny, i);
      }
      Allocator.Usage after = device.allocator().usage();
      assertEquals(loaded.used(), after.used(), "bytes in use");
      assertEquals(warm.cached(), after.cached(), "cached bytes");
      assertEquals(warm.peak(), after.peak(), "peak");
      assertEquals(tensors, LeakDetector.open(), "storages in use");
      long growth = residentBytes() - resident;
      assertTrue(growth < 64 * MEBIBYTE, "resident memory grew by " + growth / MEBIBYTE + " MiB");
    }
    System.gc();
    assertEquals(open, LeakDetector.open(), "storages in use after closing");
    assertEquals(leaked, LeakDetector.leaked(), "storages dropped");
  }

  @Test
  void aListenerCancelsAtOnceAndNothingStaysInUse() {
    try (Device device = device(2);
        DiffuMatting model = load(device)) {
      assertTrue(model.diffusion().autoencoder().parameters().size() > 0, "all is loaded");
      // Not in the last phase, whose one layer ends the run.
      for (GenerationListener.Phase phase :
          EnumSet.complementOf(EnumSet.of(GenerationListener.Phase.MATTE))) {
        long before = device.allocator().usage().used();
        Cancellation cancellation = new Cancellation();
        AtomicInteger later = new AtomicInteger();
        GenerationListener listener =
            (now, step, steps, preview) -> {
              if (cancellation.isCancelled()) {
                later.incrementAndGet();
              }
              if (now == phase && step == 0) {
                cancellation.cancel();
              }
            };
        assertThrows(
            CancellationException.class,
            () -> model.generate(SMALL, List.of(1L), listener, cancellation));
        assertEquals(0, later.get(), "reports after cancelling in " + phase);
        assertEquals(before, device.allocator().usage().used(), "bytes in use after " + phase);
      }
      assertEquals(64, model.generate(SMALL, 1).width(), "the model works on");
    }
  }

  @Test
  void anotherThreadCancelsWithinALayer() throws InterruptedException {
    try (Device device = device(2);
        DiffuMatting model = load(device)) {
      long before = device.allocator().usage().used();
      for (boolean interrupt : new boolean[] {false, true}) {
        Cancellation cancellation = new Cancellation();
        CountDownLatch running = new CountDownLatch(10);
        AtomicInteger later = new AtomicInteger();
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        Thread thread =
            new Thread(
                () -> {
                  try {
                    model.generate(
                        SMALL.steps(900),
                        List.of(1L),
                        (phase, step, of, preview) -> {
                          running.countDown();
                          if (cancellation.isCancelled()
                              || Thread.currentThread().isInterrupted()) {
                            later.incrementAndGet();
                          }
                        },
                        cancellation);
                  } catch (Throwable t) {
                    thrown.set(t);
                    while (running.getCount() > 0) {
                      running.countDown(); // it failed before it could be cancelled
                    }
                  }
                });
        thread.start();
        running.await();
        if (interrupt) {
          thread.interrupt();
        } else {
          cancellation.cancel();
        }
        thread.join();
        assertInstanceOf(CancellationException.class, thrown.get());
        // One, if it was cancelled after a step's last layer; the hundreds that are left never
        // come.
        assertTrue(later.get() <= 1, later.get() + " reports after cancelling");
        assertEquals(before, device.allocator().usage().used(), "bytes in use");
      }
    }
  }
}
