package dev.viridian.matting.train;

import dev.viridian.engine.InputException;
import dev.viridian.engine.io.FileErrors;
import dev.viridian.engine.io.Text;
import dev.viridian.matting.image.Images;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.jspecify.annotations.Nullable;

/**
 * A picture of a data set in memory, square, at the size that training takes; or larger, where
 * crops are cut out of it.
 *
 * @param side pixels along each side
 * @param rgb [side, side, 3] in −1…1
 * @param alpha [side, side] in 0…1; null where no loss reads it
 * @param text its caption
 */
record Sample(int side, float[] rgb, float @Nullable [] alpha, String text) {

  /**
   * Reads an entry. What is not square is cut to its middle; then it is shrunk, by means of areas,
   * to the wanted side.
   *
   * @param side that of the result; with {@code larger} the least
   * @param larger whether larger pictures stay as they are
   * @throws InputException naming the file that is missing, unreadable or does not fit
   */
  static Sample read(DataSetFolder.Entry entry, int side, boolean larger, boolean withAlpha) {
    BufferedImage image = picture(entry.image());
    int square = Math.min(image.getWidth(), image.getHeight());
    int to = larger ? Math.max(square, side) : side;
    float[] rgb = resized(Images.rgb(image), image.getWidth(), image.getHeight(), 3, to, entry);
    for (int i = 0; i < rgb.length; i++) {
      rgb[i] = 2 * rgb[i] - 1;
    }
    return new Sample(
        to,
        rgb,
        withAlpha ? alpha(entry, image.getWidth(), image.getHeight(), to) : null,
        entry.text());
  }

  /** The mask alone, where pictures are known as latents. */
  static Sample readAlpha(DataSetFolder.Entry entry, int side, boolean withAlpha) {
    return new Sample(
        side, new float[0], withAlpha ? alpha(entry, 0, 0, side) : null, entry.text());
  }

  private static float[] alpha(DataSetFolder.Entry entry, int width, int height, int to) {
    Path path = entry.alpha();
    if (path == null) {
      throw new InputException(
          Text.line(entry.image().toString()) + ": its line has no alpha_file_name");
    }
    BufferedImage image = picture(path);
    if (width > 0 && (image.getWidth() != width || image.getHeight() != height)) {
      throw new InputException(
          Text.line(path.toString())
              + ": is "
              + image.getWidth()
              + "x"
              + image.getHeight()
              + ", its picture "
              + width
              + "x"
              + height);
    }
    return resized(Images.channel(image, 0), image.getWidth(), image.getHeight(), 1, to, entry);
  }

  private static BufferedImage picture(Path path) {
    try {
      BufferedImage image = ImageIO.read(path.toFile());
      if (image == null) {
        throw new InputException(Text.line(path.toString()) + ": is no picture that can be read");
      }
      return image;
    } catch (IOException e) {
      throw new InputException(
          Text.line(path.toString()) + ": cannot be read: " + FileErrors.reason(e), e);
    } catch (IllegalArgumentException | IndexOutOfBoundsException | NegativeArraySizeException e) {
      throw new InputException(Text.line(path.toString()) + ": is damaged", e); // the decoder's
    }
  }

  /** The middle square, by means of areas at the wanted size. */
  private static float[] resized(
      float[] values, int width, int height, int channels, int to, DataSetFolder.Entry entry) {
    int square = Math.min(width, height);
    if (square < to) {
      throw new InputException(
          Text.line(entry.image().toString())
              + ": is "
              + width
              + "x"
              + height
              + ", training needs at least "
              + to
              + "x"
              + to);
    }
    if (width == to && height == to) {
      return values;
    }
    int left = (width - square) / 2;
    int top = (height - square) / 2;
    double scale = (double) square / to;
    float[] rows = new float[to * square * channels];
    for (int y = 0; y < to; y++) {
      for (int x = 0; x < square; x++) {
        for (int c = 0; c < channels; c++) {
          int at = (left + x) * channels + c;
          rows[(y * square + x) * channels + c] =
              mean(values, top * width * channels + at, width * channels, y * scale, scale);
        }
      }
    }
    float[] out = new float[to * to * channels];
    for (int y = 0; y < to; y++) {
      for (int x = 0; x < to; x++) {
        for (int c = 0; c < channels; c++) {
          out[(y * to + x) * channels + c] =
              mean(rows, y * square * channels + c, channels, x * scale, scale);
        }
      }
    }
    return out;
  }

  /** The mean of a run of {@code length} from {@code start}, whose ends may lie within values. */
  private static float mean(float[] values, int base, int stride, double start, double length) {
    double sum = 0;
    double end = start + length;
    int last = (int) Math.ceil(end - 1e-9);
    for (int i = (int) Math.floor(start); i < last; i++) {
      double share = Math.min(i + 1, end) - Math.max(i, start);
      sum += share * values[base + i * stride];
    }
    return (float) (sum / length);
  }
}
