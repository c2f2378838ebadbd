package dev.viridian.matting.evaluate;

import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.pipeline.TextToImage;
import dev.viridian.diffusion.vae.Autoencoder;
import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.matting.Cutout;
import dev.viridian.matting.DiffuMatting;
import dev.viridian.matting.GreenPrompt;
import dev.viridian.matting.data.procedural.ProceduralOptions;
import dev.viridian.matting.image.Images;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Figures of a small model on drawn pictures that it was not trained on, and on pictures that it
 * makes of their captions. For one thread.
 */
public final class Evaluation {
  /** How much the views differ that the recogniser is trained on. */
  private static final double VARIETY = 0.5;

  private static final int COLUMNS = 8;

  /**
   * What is asked for.
   *
   * @param side of all pictures
   * @param count pictures to generate, of the first captions
   * @param request steps, guidance and sampler of them
   * @param recogniserSteps of training the recogniser; 0 for none
   */
  public record Request(int side, int count, TextToImage request, long seed, int recogniserSteps) {}

  /**
   * What came out.
   *
   * @param psnr of the autoencoder on the test pictures, in decibels: the mean over them
   * @param green mean GSG of the generated pictures, 0…441; the same of the test pictures is 0
   * @param mask mean absolute difference of the coarse mask and the colour key; null without a head
   * @param nouns share of generated pictures whose noun is recognised; null without a recogniser
   * @param colours the same of their colour
   * @param drawnNouns share of test pictures whose noun is recognised: what the recogniser can do
   * @param drawnColours the same of their colour
   */
  public record Report(
      double psnr,
      double green,
      @Nullable Double mask,
      @Nullable Double nouns,
      @Nullable Double colours,
      @Nullable Double drawnNouns,
      @Nullable Double drawnColours,
      BufferedImage sheet) {}

  private Evaluation() {}

  /**
   * Evaluates.
   *
   * @param data a data set that {@code dataset procedural} wrote, best with {@code --held-out}
   */
  public static Report of(DiffuMatting model, Device device, Path data, Request asked) {
    List<TestPicture> pictures = TestPicture.read(data);
    double psnr = 0;
    for (int i = 0; i < pictures.size(); i++) {
      float[] rgb = pictures.get(i).rgb(asked.side);
      float[] again = reconstruct(model.diffusion().autoencoder(), device, rgb, asked.side);
      psnr += Measures.psnr(Measures.squaredError(rgb, again)) / pictures.size();
    }
    if (asked.recogniserSteps == 0) {
      return generate(model, device, pictures, asked, psnr, null);
    }
    ProceduralOptions options =
        ProceduralOptions.defaults()
            .withNouns(pictures.stream().map(TestPicture::noun).distinct().sorted().toList())
            .withColours(pictures.stream().map(TestPicture::colour).distinct().sorted().toList())
            .withVariety(VARIETY);
    try (Recogniser recogniser =
        Recogniser.train(device, options, asked.recogniserSteps, asked.seed)) {
      return generate(model, device, pictures, asked, psnr, recogniser);
    }
  }

  private static Report generate(
      DiffuMatting model,
      Device device,
      List<TestPicture> pictures,
      Request asked,
      double psnr,
      @Nullable Recogniser recogniser) {
    int count = Math.min(asked.count, pictures.size());
    int columns = Math.min(COLUMNS, count);
    BufferedImage sheet =
        new BufferedImage(
            columns * asked.side,
            Math.ceilDiv(count, columns) * asked.side,
            BufferedImage.TYPE_INT_RGB);
    Graphics2D pen = sheet.createGraphics();
    double green = 0;
    double mask = 0;
    int[] right = new int[2];
    for (int i = 0; i < count; i++) {
      TestPicture picture = pictures.get(i);
      GreenPrompt prompt =
          GreenPrompt.of(picture.text(), GreenPrompt.SUFFIX, model.diffusion().tokenizer());
      Cutout cutout =
          model.generate(
              asked.request.prompt(prompt.text()).size(asked.side, asked.side), asked.seed + i);
      BufferedImage made = cutout.green();
      pen.drawImage(made, i % columns * asked.side, i / columns * asked.side, null);
      float[] rgb = Images.rgb(made);
      green += Measures.green(device, rgb) / count;
      if (cutout.hasAlpha()) {
        mask += Measures.absoluteError(cutout.alpha(), Measures.colourKey(rgb)) / count;
      }
      count(recogniser, picture, rgb, asked.side, right);
    }
    pen.dispose();
    int[] drawn = new int[2];
    for (TestPicture picture : pictures) {
      count(recogniser, picture, picture.rgb(asked.side), asked.side, drawn);
    }
    boolean told = recogniser != null;
    return new Report(
        psnr,
        green,
        model.hasHead() ? mask : null,
        told ? (double) right[0] / count : null,
        told ? (double) right[1] / count : null,
        told ? (double) drawn[0] / pictures.size() : null,
        told ? (double) drawn[1] / pictures.size() : null,
        sheet);
  }

  private static void count(
      @Nullable Recogniser recogniser, TestPicture picture, float[] rgb, int side, int[] right) {
    if (recogniser == null) {
      return;
    }
    Recogniser.Guess guess = recogniser.guess(Measures.shrunk(rgb, side, Recogniser.SIDE));
    right[0] += guess.noun().equals(picture.noun()) ? 1 : 0;
    right[1] += guess.colour().equals(picture.colour()) ? 1 : 0;
  }

  /** Through the autoencoder and back, from the mean of its distribution. */
  @SuppressWarnings("try") // the scope closes what is computed
  private static float[] reconstruct(Autoencoder vae, Device device, float[] rgb, int side) {
    float[] signed = new float[rgb.length];
    for (int i = 0; i < rgb.length; i++) {
      signed[i] = 2 * rgb[i] - 1;
    }
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor x = Tensors.of(device, signed, 1, side, side, 3);
      Tensor mean = vae.encode(x, LayerObserver.NONE).mean();
      float[] again = vae.decodeUnscaled(mean, false, LayerObserver.NONE).picture().toFloats();
      for (int i = 0; i < again.length; i++) {
        again[i] = Math.clamp((again[i] + 1) / 2, 0f, 1f);
      }
      return again;
    }
  }
}
