package dev.viridian.kernels.cpu.jit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.viridian.kernels.cpu.jit.CpuFeatures.Feature;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Pages of code, and what the processor says of itself. */
final class CodePageTest {
  /** {@code *arguments = 2 · *arguments + 1}. */
  private static byte[] doubling() {
    X64Assembler a = new X64Assembler();
    a.mov(Gpr.RAX, Mem.at(Gpr.RDI));
    a.add(Gpr.RAX, Gpr.RAX);
    a.inc(Gpr.RAX);
    a.mov(Mem.at(Gpr.RDI), Gpr.RAX);
    a.ret();
    return a.code();
  }

  @Test
  void codeRunsUntilItsMemoryIsGivenBack() throws Exception {
    assumeTrue(CodePage.supported(), "no code is generated here");
    assertThrows(IllegalArgumentException.class, () -> CodePage.of(new byte[0]));
    CodePage page = CodePage.of(doubling());
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment word = arena.allocate(8, 8);
      word.set(ValueLayout.JAVA_LONG, 0, 20);
      page.call(word.address());
      page.call(word.address());
      assertEquals(83, word.get(ValueLayout.JAVA_LONG, 0));
      page.close();
      page.close();
      assertThrows(IllegalStateException.class, () -> page.call(word.address()));
    }
  }

  @Test
  void codeCanBeExecutedButNotWritten() throws IOException {
    assumeTrue(Kit.best() != null, "no code is generated here");
    // Of the memory of ours; the JVM has its own ways.
    CodePage page = CodePage.of(doubling());
    String address = Long.toHexString(page.address());
    List<String> lines =
        Files.readAllLines(Path.of("/proc/self/maps")).stream()
            .filter(l -> l.startsWith(address + "-"))
            .toList();
    assertEquals(1, lines.size());
    assertTrue(lines.getFirst().contains(" r-xp "), lines.getFirst());
    page.close();
  }

  @Test
  void aWrongFunctionIsDropped() {
    assumeTrue(CodePage.supported(), "no code is generated here");
    record Wrong(boolean refused) implements Generated {
      @Override
      public byte[] code() {
        return doubling();
      }

      @Override
      public String fault(Code page) {
        return refused ? "on purpose, for a test" : null;
      }
    }
    assertEquals(null, CodeCache.get(new Wrong(true)));
    assertTrue(CodeCache.get(new Wrong(false)) == CodeCache.get(new Wrong(false)));
  }

  @Test
  void featuresAreThoseThatLinuxNames() throws IOException {
    assumeTrue(CodePage.supported(), "no code is generated here");
    Set<String> flags = new HashSet<>();
    String model = "";
    for (String line : Files.readAllLines(Path.of("/proc/cpuinfo"))) {
      if (line.startsWith("flags")) {
        flags.addAll(List.of(line.substring(line.indexOf(':') + 2).split(" ")));
      } else if (line.startsWith("model name")) {
        model = line.substring(line.indexOf(':') + 1).strip();
      }
    }
    assumeTrue(flags.contains("fma") || !CpuFeatures.here().has(Feature.FMA), "an unusual list");
    for (Feature feature : Feature.values()) {
      assertEquals(
          flags.contains(feature.label()), CpuFeatures.here().has(feature), feature.label());
    }
    assertEquals(model, CpuFeatures.here().brand());
    assertTrue(CpuFeatures.here().l1() >= 16 << 10, "" + CpuFeatures.here());
    assertTrue(CpuFeatures.here().l2() > CpuFeatures.here().l1(), "" + CpuFeatures.here());
    assertFalse(CpuFeatures.here().l3() < 0);
  }
}
