package dev.viridian.matting.train;

import dev.viridian.engine.Device;
import dev.viridian.engine.InputException;
import dev.viridian.engine.Shape;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.io.AtomicFile;
import dev.viridian.engine.io.FileErrors;
import dev.viridian.engine.io.FileType;
import dev.viridian.engine.io.Safetensors;
import dev.viridian.engine.io.SafetensorsWriter;
import dev.viridian.engine.io.TensorInfo;
import dev.viridian.engine.io.Text;
import dev.viridian.engine.io.WriteException;
import dev.viridian.engine.random.TorchRandom;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * All that a run needs to go on: a folder named after the step, with {@code weights}, {@code
 * optimizer} and {@code ema} (safetensors, as the tensors lie in memory) and {@code state.json}. It
 * is written beside and moved into place, so that a folder of that name is always whole.
 *
 * @param step how many steps were made
 * @param position how many samples were taken or skipped
 * @param skipped how many of them were left out
 * @param random the generator
 * @param counts steps of the optimiser for each parameter
 * @param averaged steps that the moving average has followed
 * @param scaling of the loss; null where it is not scaled
 * @param settings what a run that takes this up has to have in common with it
 */
record Checkpoint(
    long step,
    long position,
    long skipped,
    TorchRandom.State random,
    Map<String, Long> counts,
    long averaged,
    LossScaler.@Nullable State scaling,
    Map<String, String> settings) {
  private static final String WEIGHTS = "weights.safetensors";
  private static final String OPTIMIZER = "optimizer.safetensors";
  private static final String EMA = "ema.safetensors";
  private static final String STATE = "state.json";
  private static final String STAGED = ".tmp-";

  /** Writes a checkpoint into {@code checkpoints}, and removes all but the last {@code keep}. */
  void write(
      Path checkpoints,
      Map<String, Tensor> weights,
      Map<String, Tensor> optimizer,
      Map<String, Tensor> averages,
      int keep) {
    Path target = checkpoints.resolve(Long.toString(step));
    Path staged = checkpoints.resolve(STAGED + step);
    try {
      delete(staged);
      Files.createDirectories(staged);
      write(staged.resolve(WEIGHTS), weights);
      write(staged.resolve(OPTIMIZER), optimizer);
      if (!averages.isEmpty()) {
        write(staged.resolve(EMA), averages);
      }
      byte[] state = json().toString().getBytes(StandardCharsets.UTF_8);
      AtomicFile.write(staged.resolve(STATE), state);
      if (Files.exists(target)) {
        Path old = checkpoints.resolve(STAGED + step + ".old");
        delete(old);
        Files.move(target, old, StandardCopyOption.ATOMIC_MOVE);
      }
      Files.move(staged, target, StandardCopyOption.ATOMIC_MOVE);
      delete(checkpoints.resolve(STAGED + step + ".old"));
      List<Path> all = all(checkpoints);
      for (Path path : all.subList(0, Math.max(0, all.size() - keep))) {
        delete(path);
      }
    } catch (IOException e) {
      deleteQuietly(staged);
      throw new WriteException(
          Text.line(target.toString()) + ": cannot be written: " + FileErrors.reason(e), e);
    } catch (RuntimeException e) {
      deleteQuietly(staged); // a full disk has room again for what matters
      throw e;
    }
  }

  private static void deleteQuietly(Path folder) {
    try {
      delete(folder);
    } catch (IOException e) {
      System.getLogger(Checkpoint.class.getName())
          .log(System.Logger.Level.WARNING, "cannot delete " + folder, e);
    }
  }

  private static void write(Path file, Map<String, Tensor> tensors) {
    SafetensorsWriter writer = new SafetensorsWriter();
    tensors.forEach(
        (name, tensor) -> {
          long bytes = tensor.spec().bytes();
          writer.add(
              new TensorInfo(name, FileType.F32, tensor.shape().toList()),
              out -> {
                Buffer buffer = tensor.buffer("Checkpoint");
                if (buffer instanceof HostBuffer host) {
                  out.accept(host.segment().asSlice(0, bytes));
                  return;
                }
                try (Arena arena = Arena.ofConfined()) {
                  MemorySegment copy = arena.allocate(bytes, 64);
                  tensor.device().download(buffer, copy);
                  out.accept(copy);
                }
              });
        });
    writer.write(file);
  }

  private ObjectNode json() {
    ObjectNode out = JsonMapper.shared().createObjectNode();
    out.put("version", 1);
    out.put("step", step);
    out.put("position", position);
    out.put("skipped", skipped);
    out.put("averaged", averaged);
    var numbers = out.putArray("random");
    for (long number : random.toLongs()) {
      numbers.add(number);
    }
    ObjectNode steps = out.putObject("counts");
    counts.forEach(steps::put);
    if (scaling != null) {
      ObjectNode scale = out.putObject("loss_scale");
      scale.put("scale", scaling.scale());
      scale.put("good", scaling.good());
      scale.put("skipped", scaling.skipped());
    }
    ObjectNode own = out.putObject("settings");
    settings.forEach(own::put);
    return out;
  }

  /** The checkpoints of a folder, the oldest first. */
  static List<Path> all(Path checkpoints) {
    if (!Files.isDirectory(checkpoints)) {
      return List.of();
    }
    try (Stream<Path> list = Files.list(checkpoints)) {
      List<Path> found = new ArrayList<>();
      list.filter(
              path ->
                  path.getFileName().toString().matches("\\d{1,18}")
                      && Files.exists(path.resolve(STATE)))
          .forEach(found::add);
      found.sort(Comparator.comparingLong(p -> Long.parseLong(p.getFileName().toString())));
      return found;
    } catch (IOException e) {
      throw new InputException(
          Text.line(checkpoints.toString()) + ": cannot be read: " + FileErrors.reason(e), e);
    }
  }

  /** Removes what an interrupted run left half-written. */
  static void clean(Path checkpoints) {
    if (!Files.isDirectory(checkpoints)) {
      return;
    }
    try (Stream<Path> list = Files.list(checkpoints)) {
      for (Path path : list.filter(p -> p.getFileName().toString().startsWith(STAGED)).toList()) {
        delete(path);
      }
    } catch (IOException e) {
      throw new WriteException(
          Text.line(checkpoints.toString()) + ": cannot be cleaned: " + FileErrors.reason(e), e);
    }
  }

  private static void delete(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    Files.deleteIfExists(folder.resolve(STATE)); // from here on it is no checkpoint
    try (Stream<Path> list = Files.list(folder)) {
      for (Path file : list.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(folder);
  }

  /** The state of a checkpoint, without its tensors. */
  static Checkpoint read(Path folder) {
    Path file = folder.resolve(STATE);
    String name = Text.line(folder.toString());
    try {
      JsonNode json = JsonMapper.shared().readTree(Files.readString(file));
      if (json.path("version").asInt(0) != 1) {
        throw new InputException(name + ": is no checkpoint of this version");
      }
      Map<String, Long> counts = new LinkedHashMap<>();
      json.get("counts").properties().forEach(e -> counts.put(e.getKey(), e.getValue().asLong()));
      Map<String, String> settings = new LinkedHashMap<>();
      json.get("settings")
          .properties()
          .forEach(e -> settings.put(e.getKey(), e.getValue().asString()));
      long[] random = json.get("random").valueStream().mapToLong(JsonNode::asLong).toArray();
      return new Checkpoint(
          json.get("step").asLong(),
          json.get("position").asLong(),
          json.get("skipped").asLong(),
          TorchRandom.State.of(random),
          counts,
          json.get("averaged").asLong(),
          scaling(json.get("loss_scale")),
          settings);
    } catch (IOException e) {
      throw new InputException(
          name + ": is no checkpoint, its state.json: " + FileErrors.reason(e), e);
    } catch (JacksonException | NullPointerException | IllegalArgumentException e) {
      throw new InputException(name + ": is no checkpoint, its state.json is damaged", e);
    }
  }

  private static LossScaler.@Nullable State scaling(@Nullable JsonNode json) {
    return json == null
        ? null
        : new LossScaler.State(
            json.get("scale").asDouble(), json.get("good").asLong(), json.get("skipped").asLong());
  }

  /** Refuses a run whose settings would lead elsewhere. */
  void requireSame(Path folder, Map<String, String> mine) {
    for (Map.Entry<String, String> e : mine.entrySet()) {
      String was = settings.get(e.getKey());
      if (was == null && e.getKey().equals(TrainOptions.PRECISION)) {
        was = TrainOptions.NO;
      }
      if (!e.getValue().equals(was)) {
        throw new InputException(
            Text.line(folder.toString())
                + ": was made with "
                + e.getKey()
                + " "
                + Text.line(String.valueOf(was))
                + ", found "
                + Text.line(e.getValue())
                + "; a run goes on with the flags, model and data it began with");
      }
    }
  }

  /** Copies the weights of a checkpoint into those of a run. */
  static void loadWeights(Path folder, Map<String, Tensor> weights) {
    try (Safetensors file = Safetensors.open(folder.resolve(WEIGHTS))) {
      weights.forEach((name, tensor) -> copy(file, name, tensor));
    }
  }

  private static void copy(Safetensors file, String name, Tensor tensor) {
    TensorInfo info = file.info(name);
    if (info.type() != FileType.F32 || !info.shape().equals(tensor.shape().toList())) {
      throw new InputException(
          file.describe()
              + ": "
              + Text.line(name)
              + ": expected F32 "
              + tensor.shape()
              + ", found "
              + info.type()
              + info.shape());
    }
    tensor.upload(file.data(name));
  }

  /** The tensors of the optimiser, in the current scope. */
  static Map<String, Tensor> loadOptimizer(Path folder, Device device) {
    return load(folder.resolve(OPTIMIZER), device);
  }

  /** The moving averages, in the current scope. */
  static Map<String, Tensor> loadAverages(Path folder, Device device) {
    return load(folder.resolve(EMA), device);
  }

  private static Map<String, Tensor> load(Path path, Device device) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    try (Safetensors file = Safetensors.open(path)) {
      file.tensors()
          .forEach(
              (name, info) -> {
                Tensor tensor =
                    Tensor.empty(device, new TensorSpec(Shape.of(info.dims()), DType.F32));
                copy(file, name, tensor);
                tensors.put(name, tensor);
              });
    }
    return tensors;
  }

  /**
   * The checkpoint to go on from.
   *
   * @param asked {@code latest}, or a checkpoint's folder; null for none
   * @return null for a run from the beginning: none was asked for, or {@code latest} of none
   */
  static @Nullable Path find(Path checkpoints, @Nullable String asked) {
    if (asked == null) {
      return null;
    }
    if (asked.equals("latest")) {
      List<Path> all = all(checkpoints);
      return all.isEmpty() ? null : all.getLast();
    }
    return Path.of(asked);
  }
}
