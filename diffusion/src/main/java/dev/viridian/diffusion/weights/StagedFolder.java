package dev.viridian.diffusion.weights;

import dev.viridian.engine.InputException;
import dev.viridian.engine.io.FileErrors;
import dev.viridian.engine.io.Text;
import dev.viridian.engine.io.WriteException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * A folder that appears whole or not at all: its files are written in a hidden folder beside it,
 * which {@link #commit} moves into place and {@link #close} without it removes; so does the end of
 * the process. For one thread.
 */
final class StagedFolder implements AutoCloseable {
  private static final Pattern WEIGHTS =
      Pattern.compile(
          ".*\\.(safetensors|bin|ckpt|pth?|msgpack|h5|onnx|onnx_data|gguf)(\\.index.*\\.json)?");

  private final Path target;
  private final Path staging;
  private final boolean overwrite;
  private final Thread cleaner;

  private StagedFolder(Path target, Path staging, boolean overwrite) {
    this.target = target;
    this.staging = staging;
    this.overwrite = overwrite;
    this.cleaner = new Thread(() -> deleteQuietly(staging), "delete " + staging);
  }

  /**
   * Begins a folder.
   *
   * @param overwrite whether it may take the place of an empty folder or of a model that is there;
   *     nothing else is ever replaced
   * @param bytes about how much will be written
   * @throws InputException if it exists and may not be replaced, or cannot be written, or the disk
   *     is too full
   */
  static StagedFolder begin(Path target, boolean overwrite, long bytes) {
    Path whole = target.toAbsolutePath().normalize();
    Path parent = whole.getParent();
    String name = Text.line(target.toString());
    if (parent == null || whole.getFileName() == null) {
      throw new InputException(name + ": cannot be written, it has no folder around it");
    }
    refuseExisting(target, overwrite);
    String suffix = Long.toHexString(ThreadLocalRandom.current().nextLong());
    Path staging = parent.resolve("." + whole.getFileName() + ".tmp-" + suffix);
    StagedFolder out = new StagedFolder(whole, staging, overwrite);
    Runtime.getRuntime().addShutdownHook(out.cleaner);
    try {
      Files.createDirectories(parent);
      long free = Files.getFileStore(parent).getUsableSpace();
      if (free < bytes) {
        throw new InputException(
            String.format(
                "%s: needs about %d MB, the disk has %d MB free",
                name, bytes / 1_000_000, free / 1_000_000));
      }
      Files.createDirectory(staging);
      return out;
    } catch (IOException e) {
      out.close();
      throw refusal(name, e);
    } catch (RuntimeException | Error e) {
      out.close();
      throw e;
    }
  }

  /** Refuses a folder that exists, unless it may be replaced and is empty or a model. */
  static void refuseExisting(Path target, boolean overwrite) {
    String name = Text.line(target.toString());
    if (!Files.exists(target)) {
      return;
    }
    if (!Files.isDirectory(target)) {
      throw new InputException(name + ": is a file, expected the name of a folder to write");
    }
    if (!overwrite) {
      throw new InputException(name + ": exists already; --overwrite replaces it");
    }
    try (Stream<Path> list = Files.list(target)) {
      if (list.findAny().isPresent() && !Files.exists(target.resolve("model_index.json"))) {
        throw new InputException(
            name + ": exists and is no model folder (no model_index.json), so it is not replaced");
      }
    } catch (IOException e) {
      throw refusal(name, e);
    }
  }

  /** Where to write a file of this relative name; the folders that it needs are made. */
  Path file(String relative) {
    Path path = staging.resolve(relative);
    try {
      Files.createDirectories(path.getParent());
    } catch (IOException e) {
      throw failure(Text.line(target.toString()), e);
    }
    return path;
  }

  /** Whether that file has been written. */
  boolean has(String relative) {
    return Files.exists(staging.resolve(relative));
  }

  /** Writes a JSON file. */
  void write(String relative, ObjectNode json) {
    String text = JsonMapper.shared().writerWithDefaultPrettyPrinter().writeValueAsString(json);
    try {
      Files.writeString(file(relative), text + "\n");
    } catch (IOException e) {
      throw failure(Text.line(target.toString()), e);
    }
  }

  /** Writes {@code tokenizer/}: the files of a folder, or CLIP's own where it is null. */
  void tokenizer(@Nullable Path from) {
    if (from != null) {
      copyFiles(from, "tokenizer");
      return;
    }
    tokenizer(ClipVocabulary.SIZE, ClipVocabulary.POSITIONS);
  }

  /** Writes {@code tokenizer/}: CLIP's own, cut to so many tokens, for prompts of some length. */
  void tokenizer(int size, int positions) {
    try {
      ClipVocabulary.write(file("tokenizer/vocab.json").getParent(), size, positions);
    } catch (IOException e) {
      throw failure(Text.line(target.toString()), e);
    }
  }

  /** Copies the plain files of a folder but hidden ones and weights, none of the folders in it. */
  void copyFiles(Path from, String relative) {
    try (Stream<Path> list = Files.list(from)) {
      List<Path> files = list.filter(Files::isRegularFile).sorted().toList();
      for (Path file : files) {
        String name = file.getFileName().toString();
        if (!name.startsWith(".") && !WEIGHTS.matcher(name).matches()) {
          Files.copy(file, file(relative.isEmpty() ? name : relative + "/" + name));
        }
      }
    } catch (AccessDeniedException e) {
      throw refusal(Text.line(target.toString()), e);
    } catch (IOException e) {
      throw failure(Text.line(target.toString()), e);
    }
  }

  /** Moves the folder into place; what it replaces is removed. */
  void commit() {
    refuseExisting(target, overwrite);
    Path old = staging.resolveSibling(staging.getFileName() + ".old");
    try {
      boolean replaced = Files.exists(target);
      if (replaced) {
        Files.move(target, old, StandardCopyOption.ATOMIC_MOVE);
      }
      try {
        Files.move(staging, target, StandardCopyOption.ATOMIC_MOVE);
      } catch (IOException e) {
        if (replaced) {
          Files.move(old, target);
        }
        throw e;
      }
      if (replaced) {
        delete(old);
      }
    } catch (IOException e) {
      throw failure(Text.line(target.toString()), e);
    }
  }

  @Override
  public void close() {
    deleteQuietly(staging); // gone already where it was moved into place
    try {
      Runtime.getRuntime().removeShutdownHook(cleaner);
    } catch (IllegalStateException e) {
      System.getLogger(StagedFolder.class.getName())
          .log(System.Logger.Level.DEBUG, "the process is ending, the hook runs", e);
    }
  }

  private static InputException refusal(String name, IOException e) {
    return new InputException(name + ": cannot be written: " + FileErrors.reason(e), e);
  }

  /** The same once the writing has begun, when it is no longer the caller's mistake. */
  private static WriteException failure(String name, IOException e) {
    return new WriteException(name + ": cannot be written: " + FileErrors.reason(e), e);
  }

  private static void deleteQuietly(Path folder) {
    try {
      delete(folder);
    } catch (IOException | UncheckedIOException e) {
      System.getLogger(StagedFolder.class.getName())
          .log(System.Logger.Level.WARNING, "cannot delete " + folder, e);
    }
  }

  private static void delete(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    Files.walkFileTree(
        folder,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.delete(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path inner, @Nullable IOException e)
              throws IOException {
            if (e != null) {
              throw e;
            }
            Files.delete(inner);
            return FileVisitResult.CONTINUE;
          }
        });
  }
}
