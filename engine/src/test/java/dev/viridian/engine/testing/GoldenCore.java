package dev.viridian.engine.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.JarURLConnection;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.net.URLConnection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Enumeration;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.stream.Stream;

/**
 * The core of the goldens in the test resources, as a folder. Where they come in a jar they are
 * unpacked into a temporary folder, since weight files are mapped.
 */
final class GoldenCore {
  private static final String PLACE = "golden/";

  private GoldenCore() {}

  static Path folder() {
    URL readme = GoldenCore.class.getClassLoader().getResource(PLACE + "README.md");
    if (readme == null) {
      throw new IllegalStateException("no " + PLACE + "README.md on the class path");
    }
    try {
      URLConnection connection = readme.openConnection();
      return connection instanceof JarURLConnection jar
          ? unpack(jar)
          : Path.of(new URI(readme.toString())).resolveSibling("").toAbsolutePath();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Path unpack(JarURLConnection connection) throws IOException {
    Path folder = Files.createTempDirectory("viridian-golden");
    Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(folder)));
    connection.setUseCaches(false);
    try (JarFile jar = connection.getJarFile()) {
      Enumeration<JarEntry> entries = jar.entries();
      while (entries.hasMoreElements()) {
        JarEntry entry = entries.nextElement();
        if (entry.isDirectory() || !entry.getName().startsWith(PLACE)) {
          continue;
        }
        Path file = folder.resolve(entry.getName().substring(PLACE.length()));
        Files.createDirectories(file.getParent());
        try (InputStream in = jar.getInputStream(entry)) {
          Files.copy(in, file);
        }
      }
    }
    return folder;
  }

  private static void delete(Path folder) {
    try (Stream<Path> all = Files.walk(folder)) {
      List<Path> deepestFirst = all.sorted(Comparator.reverseOrder()).toList();
      for (Path path : deepestFirst) {
        Files.delete(path);
      }
    } catch (IOException | UncheckedIOException e) {
      // a file that is still mapped somewhere: the system clears its temporary folder itself
      System.getLogger(GoldenCore.class.getName())
          .log(System.Logger.Level.DEBUG, "not deleted: " + folder, e);
    }
  }
}
