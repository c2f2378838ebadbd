package dev.viridian.matting.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.w3c.dom.Node;
import org.w3c.dom.NodeList;

class PngWriterTest {
  private static IIOImage read(byte[] png) throws IOException {
    ImageReader reader = ImageIO.getImageReadersByFormatName("png").next();
    try (ImageInputStream in = ImageIO.createImageInputStream(new ByteArrayInputStream(png))) {
      reader.setInput(in);
      return reader.readAll(0, null);
    } finally {
      reader.dispose();
    }
  }

  private static Map<String, String> texts(IIOImage image) {
    Map<String, String> texts = new HashMap<>();
    Node root = image.getMetadata().getAsTree("javax_imageio_png_1.0");
    for (Node node = root.getFirstChild(); node != null; node = node.getNextSibling()) {
      NodeList entries = node.getChildNodes();
      for (int i = 0; node.getNodeName().equals("iTXt") && i < entries.getLength(); i++) {
        var attributes = entries.item(i).getAttributes();
        texts.put(
            attributes.getNamedItem("keyword").getNodeValue(),
            attributes.getNamedItem("text").getNodeValue());
      }
    }
    return texts;
  }

  /** Smooth with noise in it, so that every filter is chosen somewhere. */
  private static byte[] pixels(int width, int height, int channels, long seed) {
    Random random = new Random(seed);
    byte[] pixels = new byte[width * height * channels];
    for (int i = 0; i < pixels.length; i++) {
      int y = i / (width * channels);
      int x = i / channels % width;
      int noise = y % 3 == 0 ? random.nextInt(256) : 0;
      pixels[i] = (byte) (y % 5 * x + 2 * y * (i % channels) + noise);
    }
    return pixels;
  }

  @ParameterizedTest
  @CsvSource({"1,1,3", "1,1,4", "7,5,3", "64,48,4", "33,64,3", "1,40,4"})
  void eightBitPicturesComeBack(int width, int height, int channels) throws IOException {
    byte[] pixels = pixels(width, height, channels, 7);
    byte[] png =
        channels == 3
            ? PngWriter.rgb(width, height, pixels, List.of())
            : PngWriter.rgba(width, height, pixels, List.of());
    BufferedImage image = ImageIO.read(new ByteArrayInputStream(png));
    assertEquals(channels == 4, image.getColorModel().hasAlpha());
    for (int i = 0; i < pixels.length; i++) {
      int pixel = i / channels;
      assertEquals(
          pixels[i] & 0xff,
          image.getRaster().getSample(pixel % width, pixel / width, i % channels));
    }
  }

  @Test
  void greyKeepsSixteenBits() throws IOException {
    short[] values = new short[300 * 220];
    for (int i = 0; i < values.length; i++) {
      values[i] = (short) i;
    }
    byte[] png = PngWriter.grey16(300, 220, values, List.of());
    BufferedImage image = ImageIO.read(new ByteArrayInputStream(png));
    assertEquals(16, image.getColorModel().getPixelSize());
    assertArrayEquals(values, (short[]) image.getRaster().getDataElements(0, 0, 300, 220, null));
  }

  @Test
  void textsOfEveryScriptComeBack() throws IOException {
    Map<String, String> values = new LinkedHashMap<>();
    values.put("Steps", "20");
    values.put("Model", "a, b");
    String prompt = "кошка на зелёном фоне, 猫, \uD83D\uDC08, قطة\n2nd line";
    List<PngText> texts =
        List.of(PngText.parameters(prompt, "размыто", values), new PngText("kkkk", "ü"));
    IIOImage image = read(PngWriter.rgb(2, 1, new byte[6], texts));
    assertEquals(
        prompt + "\nNegative prompt: размыто\nSteps: 20, Model: \"a, b\"",
        texts(image).get("parameters"));
    assertEquals("ü", texts(image).get("kkkk"));
  }

  @Test
  void theMarkIsThereForPeopleAndPrograms() throws IOException {
    IIOImage image = read(PngWriter.rgba(1, 1, new byte[4], PngText.aiGenerated("Viridian 1")));
    Map<String, String> texts = texts(image);
    assertEquals("AI generated", texts.get("Comment"));
    assertEquals("Viridian 1", texts.get("Software"));
    assertTrue(texts.get("XML:com.adobe.xmp").contains("trainedAlgorithmicMedia"));
  }

  @Test
  void theSamePictureGivesTheSameBytesAndIsCompressed() {
    byte[] pixels = new byte[256 * 256 * 3];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (byte) (i / 768 + i % 768 / 3);
    }
    byte[] first = PngWriter.rgb(256, 256, pixels, List.of());
    assertArrayEquals(first, PngWriter.rgb(256, 256, pixels.clone(), List.of()));
    assertTrue(first.length < pixels.length / 50, "a gradient took " + first.length + " bytes");
  }

  @Test
  void wrongSizesAndKeywordsAreRefused() {
    assertThrows(
        IllegalArgumentException.class, () -> PngWriter.rgb(2, 2, new byte[11], List.of()));
    assertThrows(IllegalArgumentException.class, () -> new PngText("", "x"));
    assertThrows(IllegalArgumentException.class, () -> new PngText("ключ", "x"));
    assertThrows(IllegalArgumentException.class, () -> new PngText("k", "a\0b"));
    assertThrows(IllegalArgumentException.class, () -> new PngText("k".repeat(80), ""));
  }
}
