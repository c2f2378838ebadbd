package dev.viridian.matting.doctor;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Finds shared libraries where the system's loader would, without loading any. Linux alone. */
final class SharedLibraries {
  private static final Path CACHE = Path.of("/etc/ld.so.cache");
  private static final List<String> USUAL =
      List.of(
          "/lib/x86_64-linux-gnu",
          "/usr/lib/x86_64-linux-gnu",
          "/lib/aarch64-linux-gnu",
          "/usr/lib/aarch64-linux-gnu",
          "/lib64",
          "/usr/lib64",
          "/lib",
          "/usr/lib",
          "/usr/lib/wsl/lib",
          "/usr/local/nvidia/lib64",
          "/usr/local/cuda/lib64");

  private final List<Path> folders;
  private final String cache;

  /**
   * Looks in these places.
   *
   * @param libraryPath folders separated by colons (LD_LIBRARY_PATH), searched first; may be empty
   * @param cache text of the loader's cache, in which names stand as they are
   */
  private SharedLibraries(String libraryPath, String cache) {
    List<Path> all = new ArrayList<>();
    for (String folder : libraryPath.split(":")) {
      if (!folder.isBlank()) {
        all.add(Path.of(folder));
      }
    }
    USUAL.forEach(folder -> all.add(Path.of(folder)));
    this.folders = all;
    this.cache = cache;
  }

  /** The places of this system. */
  static SharedLibraries ofSystem(String libraryPath) {
    String cache = "";
    if (Files.isReadable(CACHE)) {
      try {
        cache = Files.readString(CACHE, StandardCharsets.ISO_8859_1);
      } catch (IOException e) {
        System.getLogger(SharedLibraries.class.getName())
            .log(System.Logger.Level.DEBUG, "loader cache not read", e);
      }
    }
    return new SharedLibraries(libraryPath, cache);
  }

  /** The file that stands for a library such as {@code libcuda.so.1}. */
  Optional<Path> find(String name) {
    for (Path folder : folders) {
      Path file = folder.resolve(name);
      if (Files.exists(file)) {
        return Optional.of(file);
      }
    }
    Matcher cached =
        Pattern.compile("/[^\\x00]*/" + Pattern.quote(name) + "(?=\\x00)").matcher(cache);
    while (cached.find()) {
      Path file = Path.of(cached.group());
      if (Files.exists(file)) {
        return Optional.of(file);
      }
    }
    return Optional.empty();
  }
}
