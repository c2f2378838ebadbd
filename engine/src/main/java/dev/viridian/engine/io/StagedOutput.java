package dev.viridian.engine.io;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;

/** Writes memory of any kind to a channel by way of one native buffer. */
final class StagedOutput implements AutoCloseable {
  private static final int STAGE = 1 << 20;

  private final WritableByteChannel channel;
  private final Arena arena = Arena.ofConfined();
  private final MemorySegment stage = arena.allocate(STAGE, 64);
  private long staged;
  private long written;

  StagedOutput(WritableByteChannel channel) {
    this.channel = channel;
  }

  /** Bytes taken so far. */
  long written() {
    return written;
  }

  /**
   * Takes the bytes of {@code data}, which may be changed afterwards.
   *
   * @throws UncheckedIOException if the channel fails
   */
  void write(MemorySegment data) {
    long done = 0;
    while (done < data.byteSize()) {
      long count = Math.min(STAGE - staged, data.byteSize() - done);
      MemorySegment.copy(data, done, stage, staged, count);
      staged += count;
      done += count;
      if (staged == STAGE) {
        try {
          flush();
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
    }
    written += data.byteSize();
  }

  /** Passes on what is still in the buffer. */
  void flush() throws IOException {
    ByteBuffer buffer = stage.asSlice(0, staged).asByteBuffer();
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
    staged = 0;
  }

  @Override
  public void close() {
    arena.close();
  }
}
