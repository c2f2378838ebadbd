package dev.viridian.matting.data.procedural;

import org.jspecify.annotations.Nullable;

/**
 * A drawn object. Arrays are [size, size] or [size, size, 3], rows from the top, values in 0…1 in
 * the encoding of the picture (sRGB); they belong to the receiver.
 *
 * @param size the side in pixels
 * @param foreground straight colours F, [size, size, 3]; black where alpha is 0
 * @param alpha a, [size, size]: the mean coverage of 4×4 samples
 * @param background B, [size, size, 3]
 * @param caption a description, as a data set has it
 * @param noun what it is
 * @param colour the name of its colour
 * @param material what it is made of
 * @param scene the kind of background, null for the green canvas
 */
public record ProceduralObject(
    int size,
    float[] foreground,
    float[] alpha,
    float[] background,
    String caption,
    String noun,
    String colour,
    String material,
    @Nullable String scene) {

  /** The picture F a + B (1 − a), [size, size, 3], not rounded. */
  public float[] composite() {
    float[] out = new float[foreground.length];
    for (int i = 0; i < out.length; i++) {
      float a = alpha[i / 3];
      out[i] = foreground[i] * a + background[i] * (1 - a);
    }
    return out;
  }
}
