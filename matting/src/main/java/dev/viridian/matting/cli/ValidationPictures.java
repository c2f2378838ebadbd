package dev.viridian.matting.cli;

import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.engine.Device;
import dev.viridian.engine.InputException;
import dev.viridian.engine.io.FileErrors;
import dev.viridian.engine.io.Text;
import dev.viridian.matting.Cutout;
import dev.viridian.matting.DiffuMatting;
import dev.viridian.matting.GreenPrompt;
import dev.viridian.matting.image.Images;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;

/** Pictures of the validation prompts with the model that is in the output folder. */
final class ValidationPictures {
  private final List<String> prompts;
  private final String suffix;
  private final int side;
  private final long seed;
  private final Path output;
  private final Device device;

  ValidationPictures(TrainFlags flags, Device device) {
    prompts = List.copyOf(flags.validationPrompts);
    suffix = flags.greenSuffix.equals("none") ? "" : flags.greenSuffix;
    side = flags.resolution;
    seed = flags.seed;
    output = flags.output;
    this.device = device;
  }

  /** Whether there is nothing to make. */
  boolean isEmpty() {
    return prompts.isEmpty();
  }

  /** Writes {@code validation/STEP-I.png} for each prompt, as decoded. */
  void make(long step) {
    Path folder = output.resolve("validation");
    try (DiffuMatting model = DiffuMatting.load(ModelFiles.open(output), device, null)) {
      Files.createDirectories(folder);
      for (int i = 0; i < prompts.size(); i++) {
        String prompt =
            GreenPrompt.of(prompts.get(i), suffix, model.diffusion().tokenizer()).text();
        Cutout cutout = model.generate(model.request(prompt).size(side, side), seed);
        Path file = folder.resolve(step + "-" + i + ".png");
        ImageIO.write(
            Images.toBufferedImage(side, side, cutout.greenPixels()), "png", file.toFile());
      }
    } catch (IOException e) {
      throw new InputException(
          Text.line(folder.toString()) + ": cannot be written: " + FileErrors.reason(e), e);
    }
  }
}
