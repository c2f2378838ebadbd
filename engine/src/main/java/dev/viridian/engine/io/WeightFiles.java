package dev.viridian.engine.io;

import dev.viridian.engine.InputException;
import java.nio.file.Path;

/** Opens weight files of any kind, told by their content. */
public final class WeightFiles {
  private static final String EXPECTED =
      "a safetensors file, a PyTorch checkpoint or an index of such files";

  private WeightFiles() {}

  /**
   * Opens a safetensors file, a PyTorch checkpoint (zip or older format) or the index of a sharded
   * one ({@code *.index.json}), whatever its name.
   *
   * @throws InputException if it is none of them or not sound, in one line
   */
  public static WeightSource open(Path path) {
    return open(path, true);
  }

  /** Opens anything but an index. */
  static WeightSource openSingle(Path path) {
    return open(path, false);
  }

  private static WeightSource open(Path path, boolean indexToo) {
    OpenFile file = OpenFile.open(path);
    try {
      return switch (FileFormat.of(file)) {
        case SAFETENSORS -> Safetensors.open(file);
        case TORCH_ZIP, TORCH_LEGACY -> TorchCheckpoint.open(file);
        case INDEX -> {
          if (!indexToo) {
            throw file.error("is an index of weight files, expected a file with weights");
          }
          WeightSource source = ShardedWeights.open(file, WeightFiles::openSingle);
          file.close();
          yield source;
        }
        case UNKNOWN -> throw FileFormat.unknown(file, EXPECTED);
      };
    } catch (RuntimeException | Error e) {
      file.close();
      throw e;
    }
  }
}
