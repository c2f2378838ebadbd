package dev.viridian.matting.image;

import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.awt.image.WritableRaster;

/**
 * Pictures as numbers and as pixels. Arrays are [height, width, channels], rows from the top.
 * Rounding is to the nearest, ties to even, in float32, as numpy rounds. Stateless and thread-safe.
 */
public final class Images {
  private static final int BYTE = 255;
  private static final int SHORT = 65535;

  /** The smallest alpha that an 8-bit picture can show: below it a colour means nothing. */
  private static final float LEAST_ALPHA = 1f / BYTE;

  private Images() {}

  /** Numbers in −1…1, as a VAE gives them, to 0…1: clamp(v / 2 + 0.5, 0, 1). */
  public static float[] signedToUnit(float[] values) {
    float[] out = new float[values.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = Math.clamp(values[i] / 2 + 0.5f, 0f, 1f);
    }
    return out;
  }

  /** Numbers in 0…1 to 0…255; what is outside is clamped, NaN becomes 0. */
  public static byte[] toBytes(float[] unit) {
    byte[] out = new byte[unit.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = (byte) level(unit[i], BYTE);
    }
    return out;
  }

  /** Numbers in 0…1 to 0…65535; what is outside is clamped, NaN becomes 0. */
  public static short[] toShorts(float[] unit) {
    short[] out = new short[unit.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = (short) level(unit[i], SHORT);
    }
    return out;
  }

  private static int level(float value, int most) {
    return (int) Math.rint(Math.clamp(value, 0f, 1f) * most); // (int) NaN is 0
  }

  /**
   * Colours and alpha side by side, not multiplied.
   *
   * @param rgb [height, width, 3] in 0…1
   * @param alpha [height, width] in 0…1
   * @return [height, width, 4] in 0…1
   */
  public static float[] withAlpha(float[] rgb, float[] alpha) {
    requireColours(rgb, alpha);
    float[] out = new float[4 * alpha.length];
    for (int i = 0; i < alpha.length; i++) {
      System.arraycopy(rgb, 3 * i, out, 4 * i, 3);
      out[4 * i + 3] = alpha[i];
    }
    return out;
  }

  /**
   * The foreground's own colour where the plate behind it is known and even: I = a F + (1 − a) B,
   * so
   *
   * <pre>F = clamp((I − (1 − a) B) / max(a, 1/255), 0, 1)</pre>
   *
   * <p>Where alpha is 0 on the plate itself this is black.
   *
   * @param rgb I, [height, width, 3] in 0…1
   * @param alpha a, [height, width]; clamped to 0…1
   * @param plate B, 3 numbers in 0…1
   * @return F, [height, width, 3]
   */
  public static float[] removePlate(float[] rgb, float[] alpha, float[] plate) {
    requireColours(rgb, alpha);
    if (plate.length != 3) {
      throw new IllegalArgumentException(
          "removePlate: plate has " + plate.length + " numbers, expected 3");
    }
    float[] out = new float[rgb.length];
    for (int i = 0; i < alpha.length; i++) {
      float a = Math.clamp(alpha[i], 0f, 1f);
      for (int c = 0; c < 3; c++) {
        float own = (rgb[3 * i + c] - (1 - a) * plate[c]) / Math.max(a, LEAST_ALPHA);
        out[3 * i + c] = Math.clamp(own, 0f, 1f);
      }
    }
    return out;
  }

  private static void requireColours(float[] rgb, float[] alpha) {
    if (rgb.length != 3 * alpha.length) {
      throw new IllegalArgumentException(
          "rgb has "
              + rgb.length
              + " numbers, expected 3 for each of "
              + alpha.length
              + " pixels of alpha");
    }
  }

  /**
   * An image of 8-bit pixels.
   *
   * @param pixels [height, width, channels], 3 (RGB) or 4 (RGBA, straight alpha) channels
   */
  public static BufferedImage toBufferedImage(int width, int height, byte[] pixels) {
    int channels = pixels.length / Math.multiplyExact(width, height);
    if (channels != 3 && channels != 4 || pixels.length != width * height * channels) {
      throw new IllegalArgumentException(
          "toBufferedImage: "
              + pixels.length
              + " bytes for "
              + width
              + "x"
              + height
              + " pixels, expected 3 or 4 a pixel");
    }
    int type = channels == 3 ? BufferedImage.TYPE_INT_RGB : BufferedImage.TYPE_INT_ARGB;
    BufferedImage image = new BufferedImage(width, height, type);
    int[] row = new int[width];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        int i = (y * width + x) * channels;
        int alpha = channels == 3 ? BYTE : pixels[i + 3] & BYTE;
        row[x] =
            alpha << 24
                | (pixels[i] & BYTE) << 16
                | (pixels[i + 1] & BYTE) << 8
                | pixels[i + 2] & BYTE;
      }
      image.setRGB(0, y, width, 1, row, 0, width);
    }
    return image;
  }

  /**
   * A grey image of 16-bit pixels.
   *
   * @param values [height, width], unsigned
   */
  public static BufferedImage toGrey16(int width, int height, short[] values) {
    if (values.length != Math.multiplyExact(width, height)) {
      throw new IllegalArgumentException(
          "toGrey16: " + values.length + " values for " + width + "x" + height + " pixels");
    }
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_USHORT_GRAY);
    WritableRaster raster = image.getRaster();
    raster.setDataElements(0, 0, width, height, values);
    return image;
  }

  /**
   * Colours of an image of any kind as they are stored, alpha left out; grey three times. Java's
   * own conversion is not used, since it takes grey for linear light and cuts 16 bits to 8.
   *
   * @return [height, width, 3] in 0…1
   */
  public static float[] rgb(BufferedImage image) {
    if (image.getColorModel() instanceof IndexColorModel) {
      return rgb(withoutPalette(image));
    }
    int bands = image.getRaster().getNumBands();
    float[] out = new float[3 * image.getWidth() * image.getHeight()];
    for (int c = 0; c < 3; c++) {
      float[] channel = channel(image, bands < 3 ? 0 : c);
      for (int i = 0; i < channel.length; i++) {
        out[3 * i + c] = channel[i];
      }
    }
    return out;
  }

  private static BufferedImage withoutPalette(BufferedImage image) {
    int width = image.getWidth();
    int height = image.getHeight();
    BufferedImage plain = new BufferedImage(width, height, BufferedImage.TYPE_INT_ARGB);
    plain.setRGB(0, 0, width, height, image.getRGB(0, 0, width, height, null, 0, width), 0, width);
    return plain;
  }

  /**
   * One channel of an image as it is stored, without any conversion of colours: channel 0 of a grey
   * image, 3 of RGBA.
   *
   * @return [height, width] in 0…1
   */
  public static float[] channel(BufferedImage image, int channel) {
    Raster raster = image.getRaster();
    if (channel < 0 || channel >= raster.getNumBands()) {
      throw new IllegalArgumentException(
          "channel: " + channel + " of an image that has " + raster.getNumBands());
    }
    int width = image.getWidth();
    int height = image.getHeight();
    int[] samples = raster.getSamples(0, 0, width, height, channel, (int[]) null);
    float most = (1 << raster.getSampleModel().getSampleSize(channel)) - 1;
    float[] out = new float[samples.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = samples[i] / most;
    }
    return out;
  }
}
