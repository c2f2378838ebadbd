package dev.viridian.engine.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.io.FileType;
import dev.viridian.engine.io.FormulaWeights;
import dev.viridian.engine.io.SafetensorsWriter;
import dev.viridian.engine.io.TensorInfo;
import dev.viridian.engine.io.WeightFiles;
import dev.viridian.engine.io.WeightSource;
import dev.viridian.engine.memory.MemoryScope;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UnloadTest {
  private static final int SIDE = 1024;
  private static final Path MAPS = Path.of("/proc/self/smaps");

  @TempDir private Path folder;

  @Test
  void mappedWeightsLeaveMemoryAndComeBack() throws IOException {
    Assumptions.assumeTrue(Files.exists(MAPS), "needs Linux: " + MAPS + " is not there");
    Path file = folder.resolve("linear.safetensors");
    new SafetensorsWriter()
        .add(
            new TensorInfo("weight", FileType.F32, List.of((long) SIDE, (long) SIDE)),
            MemorySegment.ofArray(FormulaWeights.uniform("weight", SIDE * SIDE)))
        .write(file);
    try (WeightSource source = WeightFiles.open(file);
        Linear linear = new Linear(SIDE, SIDE, false)) {
      ModuleLoader.load(linear, source, Device.cpu(), null);
      float[] before = forward(linear);
      assertTrue(residentKilobytes(file) >= 4 * SIDE, "was read, so is in memory");
      linear.unload();
      assertTrue(residentKilobytes(file) < SIDE, residentKilobytes(file) + " kB are left");
      assertArrayEquals(before, forward(linear));
    }
  }

  @SuppressWarnings("try")
  private static float[] forward(Linear linear) {
    try (MemoryScope scope = MemoryScope.open()) { // closes what is made
      Tensor x = Tensors.of(Device.cpu(), FormulaWeights.uniform("x", 3 * SIDE), 3, SIDE);
      return linear.forward(x).toFloats();
    }
  }

  /** The part of the file's mappings that is in memory. */
  private static long residentKilobytes(Path file) throws IOException {
    long sum = 0;
    boolean here = false;
    for (String line : Files.readAllLines(MAPS)) {
      if (line.contains(" r--") || line.contains(" rw-") || line.contains(" r-x")) {
        here = line.endsWith(file.toString());
      } else if (here && line.startsWith("Rss:")) {
        sum += Long.parseLong(line.replaceAll("[^0-9]", ""));
      }
    }
    return sum;
  }
}
