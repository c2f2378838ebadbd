package dev.viridian.diffusion.weights;

import dev.viridian.engine.InputException;
import dev.viridian.engine.io.FileErrors;
import dev.viridian.engine.io.FileType;
import dev.viridian.engine.io.TensorInfo;
import dev.viridian.engine.io.WeightFiles;
import dev.viridian.engine.io.WeightSource;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What the header of a weight file says. Immutable.
 *
 * @param file the file, or the index of a sharded one
 * @param bytes size of the file
 * @param role what it is for
 * @param tensors in the order of the file
 * @param metadata text beside the tensors
 */
public record WeightReport(
    Path file,
    long bytes,
    WeightRole role,
    List<TensorInfo> tensors,
    Map<String, String> metadata) {
  private static final int DEPTH = 4;
  private static final Pattern WEIGHTS =
      Pattern.compile(".*\\.(?:safetensors|ckpt|pt|pth|bin|index\\.json)");
  private static final Pattern SHARD = Pattern.compile(".*-\\d{5}-of-\\d{5}\\.(?:safetensors|bin)");

  /** Copies the lists. */
  public WeightReport {
    tensors = List.copyOf(tensors);
    metadata = Map.copyOf(metadata);
  }

  /**
   * Reads the header of a file.
   *
   * @throws InputException if it is no sound weight file
   */
  public static WeightReport of(Path file) {
    try (WeightSource source = WeightFiles.open(file)) {
      Collection<TensorInfo> tensors = source.tensors().values();
      return new WeightReport(
          file, Files.size(file), WeightRole.of(source), List.copyOf(tensors), source.metadata());
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read: " + FileErrors.reason(e), e);
    }
  }

  /**
   * The weight files in a folder and the folders in it, sorted, for one call of {@link #of} each:
   * for a sharded one its index.
   */
  public static List<Path> filesIn(Path folder) {
    try (Stream<Path> found = Files.walk(folder, DEPTH, FileVisitOption.FOLLOW_LINKS)) {
      List<Path> files =
          found
              .filter(path -> WEIGHTS.matcher(name(path)).matches() && Files.isRegularFile(path))
              .sorted()
              .toList();
      return files.stream()
          .filter(path -> !(SHARD.matcher(name(path)).matches() && hasIndex(path, files)))
          .toList();
    } catch (IOException e) {
      throw new InputException(folder + ": cannot be listed: " + FileErrors.reason(e), e);
    }
  }

  private static boolean hasIndex(Path shard, List<Path> files) {
    return files.stream()
        .anyMatch(
            file ->
                name(file).endsWith(".index.json")
                    && shard.resolveSibling(file.getFileName()).equals(file));
  }

  private static String name(Path path) {
    return String.valueOf(path.getFileName()).toLowerCase(Locale.ROOT);
  }

  /** How many tensors there are of each type. */
  public Map<FileType, Integer> types() {
    Map<FileType, Integer> types = new EnumMap<>(FileType.class);
    tensors.forEach(tensor -> types.merge(tensor.type(), 1, Integer::sum));
    return types;
  }

  /** How many numbers there are in all tensors together. */
  public long elements() {
    return tensors.stream().mapToLong(TensorInfo::elements).sum();
  }

  /**
   * SHA-256 of the whole file in hexadecimal; its first ten digits are what web UIs call a model's
   * hash. Reads the file from end to end.
   */
  public String sha256() throws IOException {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
    ByteBuffer block = ByteBuffer.allocateDirect(1 << 20);
    try (FileChannel channel = FileChannel.open(file)) { // a stream would not heed an interrupt
      while (channel.read(block) >= 0) {
        digest.update(block.flip());
        block.clear();
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }
}
