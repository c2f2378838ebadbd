package dev.viridian.bench.profile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.GemmProblem;
import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.NormKernels.Forward;
import dev.viridian.kernels.NormKernels.LayerNorm;
import dev.viridian.kernels.cpu.CpuKernels;
import dev.viridian.kernels.cpu.CpuOptions;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

final class TraceTest {
  @Test
  void eachCallIsAnEvent(@TempDir Path folder) {
    Profile profile = new Profile();
    GemmProblem p = GemmProblem.of(5, 6, 7, false, true);
    try (Arena arena = Arena.ofConfined();
        CpuKernels cpu = new CpuKernels(new CpuOptions(1, Map.of("gemm", "reference")))) {
      Kernels kernels = TimedKernels.around(cpu, profile);
      HostBuffer a = new HostBuffer(arena.allocate(4 * 35));
      HostBuffer b = new HostBuffer(arena.allocate(4 * 42));
      HostBuffer c = new HostBuffer(arena.allocate(4 * 30));
      kernels.gemm().gemm(p, a, b, null, c);
      kernels.gemm().gemm(p, a, b, null, c);
    }
    Path file = folder.resolve("trace.json");
    Trace.write(file, profile);
    JsonNode events = JsonMapper.shared().readTree(file.toFile()).get("traceEvents");
    assertEquals(2, events.size());
    assertEquals("gemm.gemm", events.get(0).get("name").asString());
    assertEquals("X", events.get(0).get("ph").asString());
    assertEquals("5x6x7 Bt", events.get(0).get("args").get("problem").asString());
    assertEquals(0, events.get(0).get("ts").asDouble());
    double end = events.get(0).get("dur").asDouble();
    assertTrue(end > 0 && events.get(1).get("ts").asDouble() >= end);
    assertEquals(2, profile.lines().getFirst().calls());
    profile.clear();
    assertEquals(0, profile.calls().size());
  }

  @Test
  void callsOfOneProblemAreOneLineWhereverTheirMemoryIs() {
    Profile profile = new Profile();
    LayerNorm p = new LayerNorm(2, 3, 1e-5f, DType.F32);
    try (Arena arena = Arena.ofConfined();
        CpuKernels cpu = new CpuKernels(new CpuOptions(1, Map.of("norm", "reference")))) {
      Kernels kernels = TimedKernels.around(cpu, profile);
      for (int i = 0; i < 2; i++) {
        HostBuffer x = new HostBuffer(arena.allocate(4 * 6));
        kernels.norm().layerNorm(p, new Forward(x, null, null, x));
      }
    }
    assertEquals(1, profile.lines().size());
    assertEquals(p.toString(), profile.lines().getFirst().problem());
  }
}
