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

  private Model() {}

  /**
   * Opens a model.
   *
   * @param name {@link #FORMULA}, or a path
   * @param dtype of the formula's weights
   */
  public static ModelFiles open(String name, DType dtype) {
    return name.equals(FORMULA)
        ? new FormulaModel(ModelConfigs.sd15(), dtype).open(null)
        : ModelFiles.open(Path.of(name));
  }
}
