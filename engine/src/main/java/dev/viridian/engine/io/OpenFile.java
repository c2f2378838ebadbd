package dev.viridian.engine.io;

import dev.viridian.engine.InputException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A weight file that is open for reading: one mapping of the whole file, and positional reads past
 * that mapping. Thread-safe but for {@link #close}.
 */
final class OpenFile implements AutoCloseable {
  /** The most that one call of the channel reads: it bounds the JDK's own bounce buffers. */
  private static final int PIECE = 1 << 20;

  private final Path path;
  private final BasicFileAttributes opened;
  private final Arena arena = Arena.ofShared();
  private final Object lock = new Object();
  private FileChannel channel;
  private @Nullable MemorySegment mapped;
  private boolean closed;

  private OpenFile(Path path, BasicFileAttributes opened, FileChannel channel) {
    this.path = path;
    this.opened = opened;
    this.channel = channel;
  }

  /**
   * Opens a regular file that is not empty.
   *
   * @throws InputException for everything else, in one line
   */
  static OpenFile open(Path path) {
    String name = Text.line(path.toString());
    try {
      BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
      if (attributes.isDirectory()) {
        throw new InputException(name + ": is a folder, expected a weight file");
      }
      if (!attributes.isRegularFile()) {
        throw new InputException(name + ": is not a regular file, expected a weight file");
      }
      if (attributes.size() == 0) {
        throw new InputException(name + ": is empty (0 bytes), expected a weight file");
      }
      return new OpenFile(path, attributes, FileChannel.open(path, StandardOpenOption.READ));
    } catch (NoSuchFileException e) {
      throw new InputException(name + ": no such file", e);
    } catch (AccessDeniedException e) {
      throw new InputException(name + ": no permission to read it", e);
    } catch (IOException e) {
      throw new InputException(name + ": cannot be opened: " + FileErrors.reason(e), e);
    }
  }

  Path path() {
    return path;
  }

  /** The file as it was given, on one line. */
  String describe() {
    return Text.line(path.toString());
  }

  /** Size in bytes when it was opened. */
  long size() {
    return opened.size();
  }

  /** What is wrong with this file, as an exception to throw. */
  InputException error(String what) {
    return new InputException(describe() + ": " + what);
  }

  /** What is wrong with this file, as an exception to throw. */
  InputException error(String what, Throwable cause) {
    return new InputException(describe() + ": " + what, cause);
  }

  /** The arena that lives as long as this file is open. */
  Arena arena() {
    return arena;
  }

  /**
   * Sees whether the file is at least as long as when it was opened. One that was moved or deleted
   * is: it stays as long as it is open.
   *
   * @throws InputException if another process has cut it
   */
  void requireWhole() {
    requireOpen();
    BasicFileAttributes now;
    try {
      // by its name, since an interrupt would close the channel
      now = Files.readAttributes(path, BasicFileAttributes.class);
    } catch (IOException e) {
      return;
    }
    if (now.size() < size() && Objects.equals(now.fileKey(), opened.fileKey())) {
      throw error(
          "was cut to "
              + now.size()
              + " bytes by another process while in use, it had "
              + size()
              + "; replace weight files by renaming, never write over them");
    }
  }

  /** The whole file, mapped on the first call; read-only. */
  MemorySegment mapped() {
    synchronized (lock) {
      requireOpen();
      MemorySegment whole = mapped;
      if (whole == null) {
        try {
          reopen();
          whole = channel.map(FileChannel.MapMode.READ_ONLY, 0, size(), arena).asReadOnly();
        } catch (IOException e) {
          throw error("cannot be mapped: " + FileErrors.reason(e), e);
        }
        mapped = whole;
      }
      return whole;
    }
  }

  /** Bytes of the file in a fresh array; {@code count} must have been checked to be sensible. */
  byte[] bytes(long position, int count) {
    byte[] out = new byte[count];
    read(position, MemorySegment.ofArray(out));
    return out;
  }

  /**
   * Fills {@code dest} from the file, without the mapping.
   *
   * @throws InputException if the file ends before, or cannot be read
   * @throws UncheckedIOException if the thread was interrupted; the file stays usable for others
   */
  void read(long position, MemorySegment dest) {
    Objects.checkFromIndexSize(position, dest.byteSize(), size());
    // a buffer can be made of native memory and byte arrays only
    boolean direct = dest.isNative() || dest.heapBase().orElse(null) instanceof byte[];
    byte[] bounce = direct ? new byte[0] : new byte[(int) Math.min(PIECE, dest.byteSize())];
    long done = 0;
    while (done < dest.byteSize()) {
      int want = (int) Math.min(PIECE, dest.byteSize() - done);
      ByteBuffer buffer =
          direct ? dest.asSlice(done, want).asByteBuffer() : ByteBuffer.wrap(bounce, 0, want);
      int got = readSome(buffer, position + done);
      if (got < 0) {
        long end = Math.min(position + done, sizeNow());
        throw error("ends at byte " + end + ", it had " + size() + " when opened");
      }
      if (!direct) {
        MemorySegment.copy(MemorySegment.ofArray(bounce), 0, dest, done, got);
      }
      done += got;
    }
  }

  private int readSome(ByteBuffer buffer, long position) {
    while (true) {
      try {
        return current().read(buffer, position);
      } catch (ClosedByInterruptException e) {
        throw new UncheckedIOException("interrupted while reading " + describe(), e);
      } catch (ClosedChannelException e) {
        // an interrupt of another thread closed the channel under us: current() opens it again
        continue;
      } catch (IOException e) {
        throw error("cannot be read: " + FileErrors.reason(e), e);
      }
    }
  }

  /** Size in bytes now, as far as that can be told. */
  private long sizeNow() {
    try {
      return current().size();
    } catch (IOException e) {
      return Long.MAX_VALUE;
    }
  }

  private FileChannel current() throws IOException {
    synchronized (lock) {
      requireOpen();
      reopen();
      return channel;
    }
  }

  /** Throws IllegalStateException once the file is closed. */
  void requireOpen() {
    synchronized (lock) {
      if (closed) {
        throw new IllegalStateException(describe() + " is closed");
      }
    }
  }

  /** Opens the channel again where the interrupt of a reading thread closed it. */
  private void reopen() throws IOException {
    if (!channel.isOpen()) {
      BasicFileAttributes now = Files.readAttributes(path, BasicFileAttributes.class);
      if (now.size() != opened.size()
          || !now.lastModifiedTime().equals(opened.lastModifiedTime())
          || !Objects.equals(now.fileKey(), opened.fileKey())) {
        throw error("was replaced while it was being read");
      }
      channel = FileChannel.open(path, StandardOpenOption.READ);
    }
  }

  @Override
  public void close() {
    synchronized (lock) {
      if (closed) {
        return;
      }
      closed = true;
      try {
        channel.close();
      } catch (IOException e) {
        throw new UncheckedIOException("closing " + describe(), e);
      } finally {
        arena.close();
      }
    }
  }
}
