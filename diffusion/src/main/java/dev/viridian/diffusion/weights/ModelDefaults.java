package dev.viridian.diffusion.weights;

import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * How a model is run where nothing else is asked for.
 *
 * @param side pixels along each side of the pictures it was trained on, as diffusers has it: the
 *     UNet's {@code sample_size} times the autoencoder's factor
 * @param steps of the sampler, 1 to 1000
 * @param guidance scale of classifier-free guidance, 0 to 100
 */
public record ModelDefaults(int side, int steps, double guidance) {
  private static final String OWN = "_viridian";
  private static final String STEPS = "steps";
  private static final String GUIDANCE = "cfg_scale";
  private static final int SMALLEST_SIDE = 8;
  private static final int LARGEST_SIDE = 4096;
  private static final int USUAL_SIDE = 512;
  private static final int USUAL_STEPS = 20;
  private static final double USUAL_GUIDANCE = 7.5;
  private static final int MOST_STEPS = 1000;
  private static final double MOST_GUIDANCE = 100;

  /** Those of a model that says nothing of steps and guidance: 20 and 7.5. */
  static ModelDefaults of(ModelConfigs configs) {
    long side = (long) configs.unet().sampleSize() * configs.vae().pixelsPerLatent();
    boolean fits = side >= SMALLEST_SIDE && side <= LARGEST_SIDE && side % SMALLEST_SIDE == 0;
    return new ModelDefaults(fits ? (int) side : USUAL_SIDE, USUAL_STEPS, USUAL_GUIDANCE);
  }

  /**
   * Those of a model with a folder of configurations, or none.
   *
   * @throws dev.viridian.engine.InputException naming the file and the key that is wrong
   */
  static ModelDefaults of(ModelConfigs configs, @Nullable Path folder) {
    Path index = folder == null ? null : folder.resolve("model_index.json");
    ModelDefaults usual = of(configs);
    return index != null && Files.exists(index) ? usual.changedBy(ConfigFile.read(index)) : usual;
  }

  /** Puts steps and guidance into a {@code model_index.json} where they are not the usual ones. */
  void addTo(ObjectNode index) {
    if (steps != USUAL_STEPS || guidance != USUAL_GUIDANCE) {
      index.putObject(OWN).put(STEPS, steps).put(GUIDANCE, guidance);
    }
  }

  /**
   * The same with what {@code model_index.json} says: a member {@code _viridian} with {@code steps}
   * and {@code cfg_scale}, both of which may be absent. Diffusers passes over members that begin
   * so.
   *
   * @throws dev.viridian.engine.InputException naming the file and the key that is wrong
   */
  private ModelDefaults changedBy(ConfigFile index) {
    if (index.value(OWN) == null) {
      return this;
    }
    ConfigFile own = index.part(OWN);
    int s = own.size(STEPS, steps);
    if (s > MOST_STEPS) {
      throw own.error("_viridian.steps is " + s + ", expected a whole number from 1 to 1000");
    }
    double g = own.number(GUIDANCE, guidance);
    if (!(g >= 0 && g <= MOST_GUIDANCE)) {
      throw own.error("_viridian.cfg_scale is " + g + ", expected a number from 0 to 100");
    }
    return new ModelDefaults(side, s, g);
  }
}
