package dev.viridian.engine.io;

import dev.viridian.engine.InputException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * Weights in several files of one folder, found by an index such as {@code
 * model.safetensors.index.json}:
 *
 * <pre>
 * {"metadata": {"total_size": 123}, "weight_map": {"tensor": "model-00001-of-00002.safetensors", …}}
 * </pre>
 *
 * The index decides: tensors of a shard that it does not name are not given out. Thread-safe but
 * for {@link #close}.
 */
public final class ShardedWeights implements WeightSource {
  private final String name;
  private final List<WeightSource> shards;
  private final Map<String, TensorInfo> tensors;
  private final Map<String, WeightSource> owners;
  private final Map<String, String> metadata;

  private ShardedWeights(
      String name,
      List<WeightSource> shards,
      Map<String, TensorInfo> tensors,
      Map<String, WeightSource> owners,
      Map<String, String> metadata) {
    this.name = name;
    this.shards = shards;
    this.tensors = Collections.unmodifiableMap(tensors);
    this.owners = owners;
    this.metadata = Collections.unmodifiableMap(metadata);
  }

  /**
   * Opens an index and all files that it names, which must lie beside it.
   *
   * @throws InputException if the index or one of the files is not sound, or they disagree
   */
  public static ShardedWeights open(Path index) {
    try (OpenFile file = OpenFile.open(index)) {
      return open(file, WeightFiles::openSingle);
    }
  }

  /** Opens the files that the index {@code file} names by {@code opener}; leaves the index open. */
  static ShardedWeights open(OpenFile file, Function<Path, WeightSource> opener) {
    if (file.size() > StrictJson.MAX_BYTES) {
      throw file.error(
          "has " + file.size() + " bytes, an index has at most " + StrictJson.MAX_BYTES);
    }
    Map<String, String> metadata = new LinkedHashMap<>();
    Map<String, String> fileOf = new LinkedHashMap<>();
    boolean[] found = new boolean[1];
    StrictJson.read(
        file,
        "weight index",
        file.bytes(0, (int) file.size()),
        in ->
            in.object(
                "the index",
                (field, token) -> {
                  switch (field) {
                    case "metadata" -> readMetadata(in, metadata);
                    case "weight_map" -> {
                      found[0] = true;
                      in.object(
                          "weight_map",
                          (tensor, value) ->
                              fileOf.put(tensor, in.string("weight_map " + Text.quote(tensor))));
                    }
                    default -> in.skip();
                  }
                }));
    if (!found[0]) {
      throw file.error("has no weight_map, so it is no index of weight files");
    }
    return openShards(file, fileOf, metadata, opener);
  }

  private static void readMetadata(StrictJson in, Map<String, String> metadata) {
    in.object(
        "metadata",
        (key, token) -> {
          String value = in.scalar();
          if (value != null) {
            metadata.put(key, value);
          }
        });
  }

  private static ShardedWeights openShards(
      OpenFile file,
      Map<String, String> fileOf,
      Map<String, String> metadata,
      Function<Path, WeightSource> opener) {
    for (String shard : fileOf.values()) {
      if (!isPlainName(shard)) {
        throw file.error(
            "names the file " + Text.quote(shard) + ", expected the name of a file beside it");
      }
    }
    Map<String, WeightSource> opened = new LinkedHashMap<>();
    try {
      Map<String, TensorInfo> tensors = new LinkedHashMap<>();
      Map<String, WeightSource> owners = new LinkedHashMap<>();
      fileOf.forEach(
          (tensor, shard) -> {
            WeightSource source =
                opened.computeIfAbsent(shard, key -> opener.apply(file.path().resolveSibling(key)));
            TensorInfo info = source.tensors().get(tensor);
            if (info == null) {
              throw file.error(
                  "says that tensor "
                      + Text.quote(tensor)
                      + " is in "
                      + Text.quote(shard)
                      + ", which lacks it");
            }
            tensors.put(tensor, info);
            owners.put(tensor, source);
          });
      return new ShardedWeights(
          file.describe(), new ArrayList<>(opened.values()), tensors, owners, metadata);
    } catch (RuntimeException | Error e) {
      opened.values().forEach(WeightSource::close);
      throw e;
    }
  }

  /** Whether {@code name} can only be a file in the folder of the index. */
  private static boolean isPlainName(String name) {
    return !name.isBlank()
        && !name.equals(".")
        && !name.equals("..")
        && name.chars().noneMatch(c -> c == '/' || c == '\\' || c == ':' || c < ' ');
  }

  @Override
  public String describe() {
    return name;
  }

  /** The tensors that the index names, in its order. */
  @Override
  public Map<String, TensorInfo> tensors() {
    return tensors;
  }

  @Override
  public Map<String, String> metadata() {
    return metadata;
  }

  @Override
  public MemorySegment data(String tensor) {
    return owner(tensor).data(tensor);
  }

  @Override
  public void read(String tensor, long byteOffset, MemorySegment dest) {
    owner(tensor).read(tensor, byteOffset, dest);
  }

  private WeightSource owner(String tensor) {
    info(tensor);
    return owners.get(tensor);
  }

  @Override
  public void requireWhole() {
    shards.forEach(WeightSource::requireWhole);
  }

  @Override
  public void close() {
    shards.forEach(WeightSource::close);
  }
}
