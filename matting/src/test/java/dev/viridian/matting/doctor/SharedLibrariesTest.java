package dev.viridian.matting.doctor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SharedLibrariesTest {
  @Test
  void theLibraryPathComesFirst(@TempDir Path folder) throws IOException {
    Path libc = Files.createFile(folder.resolve("libviridian-test.so.1"));
    SharedLibraries libraries = SharedLibraries.ofSystem("/nowhere::" + folder);
    assertEquals(Optional.of(libc), libraries.find("libviridian-test.so.1"));
    assertTrue(SharedLibraries.ofSystem("").find("libviridian-test.so.1").isEmpty());
  }
}
