package dev.viridian.diffusion.pipeline;

import org.jspecify.annotations.Nullable;

/**
 * What to generate. Start from {@link #of} and change what matters:
 *
 * <pre>{@code
 * TextToImage.of("a red apple").size(512, 512).steps(20).guidance(7.5)
 * }</pre>
 *
 * @param prompt what to show
 * @param negativePrompt what to keep away from; used with guidance above 1
 * @param width in pixels, a multiple of the autoencoder's factor (8)
 * @param height likewise
 * @param steps of the sampler, 1 to 1000; some samplers evaluate the model more often
 * @param guidance scale of classifier-free guidance; at 1 or below the negative prompt has no part
 * @param sampler such as {@code ddim} or {@code euler-a}; null for the model's own
 * @param schedule {@code default}, {@code karras}, {@code exponential} or {@code beta}
 * @param spacing {@code leading}, {@code linspace} or {@code trailing}; null for the model's
 * @param eta share of fresh noise in each step of ddim, 0 to 1; null for the model's
 * @param skipLayers how many of the text encoder's last layers are left out for the prompt (not for
 *     the negative prompt, as in diffusers)
 * @param batch pictures made at once, at least 1
 */
public record TextToImage(
    String prompt,
    String negativePrompt,
    int width,
    int height,
    int steps,
    double guidance,
    @Nullable String sampler,
    String schedule,
    @Nullable String spacing,
    @Nullable Double eta,
    int skipLayers,
    int batch) {

  /** 512×512, 20 steps, guidance 7.5, the model's sampler, one picture. */
  public static TextToImage of(String prompt) {
    return new TextToImage(prompt, "", 512, 512, 20, 7.5, null, "default", null, null, 0, 1);
  }

  /** The same with another prompt. */
  public TextToImage prompt(String value) {
    return new TextToImage(
        value,
        negativePrompt,
        width,
        height,
        steps,
        guidance,
        sampler,
        schedule,
        spacing,
        eta,
        skipLayers,
        batch);
  }

  /** The same with a negative prompt. */
  public TextToImage negative(String value) {
    return new TextToImage(
        prompt,
        value,
        width,
        height,
        steps,
        guidance,
        sampler,
        schedule,
        spacing,
        eta,
        skipLayers,
        batch);
  }

  /** The same at another size, in pixels. */
  public TextToImage size(int newWidth, int newHeight) {
    return new TextToImage(
        prompt,
        negativePrompt,
        newWidth,
        newHeight,
        steps,
        guidance,
        sampler,
        schedule,
        spacing,
        eta,
        skipLayers,
        batch);
  }

  /** The same with another number of steps. */
  public TextToImage steps(int value) {
    return new TextToImage(
        prompt,
        negativePrompt,
        width,
        height,
        value,
        guidance,
        sampler,
        schedule,
        spacing,
        eta,
        skipLayers,
        batch);
  }

  /** The same with another guidance scale. */
  public TextToImage guidance(double value) {
    return new TextToImage(
        prompt,
        negativePrompt,
        width,
        height,
        steps,
        value,
        sampler,
        schedule,
        spacing,
        eta,
        skipLayers,
        batch);
  }

  /** The same with another sampler. */
  public TextToImage sampler(@Nullable String value) {
    return new TextToImage(
        prompt,
        negativePrompt,
        width,
        height,
        steps,
        guidance,
        value,
        schedule,
        spacing,
        eta,
        skipLayers,
        batch);
  }

  /** The same with another schedule of noise levels and spacing of time steps. */
  public TextToImage schedule(String newSchedule, @Nullable String newSpacing) {
    return new TextToImage(
        prompt,
        negativePrompt,
        width,
        height,
        steps,
        guidance,
        sampler,
        newSchedule,
        newSpacing,
        eta,
        skipLayers,
        batch);
  }

  /** The same with another share of fresh noise. */
  public TextToImage eta(@Nullable Double value) {
    return new TextToImage(
        prompt,
        negativePrompt,
        width,
        height,
        steps,
        guidance,
        sampler,
        schedule,
        spacing,
        value,
        skipLayers,
        batch);
  }

  /** The same with the text encoder's last layers left out. */
  public TextToImage skipLayers(int value) {
    return new TextToImage(
        prompt,
        negativePrompt,
        width,
        height,
        steps,
        guidance,
        sampler,
        schedule,
        spacing,
        eta,
        value,
        batch);
  }

  /** The same with another number of pictures at once. */
  public TextToImage batch(int value) {
    return new TextToImage(
        prompt,
        negativePrompt,
        width,
        height,
        steps,
        guidance,
        sampler,
        schedule,
        spacing,
        eta,
        skipLayers,
        value);
  }
}
