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
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
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
   * @param count pictures to generate, of captions that name noun and colour
   * @param request steps, guidance and sampler of them
   * @param recogniserSteps of training the recogniser; 0 for none
   */
  public record Request(int side, int count, TextToImage request, long seed, int recogniserSteps) {}

  /**
   * A generated picture.
   *
   * @param picture whose caption it was made of
   * @param seed of its noise
   * @param green its GSG
   * @param noun what it is recognised as; null without a recogniser
   * @param colour the same of its colour
   */
  record Generated(
      TestPicture picture,
      long seed,
      double green,
      @Nullable String noun,
      @Nullable String colour) {

    /** For reports: caption, what was asked for, what was recognised. */
    Map<String, Object> facts() {
      Map<String, Object> facts = new LinkedHashMap<>();
      facts.put("caption", picture.text());
      facts.put("noun", picture.noun());
      facts.put("colour", picture.colour());
      facts.put("recognised_noun", noun);
      facts.put("recognised_colour", colour);
      facts.put("seed", seed);
      facts.put("gsg", Math.round(green * 1e4) / 1e4);
      return facts;
    }
  }

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
   * @param edges of the noise predictor's estimates of the test pictures that the captions are of,
   *     against their alphas, by timestep; null where the set has none
   * @param encodedEdges the same of the autoencoder alone
   * @param generated caption, noun, colour, recognised noun and colour, seed and GSG of each
   *     generated picture
   */
  public record Report(
      double psnr,
      double green,
      @Nullable Double mask,
      @Nullable Double nouns,
      @Nullable Double colours,
      @Nullable Double drawnNouns,
      @Nullable Double drawnColours,
      @Nullable Map<Integer, MatteErrors> edges,
      @Nullable MatteErrors encodedEdges,
      List<Map<String, Object>> generated,
      BufferedImage sheet) {}

  private Evaluation() {}

  /**
   * Evaluates.
   *
   * @param data a data set that {@code dataset procedural} wrote, best with {@code --held-out}
   * @throws dev.viridian.engine.InputException if it cannot be read, or too few of its captions
   *     name noun and colour
   */
  public static Report of(DiffuMatting model, Device device, Path data, Request asked) {
    List<TestPicture> pictures = TestPicture.read(data);
    List<TestPicture> chosen = TestPicture.named(data, pictures, asked.count);
    double psnr = 0;
    for (int i = 0; i < pictures.size(); i++) {
      float[] rgb = pictures.get(i).rgb(asked.side);
      float[] again = reconstruct(model.diffusion().autoencoder(), device, rgb, asked.side);
      psnr += Measures.psnr(Measures.squaredError(rgb, again)) / pictures.size();
    }
    if (asked.recogniserSteps == 0) {
      return generate(model, device, pictures, chosen, asked, psnr, null);
    }
    ProceduralOptions options =
        ProceduralOptions.defaults()
            .withNouns(pictures.stream().map(TestPicture::noun).distinct().sorted().toList())
            .withColours(pictures.stream().map(TestPicture::colour).distinct().sorted().toList())
            .withVariety(VARIETY);
    try (Recogniser recogniser =
        Recogniser.train(device, options, asked.recogniserSteps, asked.seed)) {
      return generate(model, device, pictures, chosen, asked, psnr, recogniser);
    }
  }

  private static Report generate(
      DiffuMatting model,
      Device device,
      List<TestPicture> pictures,
      List<TestPicture> chosen,
      Request asked,
      double psnr,
      @Nullable Recogniser recogniser) {
    int count = chosen.size();
    int columns = Math.min(COLUMNS, count);
    BufferedImage sheet =
        new BufferedImage(
            columns * asked.side,
            Math.ceilDiv(count, columns) * asked.side,
            BufferedImage.TYPE_INT_RGB);
    Graphics2D pen = sheet.createGraphics();
    List<Generated> generated = new ArrayList<>();
    double mask = 0;
    for (int i = 0; i < count; i++) {
      TestPicture picture = chosen.get(i);
      GreenPrompt prompt =
          GreenPrompt.of(picture.text(), GreenPrompt.SUFFIX, model.diffusion().tokenizer());
      long seed = asked.seed + i;
      Cutout cutout =
          model.generate(asked.request.prompt(prompt.text()).size(asked.side, asked.side), seed);
      BufferedImage made = cutout.green();
      pen.drawImage(made, i % columns * asked.side, i / columns * asked.side, null);
      float[] rgb = Images.rgb(made);
      if (cutout.hasAlpha()) {
        mask += Measures.absoluteError(cutout.alpha(), Measures.colourKey(rgb)) / count;
      }
      generated.add(judged(recogniser, picture, seed, Measures.green(device, rgb), rgb, asked));
    }
    pen.dispose();
    List<Generated> drawn = new ArrayList<>();
    if (recogniser != null) {
      for (TestPicture picture : pictures) {
        drawn.add(judged(recogniser, picture, 0, 0, picture.rgb(asked.side), asked));
      }
    }
    boolean matted = chosen.stream().allMatch(picture -> picture.alpha() != null);
    Edges.Report edges =
        matted ? Edges.of(model.diffusion(), device, chosen, asked.side, asked.seed) : null;
    return new Report(
        psnr,
        generated.stream().mapToDouble(Generated::green).average().orElseThrow(),
        model.hasHead() ? mask : null,
        share(recogniser, generated, g -> g.picture.noun().equals(g.noun)),
        share(recogniser, generated, g -> g.picture.colour().equals(g.colour)),
        share(recogniser, drawn, g -> g.picture.noun().equals(g.noun)),
        share(recogniser, drawn, g -> g.picture.colour().equals(g.colour)),
        edges == null ? null : edges.denoised(),
        edges == null ? null : edges.encoded(),
        generated.stream().map(Generated::facts).toList(),
        sheet);
  }

  private static @Nullable Double share(
      @Nullable Recogniser recogniser, List<Generated> all, Predicate<Generated> right) {
    return recogniser == null ? null : (double) all.stream().filter(right).count() / all.size();
  }

  private static Generated judged(
      @Nullable Recogniser recogniser,
      TestPicture picture,
      long seed,
      double green,
      float[] rgb,
      Request asked) {
    if (recogniser == null) {
      return new Generated(picture, seed, green, null, null);
    }
    Recogniser.Guess guess = recogniser.guess(Measures.shrunk(rgb, asked.side, Recogniser.SIDE));
    return new Generated(picture, seed, green, guess.noun(), guess.colour());
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
