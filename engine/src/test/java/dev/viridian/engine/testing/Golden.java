package dev.viridian.engine.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Where the golden files are: the folder named by {@code -Dviridian.golden}, taken from the root of
 * the project; without it {@code ../shared/golden}, and where that is missing the core that is kept
 * in the test resources. Tests that need what the folder lacks are skipped, with the reason. Golden
 * tests carry {@link GoldenArea}.
 */
public final class Golden {
  /** The root of the golden folder. */
  public static final Path ROOT;

  private static final boolean PARTIAL;

  static {
    String given = System.getProperty("viridian.golden", "");
    Path project = Path.of(System.getProperty("viridian.project", ".."));
    Path usual = project.resolve("../shared/golden");
    if (!given.isEmpty()) {
      ROOT = project.resolve(given).toAbsolutePath().normalize();
      if (!Files.isDirectory(ROOT)) {
        throw new IllegalArgumentException("-Dviridian.golden: there is no folder " + ROOT);
      }
    } else if (Files.isDirectory(usual)) {
      ROOT = usual.toAbsolutePath().normalize();
    } else {
      ROOT = GoldenCore.folder();
    }
    PARTIAL = Files.exists(ROOT.resolve("PARTIAL"));
  }

  private Golden() {}

  /** Whether cases that its {@code cases.json} list may lack their data, as in the core. */
  static boolean isPartial() {
    return PARTIAL;
  }

  /** What to call the folder in a message. */
  static String describe() {
    return PARTIAL ? "the core of the goldens; -Dviridian.golden=DIR names more" : ROOT.toString();
  }

  /**
   * The folder of an area, such as {@code "ops"}; the calling test is skipped where it is absent.
   */
  public static Path area(String name) {
    Path dir = ROOT.resolve(name);
    Assumptions.assumeTrue(
        Files.isDirectory(dir), () -> "area " + name + " is not in " + describe());
    return dir;
  }

  /** A file or folder of an area; the calling test is skipped where it is absent. */
  public static Path file(String area, String name) {
    Path path = area(area).resolve(name).normalize();
    Assumptions.assumeTrue(
        Files.exists(path), () -> ROOT.relativize(path) + " is not in " + describe());
    return path;
  }

  /** A parsed JSON file of an area. */
  public static JsonNode json(String area, String file) {
    try {
      return JsonMapper.shared().readTree(Files.readString(file(area, file)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Fails unless every number is within {@code atol} of the expected one.
   *
   * @param what named in the message
   */
  public static void assertWithin(String what, float[] expected, float[] actual, double atol) {
    assertEquals(expected.length, actual.length, what);
    double worst = 0;
    for (int i = 0; i < expected.length; i++) {
      double difference = Math.abs((double) expected[i] - actual[i]);
      worst = Double.isNaN(difference) ? Double.POSITIVE_INFINITY : Math.max(worst, difference);
    }
    if (worst > atol) {
      fail(what + ": off by " + worst + ", atol " + atol);
    }
  }

  /**
   * Numbers at the fixed positions that large results are stored at: {@code index[k] = k ·
   * 2654435761 mod all.length}.
   *
   * @param all row-major [n, c, h, w]
   */
  public static float[] sampled(float[] all, int count) {
    float[] out = new float[count];
    for (int k = 0; k < out.length; k++) {
      out[k] = all[(int) (k * 2654435761L % all.length)];
    }
    return out;
  }
}
