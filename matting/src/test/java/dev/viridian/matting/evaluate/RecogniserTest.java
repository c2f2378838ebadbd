package dev.viridian.matting.evaluate;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.engine.Device;
import dev.viridian.matting.data.procedural.ProceduralObject;
import dev.viridian.matting.data.procedural.ProceduralObjects;
import dev.viridian.matting.data.procedural.ProceduralOptions;
import java.util.List;
import org.junit.jupiter.api.Test;

class RecogniserTest {
  /** Three shapes and colours that differ much, after few steps: nine of ten, where chance is 3. */
  @Test
  void itLearnsWhatIsDrawn() {
    ProceduralOptions options =
        ProceduralOptions.defaults()
            .withNouns(List.of("banana", "donut", "book"))
            .withColours(List.of("red", "white", "blue"))
            .withVariety(0.2);
    int nouns = 0;
    int colours = 0;
    try (Recogniser recogniser = Recogniser.train(Device.cpu(), options, 60, 5)) {
      for (int i = 0; i < 100; i++) {
        ProceduralObject object = ProceduralObjects.sample(6, i, Recogniser.SIDE, options);
        Recogniser.Guess guess = recogniser.guess(object.composite());
        nouns += guess.noun().equals(object.noun()) ? 1 : 0;
        colours += guess.colour().equals(object.colour()) ? 1 : 0;
      }
    }
    assertTrue(nouns >= 90 && colours >= 90, nouns + " nouns, " + colours + " colours of 100");
  }
}
