package dev.viridian.matting;

import dev.viridian.matting.image.Images;
import java.awt.image.BufferedImage;
import org.jspecify.annotations.Nullable;

/**
 * A generated object: the picture as decoded and, where the model has a matting head, its coarse
 * mask. Immutable, on the Java heap, thread-safe.
 */
public final class Cutout {
  /** The canvas that DiffuMatting paints on, in 0…1. */
  private static final float[] GREEN = {0, 1, 0};

  private final int width;
  private final int height;
  private final long seed;
  private final float[] decoded;
  private final float @Nullable [] coarse;

  /**
   * A cutout.
   *
   * @param decoded [height, width, 3], about −1…1, not clamped
   * @param coarse [height, width], not clamped; null without a matting head
   */
  Cutout(int width, int height, long seed, float[] decoded, float @Nullable [] coarse) {
    this.width = width;
    this.height = height;
    this.seed = seed;
    this.decoded = decoded;
    this.coarse = coarse;
  }

  /** In pixels. */
  public int width() {
    return width;
  }

  /** In pixels. */
  public int height() {
    return height;
  }

  /** The seed of its generator. */
  public long seed() {
    return seed;
  }

  /** Whether it has an alpha of its own; if not it is opaque. */
  public boolean hasAlpha() {
    return coarse != null;
  }

  /** The decoder's output, [height, width, 3], about −1…1, not clamped. A copy. */
  public float[] decoded() {
    return decoded.clone();
  }

  /** The head's output, [height, width], not clamped; null without a head. A copy. */
  public float @Nullable [] coarse() {
    return coarse == null ? null : coarse.clone();
  }

  /** Alpha, [height, width] in 0…1; all 1 without a head. */
  public float[] alpha() {
    float[] alpha = new float[width * height];
    for (int i = 0; i < alpha.length; i++) {
      alpha[i] = coarse == null ? 1 : Math.clamp(coarse[i], 0f, 1f);
    }
    return alpha;
  }

  /** The picture on its green canvas, [height, width, 3] bytes. */
  public byte[] greenPixels() {
    return Images.toBytes(Images.signedToUnit(decoded));
  }

  /** Straight alpha with the canvas taken out of the colours, [height, width, 4] bytes. */
  public byte[] rgbaPixels() {
    float[] alpha = alpha();
    float[] colours = Images.signedToUnit(decoded);
    float[] foreground = coarse == null ? colours : Images.removePlate(colours, alpha, GREEN);
    return Images.toBytes(Images.withAlpha(foreground, alpha));
  }

  /** Alpha at 16 bit, [height, width]. */
  public short[] alphaPixels() {
    return Images.toShorts(alpha());
  }

  /** The object with straight alpha and colours freed of the green: type INT_ARGB. */
  public BufferedImage image() {
    return Images.toBufferedImage(width, height, rgbaPixels());
  }

  /** The picture on its green canvas. */
  public BufferedImage green() {
    return Images.toBufferedImage(width, height, greenPixels());
  }
}
