package dev.viridian.diffusion.weights;

import dev.viridian.engine.InputException;
import dev.viridian.engine.io.FileErrors;
import dev.viridian.engine.io.FileType;
import dev.viridian.engine.io.SafetensorsWriter;
import dev.viridian.engine.io.TensorInfo;
import dev.viridian.engine.io.Text;
import dev.viridian.engine.io.WeightFiles;
import dev.viridian.engine.io.WeightSource;
import dev.viridian.kernels.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * Writes a model in another layout or type, or a weight file as safetensors. Tensors pass through
 * piece by piece; what is written appears whole or not at all.
 *
 * <p>Between the layouts nothing is lost: the configuration files, the tokenizer and the
 * scheduler's of a folder go to {@code NAME-config/} beside a single file and come from there, the
 * matting head and the refining network are kept in the file under {@code matting_head.} and {@code
 * green_post.}. A safety checker has no place in a single file; it is left out and the result says
 * so. Stateless.
 */
public final class Converter {
  private static final String CHECKER = "safety_checker";
  private static final String SAFETENSORS = ".safetensors";

  /** How a model lies on disk. */
  public enum Layout {
    /** A diffusers folder. */
    FOLDER,
    /** One file in the original layout. */
    SINGLE
  }

  /**
   * What to write.
   *
   * @param dtype what floating-point weights become: F32, F16 or BF16; null to keep their types
   * @param layout the layout of the output; null to tell by its name: one that ends in {@code
   *     .safetensors} is a single file
   * @param overwrite whether what exists is replaced
   */
  public record Options(@Nullable DType dtype, @Nullable Layout layout, boolean overwrite) {}

  /**
   * What was written.
   *
   * @param output the file or folder
   * @param what what it is, in a few words
   * @param tensors the number of tensors
   * @param bytes their size
   * @param notes what whoever reads it should know, a line each
   */
  public record Result(Path output, String what, long tensors, long bytes, List<String> notes) {}

  private final Path input;
  private final Path output;
  private final Options options;
  private final @Nullable FileType type;
  private final List<String> notes = new ArrayList<>();
  private long tensors;
  private long bytes;

  private Converter(Path input, Path output, Options options) {
    this.input = input;
    this.output = output;
    this.options = options;
    DType dtype = options.dtype();
    this.type = dtype == null ? null : FileType.of(dtype);
  }

  /**
   * Converts a model folder, a single-file model or any one weight file.
   *
   * @throws InputException in one line, if the input is not sound or the output cannot be written
   * @throws IllegalArgumentException if the type is none of F32, F16, BF16
   */
  public static Result convert(Path input, Path output, Options options) {
    DType dtype = options.dtype();
    if (dtype != null && dtype != DType.F32 && dtype != DType.F16 && dtype != DType.BF16) {
      throw new IllegalArgumentException("convert: expected F32, F16 or BF16, got " + dtype);
    }
    if (!Files.exists(input)) {
      throw new InputException(Text.line(input.toString()) + ": no such file or folder");
    }
    if (absolute(input).startsWith(absolute(output))) {
      throw new InputException(
          Text.line(output.toString()) + ": holds the input, which would be overwritten");
    }
    return new Converter(input, output, options).run();
  }

  private static Path absolute(Path path) {
    return path.toAbsolutePath().normalize();
  }

  private Result run() {
    boolean toFile =
        options.layout() == null
            ? String.valueOf(output.getFileName()).endsWith(SAFETENSORS)
            : options.layout() == Layout.SINGLE;
    if (toFile && !String.valueOf(output.getFileName()).endsWith(SAFETENSORS)) {
      throw new InputException(
          Text.line(output.toString()) + ": expected a name that ends in " + SAFETENSORS);
    }
    String what;
    if (Files.isDirectory(input)) {
      Path folder = HubCache.isEntry(input) ? HubCache.snapshot(input) : input;
      try (ModelFiles model = ModelFiles.open(folder)) {
        what = toFile ? folderToSingle(folder, model) : folderToFolder(folder, model);
      }
    } else {
      what = toFile ? fileToFile() : singleToFolder();
    }
    return new Result(output, what, tensors, bytes, List.copyOf(notes));
  }

  // ---- one weight file

