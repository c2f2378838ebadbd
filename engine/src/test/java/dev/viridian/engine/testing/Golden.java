package dev.viridian.engine.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Where the golden files are: the folder named by {@code -Dviridian.golden}. Tests of an area that
 * the folder lacks are skipped, with the reason. Golden tests carry {@code @Tag("golden")}.
 */
public final class Golden {
  /** The root of the golden folder. */
  public static final Path ROOT =
      Path.of(System.getProperty("viridian.golden", "../../shared/golden"));

  private Golden() {}

  /**
   * The folder of an area, such as {@code "ops"}; the calling test is skipped where it is absent.
   */
  public static Path area(String name) {
    Path dir = ROOT.resolve(name);
    Assumptions.assumeTrue(
        Files.isDirectory(dir),
        () -> "golden area '" + name + "' not found in " + ROOT.toAbsolutePath().normalize());
    return dir;
  }

  /** A parsed JSON file of an area. */
  public static JsonNode json(String area, String file) {
    Path path = area(area).resolve(file);
    Assumptions.assumeTrue(Files.exists(path), () -> path + " not found");
    try {
      return JsonMapper.shared().readTree(Files.readString(path));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
