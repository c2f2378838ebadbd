package dev.viridian.bench.gpu;

import dev.viridian.bench.work.Model;
import dev.viridian.diffusion.weights.ModelConfigs;

/**
 * How large the run book's work is.
 *
 * @param small the model that is computed on the CPU, too
 * @param full the model that is timed
 * @param side of its pictures
 * @param smallSide of the pictures of the small one
 * @param steps of a picture
 * @param batch of an evaluation that is timed
 * @param tokens of the longest self-attention
 * @param channels of the widest map that is normalised
 * @param points of K-Means
 * @param repeat timed runs
 */
record Sizes(
    ModelConfigs small,
    ModelConfigs full,
    int side,
    int smallSide,
    int steps,
    int batch,
    int tokens,
    int channels,
    int points,
    int repeat) {
  /** Those of a device. */
  static Sizes real() {
    return new Sizes(
        Model.configs(Model.SMALL),
        Model.configs(Model.FORMULA),
        512,
        128,
        20,
        2,
        4096,
        320,
        512 * 512,
        7);
  }

  /** Those of the emulated device: everything is done, on a few numbers. */
  static Sizes tiny(ModelConfigs model) {
    return new Sizes(model, model, 32, 32, 3, 2, 16, 32, 64, 1);
  }
}
