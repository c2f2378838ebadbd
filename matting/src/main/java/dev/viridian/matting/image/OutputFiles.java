package dev.viridian.matting.image;

import dev.viridian.engine.InputException;
import dev.viridian.engine.io.AtomicFile;
import dev.viridian.engine.io.FileErrors;
import dev.viridian.engine.io.Text;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;

/**
 * Where results go: looked at before long work begins, written whole or not at all. Stateless and
 * thread-safe but for {@link Group}.
 */
public final class OutputFiles {
  private OutputFiles() {}

  /**
   * Refuses a target that exists, when it may not be overwritten; always a folder in its place, a
   * device, and a name that the file system cannot hold.
   *
   * @throws InputException naming the file and the flag that helps
   */
  public static void refuseExisting(Path target, boolean overwrite) {
    String name = Text.line(target.toString());
    BasicFileAttributes found;
    try {
      found = Files.readAttributes(target, BasicFileAttributes.class);
    } catch (NoSuchFileException e) {
      return;
    } catch (IOException e) {
      throw new InputException(name + " cannot be written: " + FileErrors.reason(e), e);
    }
    if (found.isDirectory()) {
      throw new InputException(name + " is a folder, expected the name of a file to write");
    }
    if (!found.isRegularFile()) {
      throw new InputException(
          name + " is not a regular file, expected the name of a file to write");
    }
    if (!overwrite) {
      throw new InputException(name + " exists already; --overwrite replaces it");
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
    String name = Text.line(folder.toString());
    long free;
    try {
      Files.createDirectories(whole);
      Files.delete(Files.createTempFile(whole, ".viridian-probe", null));
      free = Files.getFileStore(whole).getUsableSpace();
    } catch (FileAlreadyExistsException e) {
      throw new InputException(name + " is not a folder, so nothing can be written in it", e);
    } catch (IOException e) {
      throw new InputException(
          "cannot write in the output folder " + name + ": " + FileErrors.reason(e), e);
    }
    if (free < bytes) {
      throw new InputException(
          "the disk of "
              + name
              + " has "
              + free / 1_000_000
              + " MB free, about "
              + (bytes + 999_999) / 1_000_000
              + " MB will be written: choose another --output");
    }
  }

  /**
   * Writes a whole file.
   *
   * @throws InputException if there is a file already and {@code overwrite} is not set, or no file
   *     can be made there
   * @throws dev.viridian.engine.io.WriteException if writing fails once it has begun
   */
  public static void write(Path target, boolean overwrite, byte[] content) {
    refuseExisting(target, overwrite);
    AtomicFile.write(
        target,
        channel -> {
          ByteBuffer rest = ByteBuffer.wrap(content);
          while (rest.hasRemaining()) {
            channel.write(rest);
          }
        });
  }

  /**
   * Files that belong together: unless {@link #keep} is called, {@link #close} removes those that
   * were written. For one thread.
   */
  public static final class Group implements AutoCloseable {
    private final boolean overwrite;
    private final List<Path> written = new ArrayList<>();

    /** An empty group; {@code overwrite} says whether files that exist may be replaced. */
    public Group(boolean overwrite) {
      this.overwrite = overwrite;
    }

    /** Writes one of them, as {@link OutputFiles#write} does. */
    public void write(Path target, byte[] content) {
      OutputFiles.write(target, overwrite, content);
      written.add(target);
    }

    /** All are there: they stay. */
    public void keep() {
      written.clear();
    }

    /** Removes what was written and not kept. */
    @Override
    public void close() {
      for (Path file : written) {
        try {
          Files.deleteIfExists(file);
        } catch (IOException e) {
          System.getLogger(OutputFiles.class.getName())
              .log(System.Logger.Level.WARNING, "cannot delete " + file, e);
        }
      }
    }
  }
}
