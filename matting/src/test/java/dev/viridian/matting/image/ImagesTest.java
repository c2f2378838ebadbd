package dev.viridian.matting.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ImagesTest {
  @Test
  void halvesRoundToEven() {
    // 0.5, 1.5, 2.5 and 254.5 of 255, exact in float after the product
    float[] unit = {0.5f / 255, 1.5f / 255, 2.5f / 255, 254.5f / 255};
    for (int i = 0; i < unit.length; i++) {
      float product = unit[i] * 255;
      assertEquals((byte) Math.rint(product), Images.toBytes(unit)[i]);
    }
    assertArrayEquals(new byte[] {0, 2, 2, (byte) 254}, Images.toBytes(unit));
    assertArrayEquals(new short[] {0, (short) 32768, -1}, Images.toShorts(new float[] {0, .5f, 1}));
  }

  @Test
  void whatIsOutsideIsClamped() {
    float[] wild = {-1, 2, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.NaN};
    assertArrayEquals(new byte[] {0, -1, -1, 0, 0}, Images.toBytes(wild));
    assertArrayEquals(
        new float[] {0, 0.5f, 1, 1}, Images.signedToUnit(new float[] {-1.5f, 0, 1, 3}));
  }

  @Test
  void theForegroundComesBackFromItsComposite() {
    float[] plate = {0, 1, 0};
    Random random = new Random(3);
    int n = 500;
    float[] own = new float[3 * n];
    float[] alpha = new float[n];
    float[] rgb = new float[3 * n];
    for (int i = 0; i < n; i++) {
      alpha[i] = 0.05f + 0.95f * random.nextFloat();
      for (int c = 0; c < 3; c++) {
        own[3 * i + c] = random.nextFloat();
        rgb[3 * i + c] = alpha[i] * own[3 * i + c] + (1 - alpha[i]) * plate[c];
      }
    }
    assertArrayEquals(own, Images.removePlate(rgb, alpha, plate), 1e-5f);
  }

  @Test
  void thePlateItselfBecomesBlackAndOpaquePixelsStay() {
    float[] rgb = {0, 1, 0, 0.2f, 0.9f, 0.3f};
    float[] expected = {0, 0, 0, 0.2f, 0.9f, 0.3f};
    assertArrayEquals(expected, Images.removePlate(rgb, new float[] {0, 1}, new float[] {0, 1, 0}));
    assertThrows(
        IllegalArgumentException.class, () -> Images.removePlate(rgb, new float[3], new float[3]));
  }

  @Test
  void bufferedImagesThereAndBack() {
    float[] rgb = {0, 0.2f, 0.4f, 0.6f, 0.8f, 1};
    float[] alpha = {0.4f, 1};
    float[] rgba = Images.withAlpha(rgb, alpha);
    assertArrayEquals(new float[] {0, 0.2f, 0.4f, 0.4f, 0.6f, 0.8f, 1, 1}, rgba);
    BufferedImage image = Images.toBufferedImage(2, 1, Images.toBytes(rgba));
    assertArrayEquals(rgb, Images.rgb(image));
    assertArrayEquals(alpha, Images.channel(image, 3));
    assertArrayEquals(rgb, Images.rgb(Images.toBufferedImage(2, 1, Images.toBytes(rgb))));

    short[] grey = {0, (short) 40000, -1, 7};
    float[] expected = {0, 40000 / 65535f, 1, 7 / 65535f};
    assertArrayEquals(expected, Images.channel(Images.toGrey16(2, 2, grey), 0));
  }

  @Test
  void greyAndPalettesAreTakenAsStored() {
    BufferedImage grey = new BufferedImage(1, 1, BufferedImage.TYPE_BYTE_GRAY);
    grey.getRaster().setSample(0, 0, 0, 51);
    assertArrayEquals(new float[] {0.2f, 0.2f, 0.2f}, Images.rgb(grey));
    BufferedImage palette = new BufferedImage(1, 1, BufferedImage.TYPE_BYTE_INDEXED);
    palette.setRGB(0, 0, 0xff3366ff);
    assertArrayEquals(new float[] {0.2f, 0.4f, 1}, Images.rgb(palette));
  }

  @Test
  void namesOfWhatIsWritten() {
    OutputNames names = OutputNames.of(Path.of("a", "cat.PNG"));
    assertEquals(Path.of("a", "cat.green.png"), names.green());
    assertEquals(Path.of("a", "cat.json"), names.json());
    assertEquals(Path.of("d", "00012--1.alpha.png"), OutputNames.in(Path.of("d"), 12, -1).alpha());
  }
}
