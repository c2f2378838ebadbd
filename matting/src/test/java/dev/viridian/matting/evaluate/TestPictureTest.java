package dev.viridian.matting.evaluate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.engine.InputException;
import dev.viridian.matting.data.procedural.ProceduralObject;
import dev.viridian.matting.data.procedural.ProceduralObjects;
import dev.viridian.matting.data.procedural.ProceduralOptions;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class TestPictureTest {
  private static TestPicture picture(String text, String noun, String colour) {
    return new TestPicture(Path.of("x.png"), null, text, noun, colour);
  }

  @Test
  void nounAndColourAreWordsOfTheCaption() {
    assertTrue(picture("a large red crescent moon, tilted", "moon", "red").isNamed());
    assertTrue(picture("a ball of red yarn, on a green screen", "yarn ball", "red").isNamed());
    assertFalse(picture("a photo of a shiny book", "book", "blue").isNamed());
    assertFalse(picture("a coloured hat, tilted", "hat", "red").isNamed()); // within a word
  }

  @Test
  void eachPairComesOnceBeforeAnyComesAgain() {
    TestPicture redHat = picture("a red hat", "hat", "red");
    TestPicture again = picture("a photo of a red hat", "hat", "red");
    TestPicture blueHat = picture("a blue hat", "hat", "blue");
    TestPicture redBall = picture("a red ball", "ball", "red");
    assertEquals(
        List.of(redHat, blueHat, redBall, again, redHat),
        TestPicture.named(Path.of("x"), List.of(redHat, again, blueHat, redHat, redBall), 5));
  }

  @Test
  void theFirstThatNameBothAreTaken() {
    List<TestPicture> all =
        List.of(
            picture("a glossy hat", "hat", "red"),
            picture("a red hat", "hat", "red"),
            picture("a blue hat", "hat", "blue"),
            picture("a black hat", "hat", "black"));
    Path folder = Path.of("test-set");
    assertEquals(all.subList(1, 3), TestPicture.named(folder, all, 2));
    String error =
        assertThrows(InputException.class, () -> TestPicture.named(folder, all, 4)).getMessage();
    assertTrue(
        error.startsWith("test-set: 3 of its 4 captions name noun and colour, expected at least 4"),
        error);
  }

  /** The renderer names every noun, and the colour but for a few. */
  @Test
  void drawnCaptionsNameTheNoun() {
    int named = 0;
    for (String noun : ProceduralObjects.nouns()) {
      ProceduralOptions options = ProceduralOptions.defaults().withNouns(List.of(noun));
      for (int i = 0; i < 8; i++) {
        ProceduralObject object = ProceduralObjects.sample(5, i, 32, options);
        assertTrue(picture(object.caption(), noun, "green").isNamed(), object.caption());
        named += picture(object.caption(), noun, object.colour()).isNamed() ? 1 : 0;
      }
    }
    double share = named / 8.0 / ProceduralObjects.nouns().size();
    assertTrue(share > 0.85 && share < 1, "named: " + share);
  }
}
