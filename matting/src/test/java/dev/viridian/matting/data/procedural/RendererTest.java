package dev.viridian.matting.data.procedural;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Alpha of shapes whose area is known. */
class RendererTest {
  private static final int SIZE = 128;
  private static final double FILL = 0.83;

  private static double area(Renderer.Picture picture) {
    double sum = 0;
    for (float a : picture.alpha()) {
      sum += a;
    }
    return sum;
  }

  private static View view(double roll) {
    return new View(0, 0, roll, false, FILL, 0.37, -0.21, -35, 45);
  }

  private static void assertArea(double expected, Renderer.Picture picture) {
    assertEquals(expected, area(picture), 0.005 * expected);
  }

  @Test
  void aDiscAndABall() {
    double expected = Math.PI / 4 * FILL * SIZE * FILL * SIZE;
    Surface surface = Surface.matte(0xCC2020);
    Mesh disc = Outline.sheet(Outline.ellipse(3, 3, 200));
    assertArea(expected, Renderer.draw(new Model().add(disc, surface), view(0), SIZE));
    Model ball = new Model().add(Solids.ball(0.4), surface);
    assertArea(expected, Renderer.draw(ball, view(0), SIZE));
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 7, 30, 45, 61.3})
  void aTurnedSquare(double roll) {
    Model model = new Model().add(Solids.box(1, 1, 1), Surface.matte(0x2040C0));
    Renderer.Picture picture = Renderer.draw(model, view(roll), SIZE);
    double turn = Math.toRadians(roll);
    double side = FILL * SIZE / (Math.cos(turn) + Math.sin(turn));
    assertArea(side * side, picture);
  }

  @Test
  void aStrandThinnerThanAPixelHasItsArea() {
    double radius = 0.003;
    Model model = new Model().strand(Kit.WHITE, radius, radius, -1, -0.77, 0, 1, 0.77, 0);
    Renderer.Picture picture = Renderer.draw(model, view(0), 256);
    double perUnit = FILL * 256 / (2 + 2 * radius);
    double expected = 2 * Math.sqrt(1 + 0.77 * 0.77) * 2 * radius * perUnit * perUnit;
    assertEquals(expected, area(picture), 0.02 * expected);
    double most = 0;
    for (float a : picture.alpha()) {
      most = Math.max(most, a);
    }
    assertTrue(most > 0.3 && most < 1, "most " + most);
  }

  /** Triangles that share an edge cover it once: a pane of glass has one opacity all over. */
  @Test
  void glassHasNoSeams() {
    Mesh pane =
        Solids.grid(
            9,
            7,
            false,
            false,
            (u, v, p) -> {
              p[0] = u;
              p[1] = v;
              p[2] = 0;
            });
    Renderer.Picture picture =
        Renderer.draw(new Model().add(pane, Surface.glass(0x4060A0)), view(23), SIZE);
    double side = FILL * SIZE / (Math.cos(Math.toRadians(23)) + Math.sin(Math.toRadians(23)));
    float body = 0.16f;
    double sum = 0;
    for (float a : picture.alpha()) {
      assertTrue(a <= body + 0.01, "alpha " + a);
      sum += a;
    }
    assertEquals(side * side * body, sum, 0.02 * side * side * body);
  }

  /** Two panes one behind the other let through what both let through. */
  @Test
  void glassBehindGlass() {
    Model model = new Model();
    for (int z = 0; z < 2; z++) {
      model.add(Outline.sheet(0, 0, 1, 0, 1, 1, 0, 1).move(0, 0, z), Surface.glass(0x4060A0));
    }
    Renderer.Picture picture = Renderer.draw(model, View.front(0.5), 64);
    float one =
        Renderer.draw(
                new Model().add(Outline.sheet(0, 0, 1, 0, 1, 1, 0, 1), Surface.glass(0x4060A0)),
                View.front(0.5),
                64)
            .alpha()[32 * 64 + 32];
    assertEquals(1 - (1 - one) * (1 - one), picture.alpha()[32 * 64 + 32], 1e-5);
  }

  @Test
  void whatIsInFrontHidesWhatIsBehind() {
    Model model =
        new Model()
            .add(Solids.box(1, 1, 0.1).move(0, 0, 1), Surface.glow(0xFF0000))
            .add(Solids.box(1, 1, 0.1).move(0, 0, -1), Surface.glow(0x0000FF));
    Renderer.Picture picture = Renderer.draw(model, View.front(0.5), 32);
    assertArrayEquals(
        new float[] {1, 0, 0},
        Arrays.copyOfRange(picture.rgb(), 3 * (16 * 32 + 16), 3 * (16 * 32 + 16) + 3));
  }

  /** A large picture is made in many bands, a small one in one: nothing shows where they meet. */
  @Test
  void bandsDoNotShow() {
    Model model = new Model().add(Solids.ball(1), Surface.matte(0xF0F0F0));
    Renderer.Picture large = Renderer.draw(model, view(0), 1024);
    Renderer.Picture small = Renderer.draw(model, view(0), 32);
    double scale = 1024.0 / 32;
    assertEquals(area(small) * scale * scale, area(large), 0.005 * area(large));
    for (int y = 1; y < 1024; y++) {
      float above = large.alpha()[(y - 1) * 1024 + 512];
      float here = large.alpha()[y * 1024 + 512];
      float below = large.alpha()[Math.min(1023, y + 1) * 1024 + 512];
      assertTrue(here >= Math.min(above, below) - 1e-6, "a gap in row " + y);
    }
  }

  @Test
  void aMirroredViewIsTheMirrorImageOfTheOutline() {
    Model model = new Model().add(Outline.sheet(0, 0, 1, 0, 0, 0.7), Surface.matte(0xCC2020));
    View view = new View(0, 0, 0, false, 0.75, 0, 0, 0, 45);
    View other = new View(0, 0, 0, true, 0.75, 0, 0, 0, 45);
    float[] a = Renderer.draw(model, view, 64).alpha();
    float[] b = Renderer.draw(model, other, 64).alpha();
    for (int y = 0; y < 64; y++) {
      for (int x = 0; x < 64; x++) {
        assertEquals(a[y * 64 + x], b[y * 64 + 63 - x], 0.26); // samples on an edge differ
      }
    }
  }
}
