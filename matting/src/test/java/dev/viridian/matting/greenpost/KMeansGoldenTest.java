package dev.viridian.matting.greenpost;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.viridian.engine.Device;
import dev.viridian.engine.testing.Golden;
import dev.viridian.engine.testing.GoldenArea;
import dev.viridian.engine.testing.GoldenDevices;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.databind.JsonNode;

/** Clusters of screens' colours as good as scikit-learn's. */
@GoldenArea("kmeans")
class KMeansGoldenTest {
  private static final double LEVELS = 2;

  /** The case that runs on the emulated CUDA device too. */
  private static final String ON_CUDA = "two_tone_100x100, k = 3";

  @TestFactory
  Stream<DynamicTest> cases() {
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode json : Golden.json("kmeans", "cases.json").get("cases")) {
      for (Map.Entry<String, JsonNode> e : json.get("k").properties()) {
        String name = json.get("name").asString() + ", k = " + e.getKey();
        String file = json.get("file").asString();
        int k = Integer.parseInt(e.getKey());
        tests.add(dynamicTest(name, () -> check(GoldenDevices.device(), file, k, e.getValue())));
        if (name.equals(ON_CUDA) && !GoldenDevices.forced()) {
          tests.add(
              dynamicTest(
                  name + " [cuda, emulated]",
                  () -> check(GoldenDevices.emulated(), file, k, e.getValue())));
        }
      }
    }
    return tests.stream();
  }

  private static float[] colours(String file) throws IOException {
    BufferedImage image = ImageIO.read(Golden.file("kmeans", file).toFile());
    int[] packed =
        image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth());
    float[] colours = new float[3 * packed.length];
    for (int i = 0; i < packed.length; i++) {
      colours[3 * i] = packed[i] >> 16 & 0xff;
      colours[3 * i + 1] = packed[i] >> 8 & 0xff;
      colours[3 * i + 2] = packed[i] & 0xff;
    }
    return colours;
  }

  private static void check(Device device, String file, int k, JsonNode golden) throws IOException {
    KMeans.Result result = KMeans.of(k).fit(device, colours(file), 3, 0);
    double limit = (1 + golden.get("inertia_rtol").asDouble()) * golden.get("inertia").asDouble();
    assertTrue(result.inertia() <= limit, () -> result.inertia() + " is above " + limit);
    float[] top = result.clusters().getFirst().centre();
    for (int d = 0; d < 3; d++) {
      assertEquals(golden.get("centres").get(0).get(d).asDouble(), top[d], LEVELS, "channel " + d);
    }
    for (Map.Entry<String, JsonNode> e : golden.get("gsg").properties()) {
      String[] screen = e.getKey().split(",");
      double sum = 0;
      for (int d = 0; d < 3; d++) {
        sum += Math.pow(top[d] - Double.parseDouble(screen[d]), 2);
      }
      assertEquals(
          e.getValue().asDouble(), Math.sqrt(sum), LEVELS * Math.sqrt(3), "from " + e.getKey());
    }
    GoldenDevices.requireSound(device);
  }
}
