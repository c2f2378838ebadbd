package dev.viridian.engine.io;

import dev.viridian.engine.InputException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
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
   * @throws InputException if the folder is missing, the target is no regular file, or it cannot be
   *     written
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
    String suffix = Long.toHexString(ThreadLocalRandom.current().nextLong());
    Path temporary = folder.resolve(file + ".tmp-" + suffix);
    Thread cleaner = new Thread(() -> delete(temporary), "delete " + temporary);
    Runtime.getRuntime().addShutdownHook(cleaner);
    try {
      writeAndMove(temporary, target, body);
    } catch (ClosedByInterruptException e) {
      throw new UncheckedIOException("interrupted while writing " + name, e);
    } catch (UncheckedIOException e) {
      throw refusal(name, e.getCause());
    } catch (IOException e) {
      throw refusal(name, e);
    } finally {
      delete(temporary); // gone already where all went well
      unhook(cleaner);
    }
  }

  private static void writeAndMove(Path temporary, Path target, Body body) throws IOException {
    try (FileChannel channel =
        FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      body.writeTo(channel);
      channel.force(true);
    }
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

  private static RuntimeException refusal(String name, IOException e) {
    if (e instanceof ClosedByInterruptException) {
      return new UncheckedIOException("interrupted while writing " + name, e);
    }
    String reason = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    return new InputException(name + ": cannot be written: " + Text.line(reason), e);
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
