package dev.viridian.matting.cli;

import dev.viridian.diffusion.weights.FormulaModel;
import dev.viridian.diffusion.weights.MattingHeadConfig;
import dev.viridian.diffusion.weights.ModelConfigs;
import dev.viridian.diffusion.weights.TextEncoderConfig;
import dev.viridian.diffusion.weights.UNetConfig;
import dev.viridian.diffusion.weights.VaeConfig;
import dev.viridian.engine.io.PickleWriter;
import dev.viridian.engine.io.SafetensorsWriter;
import dev.viridian.engine.io.TensorInfo;
import dev.viridian.engine.io.WeightFiles;
import dev.viridian.engine.io.WeightSource;
import dev.viridian.kernels.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * The smallest model that has a part of every kind: a picture of 16×16 in one step takes
 * milliseconds.
 */
final class SmallModel {
  private static final List<String> MERGES = List.of("g r", "e e", "gr ee", "gree n</w>", "a a");
  private static final int VOCABULARY = 512 + 5 + 2;

  static final ModelConfigs CONFIGS =
      new ModelConfigs(
          new UNetConfig(
              4,
              4,
              List.of(8, 16),
              1,
              List.of(2, 2),
              8,
              4,
              1e-5f,
              List.of(true, false),
              List.of(false, true),
              true,
              0,
              8),
          new VaeConfig(3, 3, 4, List.of(8, 8), 1, 4, 0.18215),
          new TextEncoderConfig(VOCABULARY, 8, 16, 1, 2, 77, 1e-5f, "quick_gelu"),
          new MattingHeadConfig(8, 8, MattingHeadConfig.Feature.CONV_ACT));

  private SmallModel() {}

  /** CLIP's 512 byte symbols, five merges and the two special tokens. */
  private static Path tokenizer(Path folder) throws IOException {
    Map<String, Integer> vocabulary = new LinkedHashMap<>();
    int unused = 0x100;
    for (int b = 0; b < 256; b++) {
      boolean prints = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
      String symbol = Character.toString(prints ? b : unused++);
      vocabulary.put(symbol, b);
      vocabulary.put(symbol + "</w>", 256 + b);
    }
    MERGES.forEach(merge -> vocabulary.put(merge.replace(" ", ""), vocabulary.size()));
    vocabulary.put("<|startoftext|>", vocabulary.size());
    vocabulary.put("<|endoftext|>", vocabulary.size());
    Files.createDirectories(folder);
    Files.writeString(
        folder.resolve("vocab.json"), JsonMapper.shared().writeValueAsString(vocabulary));
    Files.writeString(
        folder.resolve("merges.txt"), "#version: 0.2\n" + String.join("\n", MERGES) + "\n");
    return folder;
  }

  /** Writes the model as a folder in diffusers' layout; the folder must not exist. */
  static Path folder(Path folder, DType dtype) throws IOException {
    return folder(folder, CONFIGS, dtype);
  }

  /** Writes a model of another shape. */
  static Path folder(Path folder, ModelConfigs configs, DType dtype) throws IOException {
    Path tokenizer = tokenizer(folder.resolveSibling(folder.getFileName() + "-tokenizer"));
    new FormulaModel(configs, dtype).write(folder, tokenizer);
    return folder;
  }

  /** Writes the model as a folder whose UNet lies in three files and an index. */
  static Path sharded(Path folder, DType dtype) throws IOException {
    folder(folder, dtype);
    Path whole = folder.resolve("unet/diffusion_pytorch_model.safetensors");
    ObjectNode index = JsonMapper.shared().createObjectNode();
    ObjectNode map = index.putObject("weight_map");
    try (WeightSource source = WeightFiles.open(whole)) {
      List<TensorInfo> all = new ArrayList<>(source.tensors().values());
      long bytes = all.stream().mapToLong(TensorInfo::bytes).sum();
      index.putObject("metadata").put("total_size", bytes);
      for (int shard = 0; shard < 3; shard++) {
        String name = "diffusion_pytorch_model-0000" + (shard + 1) + "-of-00003.safetensors";
        SafetensorsWriter writer = new SafetensorsWriter();
        int from = all.size() * shard / 3;
        for (TensorInfo info : all.subList(from, all.size() * (shard + 1) / 3)) {
          writer.add(info, source.data(info.name()));
          map.put(info.name(), name);
        }
        writer.write(whole.resolveSibling(name));
      }
    }
    Files.delete(whole);
    Files.writeString(whole.resolveSibling(whole.getFileName() + ".index.json"), index.toString());
    return folder;
  }

  /** Writes the model as a folder whose weights are PyTorch checkpoints. */
  static Path pickled(Path folder) throws IOException {
    folder(folder, DType.F32);
    for (String name :
        List.of(
            "unet/diffusion_pytorch_model",
            "vae/diffusion_pytorch_model",
            "text_encoder/model",
            "matting_head/model")) {
      Path file = folder.resolve(name + ".safetensors");
      String pickle = name.endsWith("/model") ? name.replace("/model", "/pytorch_model") : name;
      try (WeightSource source = WeightFiles.open(file)) {
        Files.write(folder.resolve(pickle + ".bin"), PickleWriter.stateDict(source));
      }
      Files.delete(file);
    }
    return folder;
  }

  /** Writes the model as one file, its configuration and tokenizer beside it. */
  static Path single(Path file, DType dtype) throws IOException {
    Path folder = folder(file.resolveSibling(file.getFileName() + "-folder"), dtype);
    Run run = Run.of("convert", folder.toString(), "--output", file.toString());
    if (run.code() != Main.OK) {
      throw new AssertionError(run.err());
    }
    return file;
  }

  /**
   * The command line of a picture of 16×16 in one step.
   *
   * @param more flags, each with its value; they take the place of those that are given anyway
   */
  static List<String> generate(Path model, Path output, String... more) {
    Map<String, String> flags = new LinkedHashMap<>();
    flags.put("--prompt", "a green leaf");
    flags.put("--model", model.toString());
    flags.put("--output", output.toString());
    flags.put("--width", "16");
    flags.put("--height", "16");
    flags.put("--steps", "1");
    flags.put("--seed", "1");
    flags.put("--threads", "1");
    for (int i = 0; i < more.length; i += 2) {
      flags.put(more[i], more[i + 1]);
    }
    List<String> args = new ArrayList<>(List.of("generate"));
    flags.forEach((flag, value) -> args.addAll(List.of(flag, value)));
    return args;
  }
}
