package dev.viridian.bench.work;

import dev.viridian.diffusion.weights.FormulaModel;
import dev.viridian.diffusion.weights.ModelConfigs;
import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.kernels.DType;
import java.nio.file.Path;

/** The model that is timed. */
public final class Model {
  /** The name of the model whose weights are computed from their names. */
  public static final String FORMULA = "formula";

  /** The same with the shapes of the small model, for pictures of 128 by 128. */
  public static final String SMALL = "small";

  private Model() {}

  /** Whether the weights are computed. */
  public static boolean computed(String name) {
    return name.equals(FORMULA) || name.equals(SMALL);
  }

  /**
   * The model of a name.
   *
   * @param name one that is {@link #computed}
   * @param dtype of the weights
   */
  public static FormulaModel formula(String name, DType dtype) {
    return new FormulaModel(configs(name), dtype);
  }

  /** The shapes of a model. */
  public static ModelConfigs configs(String name) {
    if (computed(name)) {
      return name.equals(SMALL) ? ModelConfigs.small() : ModelConfigs.sd15();
    }
    try (ModelFiles files = ModelFiles.open(Path.of(name))) {
      return files.configs();
    }
  }

  /**
   * Opens a model.
   *
   * @param name {@link #FORMULA}, {@link #SMALL}, or a path
   * @param dtype of the formula's weights
   */
  public static ModelFiles open(String name, DType dtype) {
    return computed(name) ? formula(name, dtype).open(null) : ModelFiles.open(Path.of(name));
  }
}