  private String fileToFile() {
    prepareFile(output);
    try (WeightSource source = WeightFiles.open(input)) {
      SafetensorsWriter writer = new SafetensorsWriter();
      source.metadata().forEach(writer::metadata);
      writer.metadata("format", "pt");
      addAll(writer, source);
      requireSpace(output);
      writer.write(output);
      return WeightRole.of(source).kind().label();
    }
  }

  /** All tensors of a source under their own names. */
  private void addAll(SafetensorsWriter writer, WeightSource source) {
    for (TensorInfo info : source.tensors().values()) {
      add(writer, source, info.name(), info.name(), info.shape());
    }
  }

  private void add(
      SafetensorsWriter writer,
      WeightSource source,
      String name,
      String written,
      List<Long> shape) {
    TensorCopy.add(writer, source, name, written, shape, type);
    tensors++;
    bytes += TensorCopy.bytes(source.info(name), type);
  }

  private void prepareFile(Path file) {
    if (Files.isDirectory(file)) {
      throw new InputException(Text.line(file.toString()) + ": is a folder, expected a file");
    }
    if (Files.exists(file) && !options.overwrite()) {
      throw new InputException(
          Text.line(file.toString()) + ": exists already; --overwrite replaces it");
    }
    try {
      Files.createDirectories(absolute(file).getParent());
    } catch (IOException e) {
      throw new InputException(
          Text.line(file.toString()) + ": cannot be written: " + FileErrors.reason(e), e);
    }
  }

  private void requireSpace(Path file) {
    long free;
    try {
      free = Files.getFileStore(absolute(file).getParent()).getUsableSpace();
    } catch (IOException e) {
      return; // a file system that does not say
    }
    if (free < bytes) {
      throw new InputException(
          String.format(
              "%s: needs about %d MB, the disk has %d MB free",
              Text.line(file.toString()), bytes / 1_000_000, free / 1_000_000));
    }
  }

  // ---- folder to folder

  private String folderToFolder(Path folder, ModelFiles model) {
    long size = 0;
    for (RenamedWeights weights : model.weights().values()) {
      for (TensorInfo info : weights.source().tensors().values()) {
        size += TensorCopy.bytes(info, type);
      }
    }
    try (StagedFolder staged = StagedFolder.begin(output, options.overwrite(), size)) {
      staged.copyFiles(folder, "");
      for (Path inner : innerFolders(folder)) {
        String name = inner.getFileName().toString();
        staged.copyFiles(inner, name);
        Component component = component(name);
        Path file = component.weightFile(inner);
        if (file != null) {
          SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
          try (WeightSource source = WeightFiles.open(file)) {
            addAll(writer, source);
            writer.write(staged.file(name + "/" + component.weightFile()));
          }
        }
      }
      completeConfigs(staged, model, folder);
      staged.commit();
    }
    return "model folder";
  }

  /** The component of that folder; for others, one whose files have the usual names. */
  private static Component component(String folder) {
    for (Component component : Component.values()) {
      if (component.folder().equals(folder)) {
        return component;
      }
    }
    return Component.TEXT_ENCODER;
  }

  private static List<Path> innerFolders(Path folder) {
    try (Stream<Path> list = Files.list(folder)) {
      return list.filter(Files::isDirectory)
          .filter(path -> !path.getFileName().toString().startsWith("."))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new InputException(
          Text.line(folder.toString()) + ": cannot be read: " + FileErrors.reason(e), e);
    }
  }

  // ---- folder to single file

  private String folderToSingle(Path folder, ModelFiles model) {
    prepareFile(output);
    SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
    model
        .weights()
        .forEach(
            (component, weights) -> {
              String prefix = component.singlePrefix();
              addNamed(writer, component, weights, prefix, true);
            });
    requireSpace(output);
    Path configs = SingleFileModel.configFolder(output);
    try (StagedFolder staged = StagedFolder.begin(configs, options.overwrite(), 0)) {
      copyConfigs(staged, folder);
      completeConfigs(staged, model, folder);
      if (Files.exists(folder.resolve(CHECKER))) {
        notes.add("the safety checker has no place in a single file and was left out");
      }
      writer.write(output);
      staged.commit();
    }
    notes.add("configuration and tokenizer are in " + Text.line(configs.toString()));
    return "single-file model";
  }

