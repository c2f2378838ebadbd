package dev.viridian.engine.io;

import dev.viridian.engine.InputException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Writes a file that appears whole or not at all: the bytes go to {@code NAME.tmp-…} beside it, are
 * forced to the disk and moved into place. Whatever goes wrong, a full disk included, the temporary
 * file is deleted and a file that was there before stays as it was; so it is when the virtual
 * machine is told to end meanwhile. Stateless and thread-safe.
 */
public final class AtomicFile {
  /** So many characters of four bytes each, and the suffix, are less than 255 bytes. */
  private static final int STEM = 50;

  private AtomicFile() {}

  /** Gives the bytes of a file. */
  @FunctionalInterface
  public interface Body {
    /** Writes everything to {@code channel}, which it need not close. */
    void writeTo(FileChannel channel) throws IOException;
  }

  /**
   * Writes {@code target}, in place of a regular file that may be there.
   *
   * @throws InputException if the folder is missing, the target is no regular file, or no file can
   *     be made beside it
   * @throws WriteException if writing fails once it has begun: a full disk, for one
   * @throws UncheckedIOException if the thread was interrupted
   */
  public static void write(Path target, Body body) {
    String name = Text.line(target.toString());
    Path folder = target.toAbsolutePath().getParent();
    Path file = target.getFileName();
    if (folder == null || file == null || !Files.isDirectory(folder)) {
      throw new InputException(name + ": cannot be written, there is no such folder");
    }
    if (Files.isDirectory(target)) {
      throw new InputException(name + ": cannot be written, it is a folder");
    }
    if (Files.exists(target) && !Files.isRegularFile(target)) {
      throw new InputException(name + ": cannot be written, it is not a regular file");
    }
    Path temporary = folder.resolve(temporaryName(file.toString()));
    Thread cleaner = new Thread(() -> delete(temporary), "delete " + temporary);
    Runtime.getRuntime().addShutdownHook(cleaner);
    try {
      try (FileChannel channel = create(temporary, name)) {
        writeAndMove(channel, temporary, target, body);
      } catch (UncheckedIOException e) {
        throw failure(name, e.getCause());
      } catch (IOException e) {
        throw failure(name, e);
      } finally {
        delete(temporary); // gone already where all went well
      }
    } finally {
      unhook(cleaner);
    }
  }

  /** The same of bytes. */
  public static void write(Path target, byte[] bytes) {
    write(
        target,
        channel -> {
          ByteBuffer rest = ByteBuffer.wrap(bytes);
          while (rest.hasRemaining()) {
            channel.write(rest);
          }
        });
  }

  /** The same of text, as UTF-8. */
  public static void write(Path target, String text) {
    write(target, text.getBytes(StandardCharsets.UTF_8));
  }

  /** A name that the file system can hold wherever it can hold {@code file}. */
  private static String temporaryName(String file) {
    int end = file.offsetByCodePoints(0, Math.min(STEM, file.codePointCount(0, file.length())));
    String suffix = Long.toHexString(ThreadLocalRandom.current().nextLong());
    return file.substring(0, end) + ".tmp-" + suffix;
  }

  private static FileChannel create(Path temporary, String name) {
    try {
      return FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    } catch (IOException e) {
      throw new InputException(name + ": cannot be written: " + FileErrors.reason(e), e);
    }
  }

  private static void writeAndMove(FileChannel channel, Path temporary, Path target, Body body)
      throws IOException {
    body.writeTo(channel);
    channel.force(true);
    channel.close();
    try {
      Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (AtomicMoveNotSupportedException e) {
      Files.move(temporary, target, StandardCopyOption.REPLACE_EXISTING);
    }
    forceFolder(target.toAbsolutePath().getParent());
  }

  /** Makes the new name itself last; where a folder cannot be opened there is no such need. */
  private static void forceFolder(Path folder) {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (IOException e) {
      System.getLogger(AtomicFile.class.getName())
          .log(System.Logger.Level.DEBUG, "folder not forced to disk", e);
    }
  }

  private static RuntimeException failure(String name, IOException e) {
    if (e instanceof ClosedByInterruptException) {
      return new UncheckedIOException("interrupted while writing " + name, e);
    }
    return new WriteException(name + ": cannot be written: " + FileErrors.reason(e), e);
  }

  private static void delete(Path temporary) {
    try {
      Files.deleteIfExists(temporary);
    } catch (IOException e) {
      System.getLogger(AtomicFile.class.getName())
          .log(System.Logger.Level.WARNING, "cannot delete " + temporary, e);
    }
  }

  private static void unhook(Thread cleaner) {
    try {
      Runtime.getRuntime().removeShutdownHook(cleaner);
    } catch (IllegalStateException e) {
      // the virtual machine is ending: the hook runs anyway
      System.getLogger(AtomicFile.class.getName()).log(System.Logger.Level.DEBUG, "ending", e);
    }
  }
}
