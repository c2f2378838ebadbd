package dev.viridian.matting.data.procedural;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.matting.image.Images;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ProceduralObjectsTest {
  private static final ProceduralOptions ALL = ProceduralOptions.defaults();
  private static final double HALF_LEVEL = 0.5 / 255;

  static List<String> nouns() {
    return ProceduralObjects.nouns();
  }

  private static ProceduralObject one(String noun, long index, int size) {
    return ProceduralObjects.sample(11, index, size, ALL.withNouns(List.of(noun)));
  }

  /** The share of the object that is neither covered nor uncovered. */
  private static double fractional(ProceduralObject object) {
    double some = 0;
    double all = 0;
    for (float a : object.alpha()) {
      some += a > HALF_LEVEL && a < 1 - HALF_LEVEL ? 1 : 0;
      all += a > HALF_LEVEL ? 1 : 0;
    }
    return some / all;
  }

  private static void assertSame(ProceduralObject a, ProceduralObject b) {
    assertArrayEquals(a.foreground(), b.foreground());
    assertArrayEquals(a.alpha(), b.alpha());
    assertArrayEquals(a.background(), b.background());
    assertEquals(a.caption(), b.caption());
  }

  @Test
  void aPictureDependsOnSeedAndIndexAlone() {
    ProceduralOptions scene = ALL.withBackground(ProceduralOptions.Background.SCENE);
    int n = 40;
    ProceduralObject[] inOrder =
        IntStream.range(0, n)
            .mapToObj(i -> ProceduralObjects.sample(5, i, 40, scene))
            .toArray(ProceduralObject[]::new);
    ProceduralObject[] atOnce = new ProceduralObject[n];
    IntStream.range(0, n)
        .parallel()
        .map(i -> n - 1 - i)
        .forEach(i -> atOnce[i] = ProceduralObjects.sample(5, i, 40, scene));
    for (int i = 0; i < n; i++) {
      assertSame(inOrder[i], atOnce[i]);
    }
    ProceduralObject otherSeed = ProceduralObjects.sample(6, 0, 40, scene);
    assertFalse(Arrays.equals(inOrder[0].alpha(), otherSeed.alpha()));
    assertFalse(Arrays.equals(inOrder[0].alpha(), inOrder[1].alpha()));
  }

  @ParameterizedTest
  @MethodSource("nouns")
  void everyNounIsThereAndInTheFrame(String noun) {
    Set<String> captions = new HashSet<>();
    for (int i = 0; i < 6; i++) {
      ProceduralObject object = one(noun, i, 96);
      double sum = 0;
      int full = 0;
      for (int p = 0; p < object.alpha().length; p++) {
        float a = object.alpha()[p];
        assertTrue(a >= 0 && a <= 1, noun + " alpha " + a);
        sum += a;
        full += a > 0.5 ? 1 : 0;
        for (int c = 0; c < 3; c++) {
          float f = object.foreground()[3 * p + c];
          assertTrue(f >= 0 && f <= 1 && (a > 0 || f == 0), noun + " colour " + f);
        }
        float red = object.foreground()[3 * p];
        float blue = object.foreground()[3 * p + 2];
        float green = object.foreground()[3 * p + 1];
        assertTrue(
            green <= Math.max(red, blue) + Shading.MOST_GREEN_EXCESS + 1e-3, noun + " is canvas");
      }
      double coverage = sum / object.alpha().length;
      assertTrue(coverage > 0.008 && coverage < 0.85, noun + " covers " + coverage);
      assertTrue(full > 0 || fractional(object) > 0.9, noun + " is hardly there");
      assertTrue(fractional(object) > 0.005, noun + " has no soft edge");
      double border = 0;
      for (int p = 0; p < 96; p++) {
        border += object.alpha()[p] + object.alpha()[95 * 96 + p];
        border += object.alpha()[p * 96] + object.alpha()[p * 96 + 95];
      }
      assertTrue(border < 4, noun + " leaves the frame: " + border);
      captions.add(object.caption());
      String last = noun.substring(noun.lastIndexOf(' ') + 1);
      assertTrue(object.caption().contains(last), object.caption());
      assertTrue(object.caption().endsWith(ProceduralObjects.GREEN_SUFFIX), object.caption());
      assertEquals(
          object.caption().indexOf("green"),
          object.caption().lastIndexOf("green"),
          "the canvas alone is green: " + object.caption());
      assertFalse(object.caption().contains("  "), object.caption());
      assertFalse(object.caption().contains("*"), object.caption());
      assertNull(object.scene());
    }
    assertTrue(captions.size() > 1, noun + " has one caption");
  }

  @ParameterizedTest
  @CsvSource({"smoke,0.8", "soap bubble,0.9", "wine glass,0.25", "fern,0.5", "dandelion,0.6"})
  void whatIsThinOrTranslucentHasFractionalAlpha(String noun, double least) {
    double share = 0;
    for (int i = 0; i < 4; i++) {
      share += fractional(one(noun, i, 128)) / 4;
    }
    assertTrue(share > least, noun + " " + share);
    assertTrue(fractional(one("ball", 1, 128)) < 1.01);
  }

  @Test
  void thereAreNounsAndColoursEnough() {
    assertTrue(nouns().size() >= 60, "nouns: " + nouns().size());
    assertEquals(nouns().size(), new HashSet<>(nouns()).size());
    assertTrue(ProceduralObjects.colours().size() >= 10);
    for (String colour : ProceduralObjects.colours()) {
      assertFalse(colour.contains("green"), colour);
    }
    for (String noun : nouns()) {
      assertEquals(noun.toLowerCase(Locale.ROOT), noun);
      assertFalse(noun.contains(",") || noun.contains("green"), noun);
    }
  }

  @Test
  void optionsAreKept() {
    ProceduralOptions options =
        ALL.withNouns(List.of("apple", "ball"))
            .withColours(List.of("red", "blue"))
            .withAllowed(kind -> !(kind.noun().equals("apple") && kind.colour().equals("red")));
    Set<String> seen = new HashSet<>();
    for (int i = 0; i < 60; i++) {
      ProceduralObject object = ProceduralObjects.sample(1, i, 16, options);
      seen.add(object.colour() + " " + object.noun());
    }
    assertEquals(Set.of("blue apple", "red ball", "blue ball"), seen);
    ProceduralOptions nothing = ALL.withAllowed(kind -> false);
    assertThrows(IllegalArgumentException.class, () -> ProceduralObjects.sample(1, 0, 16, nothing));
    assertThrows(IllegalArgumentException.class, () -> ALL.withNouns(List.of("xyzzy")));
    assertThrows(IllegalArgumentException.class, () -> ALL.withColours(List.of()));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 15, 2049})
  void sizesThatAreNotDrawn(int size) {
    assertThrows(IllegalArgumentException.class, () -> ProceduralObjects.sample(1, 0, size, ALL));
  }

  /** On a scene the object and its words are those on the canvas; what is behind it differs. */
  @Test
  void scenesChangeTheBackgroundAlone() {
    ProceduralOptions scene = ALL.withBackground(ProceduralOptions.Background.SCENE);
    Set<String> kinds = new HashSet<>();
    for (int i = 0; i < 60; i++) {
      ProceduralObject behind = ProceduralObjects.sample(3, i, 24, scene);
      ProceduralObject green = ProceduralObjects.sample(3, i, 24, ALL);
      assertArrayEquals(green.alpha(), behind.alpha());
      assertArrayEquals(green.foreground(), behind.foreground());
      assertNotEquals(green.caption(), behind.caption());
      String own = green.caption().replace(ProceduralObjects.GREEN_SUFFIX, "");
      assertTrue(behind.caption().startsWith(own + ", "), behind.caption());
      assertFalse(behind.caption().contains("green"), behind.caption());
      kinds.add(String.valueOf(behind.scene()));
      for (float b : behind.background()) {
        assertTrue(b >= 0 && b <= 1);
      }
    }
    assertEquals(8, kinds.size(), kinds::toString);
  }

  /**
   * The same pictures on every machine: of all nouns, in 8 bits, by what was drawn when written.
   */
  @Test
  void picturesAreTheSameOnEveryMachine() {
    CRC32 crc = new CRC32();
    for (int i = 0; i < nouns().size(); i++) {
      ProceduralObject object = one(nouns().get(i), i, 48);
      crc.update(Images.toBytes(object.composite()));
      crc.update(Images.toBytes(object.alpha()));
      crc.update(object.caption().getBytes(StandardCharsets.UTF_8));
    }
    assertEquals(
        "b5e1897b", Long.toHexString(crc.getValue()), "recipes or renderer draw otherwise");
  }

  @Test
  void articlesSuitTheWordsOfScenes() {
    ProceduralOptions scene = ALL.withBackground(ProceduralOptions.Background.SCENE);
    int vowels = 0;
    for (int i = 0; i < 600; i++) {
      String caption = ProceduralObjects.sample(8, i, 16, scene).caption();
      assertFalse(caption.matches(".*\\b(a [aeiou]|an [^aeiou]).*"), caption);
      vowels += caption.matches(".* an (orange|olive|emerald) stone texture.*") ? 1 : 0;
    }
    assertTrue(vowels > 0, "no such texture was drawn");
  }
}