  private void addNamed(
      SafetensorsWriter writer,
      Component component,
      RenamedWeights weights,
      String prefix,
      boolean ldm) {
    if (component == Component.GREEN_POST) {
      for (TensorInfo info : weights.tensors().values()) {
        add(writer, weights, info.name(), prefix + info.name(), info.shape());
      }
      return;
    }
    for (TensorName tensor : weights.expected()) {
      String written = prefix + (ldm ? tensor.ldm() : tensor.writtenFolderName());
      add(writer, weights, tensor.name(), written, ldm ? tensor.ldmShape() : tensor.shape());
    }
    String positions = weights.ignored().get(Component.POSITION_IDS);
    if (positions != null) {
      WeightSource source = weights.source();
      String written = prefix + Component.POSITION_IDS;
      add(writer, source, positions, written, source.info(positions).shape());
    }
  }

  // ---- single file to folder

  private String singleToFolder() {
    try (ModelFiles model = ModelFiles.open(input)) {
      long size = 0;
      for (RenamedWeights weights : model.weights().values()) {
        for (TensorInfo info : weights.tensors().values()) {
          size += TensorCopy.bytes(info, type);
        }
      }
      Path tokenizer = model.tokenizer();
      try (StagedFolder staged = StagedFolder.begin(output, options.overwrite(), size)) {
        Path configs = SingleFileModel.configFolder(input);
        if (Files.isDirectory(configs)) {
          copyConfigs(staged, configs);
        }
        if (!staged.has("tokenizer/vocab.json")) {
          staged.tokenizer(tokenizer);
        }
        completeConfigs(staged, model, configs);
        model
            .weights()
            .forEach(
                (component, weights) -> {
                  SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
                  addNamed(writer, component, weights, component.writtenFolderPrefix(), false);
                  writer.write(staged.file(component.folder() + "/" + component.weightFile()));
                });
        staged.commit();
      }
      noteLeftOut(model);
    }
    return "model folder";
  }

  private void noteLeftOut(ModelFiles model) {
    WeightSource source = model.weights().values().iterator().next().source();
    Set<String> left = new TreeSet<>(source.tensors().keySet());
    model
        .weights()
        .values()
        .forEach(
            weights -> {
              weights.tensors().keySet().forEach(name -> left.remove(weights.keyOf(name)));
              left.remove(weights.ignored().getOrDefault(Component.POSITION_IDS, ""));
            });
    if (!left.isEmpty()) {
      Set<String> kinds = new TreeSet<>();
      for (String key : left) {
        int dot = key.indexOf('.');
        kinds.add(Text.line(dot < 0 ? key : key.substring(0, dot + 1) + "…"));
      }
      notes.add(
          left.size()
              + " tensors that are no part of the model were left out: "
              + String.join(", ", kinds.stream().limit(8).toList()));
    }
  }

  // ---- configurations

  /** The small files of a model, its weights and the safety checker's excepted. */
  private static void copyConfigs(StagedFolder staged, Path from) {
    staged.copyFiles(from, "");
    for (Path inner : innerFolders(from)) {
      String name = inner.getFileName().toString();
      if (!name.equals(CHECKER)) {
        staged.copyFiles(inner, name);
      }
    }
  }

  /** Writes the configuration files that were not there, in {@code from}, to be copied. */
  private static void completeConfigs(StagedFolder staged, ModelFiles model, Path from) {
    if (!staged.has("model_index.json")) {
      staged.write("model_index.json", ComponentConfigs.index());
    } else if (!staged.has(CHECKER + "/config.json")) {
      ObjectNode json = ConfigFile.read(from.resolve("model_index.json")).json();
      if (json.path(CHECKER).path(0).isString()) {
        json.putArray(CHECKER).addNull().addNull();
        json.put("requires_safety_checker", false);
        staged.write("model_index.json", json);
      }
    }
    if (!staged.has("scheduler/scheduler_config.json")) {
      staged.write("scheduler/scheduler_config.json", model.schedulerConfig());
    }
    for (Map.Entry<Component, RenamedWeights> entry : model.weights().entrySet()) {
      String config = entry.getKey().folder() + "/config.json";
      if (!staged.has(config)) {
        staged.write(config, model.json(entry.getKey()));
      }
    }
  }
}
