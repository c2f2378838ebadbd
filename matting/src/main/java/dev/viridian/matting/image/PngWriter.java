package dev.viridian.matting.image;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.Deflater;

/**
 * Writes PNG: 8-bit RGB, 8-bit RGBA with straight alpha, 16-bit grey, with texts. ImageIO writes
 * them too, but no {@code iTXt} from plain images and its own choice of chunks; here the same
 * pixels and texts always give the same bytes on one JDK. Stateless and thread-safe.
 */
public final class PngWriter {
  private static final byte[] SIGNATURE = {(byte) 137, 'P', 'N', 'G', '\r', '\n', 26, '\n'};
  private static final int GREY = 0;
  private static final int RGB = 2;
  private static final int RGBA = 6;
  private static final int FILTERS = 5;

  private PngWriter() {}

  /**
   * An RGB picture, 8 bits a channel, sRGB.
   *
   * @param pixels [height, width, 3]
   */
  public static byte[] rgb(int width, int height, byte[] pixels, List<PngText> texts) {
    return write(width, height, RGB, 8, 3, pixels, texts);
  }

  /**
   * An RGBA picture, 8 bits a channel, sRGB, colours not multiplied by alpha.
   *
   * @param pixels [height, width, 4]
   */
  public static byte[] rgba(int width, int height, byte[] pixels, List<PngText> texts) {
    return write(width, height, RGBA, 8, 4, pixels, texts);
  }

  /**
   * A grey picture, 16 bits, such as an alpha.
   *
   * @param values [height, width], unsigned
   */
  public static byte[] grey16(int width, int height, short[] values, List<PngText> texts) {
    ByteBuffer bytes = ByteBuffer.allocate(2 * values.length); // big-endian, as PNG wants it
    bytes.asShortBuffer().put(values);
    return write(width, height, GREY, 16, 2, bytes.array(), texts);
  }

  private static byte[] write(
      int width,
      int height,
      int colour,
      int depth,
      int pixelBytes,
      byte[] pixels,
      List<PngText> texts) {
    if (width < 1 || height < 1 || (long) width * height * pixelBytes != pixels.length) {
      throw new IllegalArgumentException(
          "PngWriter: "
              + pixels.length
              + " bytes for "
              + width
              + "x"
              + height
              + " pixels of "
              + pixelBytes
              + " bytes");
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream(pixels.length / 2 + 1024);
    out.writeBytes(SIGNATURE);
    ByteBuffer header = ByteBuffer.allocate(13).putInt(width).putInt(height);
    header.put((byte) depth).put((byte) colour); // then: deflate, adaptive filters, no interlace
    chunk(out, "IHDR", header.array());
    if (colour != GREY) {
      chunk(out, "sRGB", new byte[] {0}); // perceptual
    }
    for (PngText text : texts) {
      chunk(out, "iTXt", text.chunk());
    }
    chunk(out, "IDAT", deflate(filter(pixels, width * pixelBytes, pixelBytes)));
    chunk(out, "IEND", new byte[0]);
    return out.toByteArray();
  }

  private static void chunk(ByteArrayOutputStream out, String type, byte[] data) {
    byte[] name = type.getBytes(StandardCharsets.US_ASCII);
    CRC32 crc = new CRC32();
    crc.update(name);
    crc.update(data);
    out.writeBytes(ByteBuffer.allocate(4).putInt(data.length).array());
    out.writeBytes(name);
    out.writeBytes(data);
    out.writeBytes(ByteBuffer.allocate(4).putInt((int) crc.getValue()).array());
  }

  private static byte[] deflate(byte[] data) {
    Deflater deflater = new Deflater(6);
    try {
      deflater.setInput(data);
      deflater.finish();
      ByteArrayOutputStream out = new ByteArrayOutputStream(data.length / 2 + 64);
      byte[] block = new byte[1 << 16];
      while (!deflater.finished()) {
        out.write(block, 0, deflater.deflate(block));
      }
      return out.toByteArray();
    } finally {
      deflater.end();
    }
  }

  /**
   * Every row with the filter whose bytes, taken as signed, are smallest in sum, and its number.
   */
  private static byte[] filter(byte[] pixels, int rowBytes, int pixelBytes) {
    int rows = pixels.length / rowBytes;
    byte[] out = new byte[Math.addExact(pixels.length, rows)];
    byte[] above = new byte[rowBytes];
    byte[] row = new byte[rowBytes];
    byte[] tried = new byte[rowBytes];
    for (int y = 0; y < rows; y++) {
      System.arraycopy(pixels, y * rowBytes, row, 0, rowBytes);
      int at = y * (rowBytes + 1);
      long least = Long.MAX_VALUE;
      for (int filter = 0; filter < FILTERS; filter++) {
        long sum = 0;
        for (int x = 0; x < rowBytes; x++) {
          int left = x < pixelBytes ? 0 : row[x - pixelBytes] & 0xff;
          int corner = x < pixelBytes ? 0 : above[x - pixelBytes] & 0xff;
          tried[x] = (byte) (row[x] - predict(filter, left, above[x] & 0xff, corner));
          sum += Math.abs(tried[x]);
        }
        if (sum < least) {
          least = sum;
          out[at] = (byte) filter;
          System.arraycopy(tried, 0, out, at + 1, rowBytes);
        }
      }
      byte[] spare = above;
      above = row;
      row = spare;
    }
    return out;
  }

  private static int predict(int filter, int left, int up, int corner) {
    return switch (filter) {
      case 0 -> 0;
      case 1 -> left;
      case 2 -> up;
      case 3 -> (left + up) / 2;
      default -> paeth(left, up, corner);
    };
  }

  private static int paeth(int left, int up, int corner) {
    int estimate = left + up - corner;
    int toLeft = Math.abs(estimate - left);
    int toUp = Math.abs(estimate - up);
    int toCorner = Math.abs(estimate - corner);
    if (toLeft <= toUp && toLeft <= toCorner) {
      return left;
    }
    return toUp <= toCorner ? up : corner;
  }
}
