package dev.viridian.matting.cli;

import dev.viridian.engine.InputException;
import dev.viridian.engine.io.FileErrors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The flags of {@code convert}. Values are to be used after {@link #check}. */
final class ConvertOptions {
  @Parameters(
      paramLabel = "INPUT",
      description = "A model folder, a single-file model, or one weight file.")
  Path input = Path.of("");

  @Option(
      names = "--output",
      required = true,
      paramLabel = "OUTPUT",
      description = "The file or folder to write.")
  Path output = Path.of("");

  @Option(
      names = "--dtype",
      paramLabel = "NAME",
      description = "f32, f16 or bf16; default: types are kept.")
  @Nullable String dtype;

  @Option(
      names = "--layout",
      paramLabel = "NAME",
      description =
          "folder (diffusers) or single (one .safetensors file, LDM names; configuration and"
              + " tokenizer go to NAME-config beside it); default: single where OUTPUT ends in"
              + " .safetensors, else folder.")
  @Nullable String layout;

  @Option(names = "--overwrite", description = "Replace what exists.")
  boolean overwrite;

  /**
   * Checks every value, and brings words to the spelling that the rest of the program uses.
   *
   * @throws picocli.CommandLine.ParameterException naming the first flag that is wrong, in one line
   * @throws InputException if there is no input
   */
  void check(CommandSpec command) {
    Checks checks = new Checks(command);
    checks.paths(command);
    if (dtype != null) {
      dtype = checks.choice("--dtype", dtype, List.of("f32", "f16", "bf16"));
    }
    if (layout != null) {
      layout = checks.choice("--layout", layout, List.of("folder", "single"));
    }
    if (!Files.exists(input)) {
      throw new InputException(input + ": no such file or folder");
    }
    if (Files.exists(output) && sameFile()) {
      throw checks.wrong("--output is the input itself, expected another file or folder");
    }
  }

  private boolean sameFile() {
    try {
      return Files.isSameFile(input, output);
    } catch (IOException e) {
      throw new InputException(output + ": cannot be read: " + FileErrors.reason(e), e);
    }
  }
}
