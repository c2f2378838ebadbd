package dev.viridian.matting.image;

import dev.viridian.engine.InputException;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Files that are there whole or not at all: written beside their place under a hidden name, forced
 * to disk, then moved. What is not finished when the process ends, by an error or by Ctrl-C, is
 * removed. All methods may be called from several threads at once.
 */
public final class AtomicFiles {
  private static final Set<Path> UNFINISHED = ConcurrentHashMap.newKeySet();
  private static final AtomicLong COUNTER = new AtomicLong();
  private static volatile boolean ending;

  static {
    Runtime.getRuntime().addShutdownHook(new Thread(AtomicFiles::removeAll, "unfinished files"));
  }

  private AtomicFiles() {}

  /** Writes a file's content to a stream. */
  @FunctionalInterface
  public interface Content {
    /** Writes everything; the caller opens and closes the stream. */
    void writeTo(OutputStream out) throws IOException;
  }

  /**
   * A file that is being written beside its place. {@link #close} without {@link #commit} removes
   * it. For one thread at a time.
   */
  public static final class Pending implements AutoCloseable {
    private final Path target;
    private final Path path;
    private final boolean overwrite;

    private Pending(Path target, Path path, boolean overwrite) {
      this.target = target;
      this.path = path;
      this.overwrite = overwrite;
    }

    /** Where to write: an empty file in the target's folder. */
    public Path path() {
      return path;
    }

    /**
     * Forces what was written to disk and moves it into place.
     *
     * @throws InputException if the target has appeared meanwhile and may not be overwritten
     */
    public void commit() throws IOException {
      try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
        channel.force(true);
      }
      if (overwrite) {
        Files.move(
            path, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      } else {
        try {
          Files.move(path, target);
        } catch (FileAlreadyExistsException e) {
          throw exists(target, e);
        }
      }
      UNFINISHED.remove(path);
      forceFolder(target);
    }

    /** Removes the file unless it was moved into place. */
    @Override
    public void close() throws IOException {
      if (UNFINISHED.remove(path)) {
        Files.deleteIfExists(path);
      }
    }
  }

  /**
   * Begins a file in the folder of {@code target}, which must exist (see {@link #prepareFolder}).
   *
   * @throws InputException if there is a file already and {@code overwrite} is not set
   * @throws CancellationException if the process is ending
   */
  public static Pending begin(Path target, boolean overwrite) throws IOException {
    refuseExisting(target, overwrite);
    Path whole = target.toAbsolutePath();
    String name =
        "."
            + whole.getFileName()
            + "."
            + ProcessHandle.current().pid()
            + "-"
            + COUNTER.incrementAndGet()
            + ".part";
    Path path = whole.resolveSibling(name);
    UNFINISHED.add(path);
    if (ending) {
      UNFINISHED.remove(path);
      throw new CancellationException("the process is ending");
    }
    try {
      Files.write(path, new byte[0], StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    } catch (IOException e) {
      UNFINISHED.remove(path);
      throw e;
    }
    return new Pending(whole, path, overwrite);
  }

  /**
   * Writes a whole file.
   *
   * @throws InputException if there is a file already and {@code overwrite} is not set
   */
  public static void write(Path target, boolean overwrite, Content content) throws IOException {
    try (Pending pending = begin(target, overwrite)) {
      try (FileChannel channel = FileChannel.open(pending.path(), StandardOpenOption.WRITE);
          OutputStream out = new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16)) {
        content.writeTo(out);
      }
      pending.commit();
    }
  }

  /**
   * Refuses a target that exists, when it may not be overwritten; a folder in its place always.
   *
   * @throws InputException naming the file and the flag that helps
   */
  public static void refuseExisting(Path target, boolean overwrite) {
    if (Files.isDirectory(target)) {
      throw new InputException(target + " is a folder, expected the name of a file to write");
    }
    if (!overwrite && Files.exists(target)) {
      throw exists(target, null);
    }
  }

  /**
   * Makes sure, before long work begins, that files can be written in a folder: makes it where it
   * is missing, tries a file in it, and looks at the free space.
   *
   * @param bytes about how much will be written
   * @throws InputException naming what stands in the way
   */
  public static void prepareFolder(Path folder, long bytes) {
    Path whole = folder.toAbsolutePath();
    try {
      Files.createDirectories(whole);
    } catch (FileAlreadyExistsException e) {
      throw new InputException(folder + " is not a folder, so nothing can be written in it", e);
    } catch (IOException e) {
      throw new InputException("cannot make the output folder " + folder + ": " + reason(e), e);
    }
    try (Pending probe = begin(whole.resolve("viridian-probe"), true)) {
      Files.write(probe.path(), new byte[] {0});
    } catch (IOException e) {
      throw new InputException("cannot write in the output folder " + folder + ": " + reason(e), e);
    }
    long free;
    try {
      free = Files.getFileStore(whole).getUsableSpace();
    } catch (IOException e) {
      return; // a file system that does not say
    }
    if (free < bytes) {
      throw new InputException(
          "the disk of "
              + folder
              + " has "
              + free / 1_000_000
              + " MB free, about "
              + (bytes + 999_999) / 1_000_000
              + " MB will be written: choose another --output");
    }
  }

  private static String reason(IOException e) {
    // The messages of java.nio.file are the path alone for what has a class of its own.
    return e.getClass().getSimpleName().replace("Exception", "") + " (" + e.getMessage() + ")";
  }

  private static InputException exists(Path target, @Nullable Throwable cause) {
    String message = target + " exists already; --overwrite replaces it";
    return cause == null ? new InputException(message) : new InputException(message, cause);
  }

  /** Makes the move itself last; not every system can open a folder for that. */
  private static void forceFolder(Path file) {
    Path folder = file.getParent();
    if (folder == null) {
      return;
    }
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (IOException e) {
      System.getLogger(AtomicFiles.class.getName())
          .log(System.Logger.Level.DEBUG, () -> "cannot force folder " + folder, e);
    }
  }

  private static void removeAll() {
    ending = true;
    for (Path path : UNFINISHED) {
      try {
        Files.deleteIfExists(path);
      } catch (IOException e) {
        System.getLogger(AtomicFiles.class.getName())
            .log(System.Logger.Level.DEBUG, () -> "cannot remove " + path, e);
      }
    }
  }
}
