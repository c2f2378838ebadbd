package dev.viridian.matting.image;

import dev.viridian.engine.InputException;
import dev.viridian.engine.io.AtomicFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Where results go: looked at before long work begins, written whole or not at all. Stateless and
 * thread-safe.
 */
public final class OutputFiles {
  private OutputFiles() {}

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
      throw new InputException(target + " exists already; --overwrite replaces it");
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
    long free;
    try {
      Files.createDirectories(whole);
      Files.delete(Files.createTempFile(whole, ".viridian-probe", null));
      free = Files.getFileStore(whole).getUsableSpace();
    } catch (FileAlreadyExistsException e) {
      throw new InputException(folder + " is not a folder, so nothing can be written in it", e);
    } catch (IOException e) {
      // Messages of java.nio.file are often the path alone: the class says what happened.
      String reason = e.getClass().getSimpleName().replace("Exception", "");
      throw new InputException(
          "cannot write in the output folder " + folder + ": " + reason + ", " + e.getMessage(), e);
    }
    if (free < bytes) {
      throw new InputException(
          "the disk of "
              + folder
              + " has "
              + free / 1_000_000
              + " MB free, about "
              + bytes / 1_000_000
              + " MB will be written: choose another --output");
    }
  }

  /**
   * Writes a whole file.
   *
   * @throws InputException if there is a file already and {@code overwrite} is not set, or it
   *     cannot be written
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
}
