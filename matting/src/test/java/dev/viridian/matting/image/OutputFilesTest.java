package dev.viridian.matting.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.engine.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OutputFilesTest {
  @TempDir private Path folder;

  private static String refusal(Runnable action) {
    return assertThrows(InputException.class, action::run).getMessage();
  }

  @Test
  void whatExistsIsReplacedOnlyWhenAsked() throws IOException {
    Path file = folder.resolve("a.bin");
    OutputFiles.write(file, false, new byte[] {1});
    String message = refusal(() -> OutputFiles.write(file, false, new byte[] {2}));
    assertTrue(message.contains("--overwrite") && message.contains("a.bin"), message);
    assertArrayEquals(new byte[] {1}, Files.readAllBytes(file));
    OutputFiles.write(file, true, new byte[] {2, 3});
    assertArrayEquals(new byte[] {2, 3}, Files.readAllBytes(file));
    assertTrue(refusal(() -> OutputFiles.refuseExisting(folder, true)).contains("folder"));
    try (Stream<Path> left = Files.list(folder)) {
      assertEquals(List.of(file), left.toList());
    }
  }

  @Test
  void foldersAreMadeAndTriedBeforehand() throws IOException {
    Path deep = folder.resolve("x").resolve("y");
    OutputFiles.prepareFolder(deep, 1000);
    try (Stream<Path> left = Files.list(deep)) {
      assertEquals(0, left.count());
    }
    Path file = Files.createFile(folder.resolve("file"));
    assertTrue(refusal(() -> OutputFiles.prepareFolder(file, 0)).contains("not a folder"));
    assertTrue(refusal(() -> OutputFiles.prepareFolder(deep, Long.MAX_VALUE)).contains("MB free"));
    assertTrue(
        refusal(() -> OutputFiles.prepareFolder(file.resolve("in"), 0)).contains("cannot write"));
  }
}
