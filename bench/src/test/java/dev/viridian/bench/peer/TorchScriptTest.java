package dev.viridian.bench.peer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import org.junit.jupiter.api.Test;

final class TorchScriptTest {
  private static final OpRequest CONV =
      new OpRequest(
          Map.of("op", "conv", "kernel", 3, "stride", 1, "pad", 1),
          List.of(new long[] {1, 8, 8, 4}, new long[] {6, 3, 3, 4}, new long[] {6}),
          new long[] {1, 8, 8, 6});

  @Test
  void theArchiveIsStoredAndHasWhatTheLoaderReads() throws IOException {
    List<String> names = new ArrayList<>();
    try (ZipInputStream zip =
        new ZipInputStream(new ByteArrayInputStream(TorchScript.of(CONV, false)))) {
      for (ZipEntry e = zip.getNextEntry(); e != null; e = zip.getNextEntry()) {
        names.add(e.getName());
        byte[] content = zip.readAllBytes();
        assertEquals(ZipEntry.STORED, e.getMethod(), e.getName());
        assertEquals(e.getSize(), content.length);
        if (e.getName().equals("m/data.pkl")) {
          assertTrue(new String(content, StandardCharsets.ISO_8859_1).contains("c__torch__\nM\n"));
          assertEquals('.', content[content.length - 1]);
        }
      }
    }
    assertEquals(
        List.of("m/data.pkl", "m/code/__torch__.py", "m/constants.pkl", "m/version"), names);
  }

  @Test
  void channelsLastIsAViewAndNotACopy() {
    String last = TorchScript.code(CONV, true);
    assertTrue(last.contains("v0 = torch.permute(x0, [0, 3, 1, 2])"), last);
    assertTrue(last.contains("v1 = torch.permute(x1, [0, 3, 1, 2])"), last);
    assertTrue(last.contains("v2 = x2\n"), last);
    assertTrue(TorchScript.code(CONV, false).contains("v0 = x0\n"));
  }
}
