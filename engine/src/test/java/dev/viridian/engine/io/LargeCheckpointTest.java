package dev.viridian.engine.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A checkpoint beyond 4 GiB, in zip64 form; the file is sparse, so it takes no room on the disk.
 */
class LargeCheckpointTest {
  private static final int NUMBERS = (1 << 30) + (1 << 27);
  private static final long ALL_ONES = 0xffffffffL;

  @TempDir Path dir;

  @Test
  void isMappedNotRead() throws Exception {
    PickleWriter pickle = new PickleWriter().ops("}(");
    pickle.text("big").tensor("0", NUMBERS, 0, new int[] {NUMBERS}, new int[] {1});
    pickle.text("last").tensor("1", 2, 0, new int[] {2}, new int[] {1});
    Path path = dir.resolve("large.ckpt");
    try (RandomAccessFile out = new RandomAccessFile(path.toFile(), "rw")) {
      ByteArrayOutputStream directory = new ByteArrayOutputStream();
      byte[] bytes = pickle.ops("u").stop();
      entry(out, directory, "r/data.pkl", bytes, bytes.length);
      entry(out, directory, "r/data/0", new byte[0], 4L * NUMBERS);
      byte[] last = {0, 0, (byte) 0x80, 0x3f, 0, 0, 0, 0x40};
      entry(out, directory, "r/data/1", last, last.length);
      end(out, directory.toByteArray(), 3);
    }
    assertTrue(Files.size(path) > ALL_ONES);
    try (WeightSource source = WeightFiles.open(path)) {
      assertEquals(List.of((long) NUMBERS), source.info("big").shape());
      MemorySegment big = source.data("big");
      assertEquals(4L * NUMBERS, big.byteSize());
      assertEquals(0, big.get(ValueLayout.JAVA_INT_UNALIGNED, big.byteSize() - 4));
      float[] expected = {1, 2};
      assertArrayEquals(expected, source.data("last").toArray(ValueLayout.JAVA_FLOAT));
      float[] read = new float[2];
      source.read("last", 0, MemorySegment.ofArray(read));
      assertArrayEquals(expected, read);
    }
    assertEquals(Map.of(path.toString(), "read"), SmallHeap.open(List.of(path.toString())));
  }

  private static ByteBuffer buffer(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Writes a stored entry; data that are shorter than {@code size} are followed by a hole. */
  private static void entry(
      RandomAccessFile out, ByteArrayOutputStream directory, String name, byte[] data, long size)
      throws IOException {
    long at = out.getFilePointer();
    byte[] utf8 = name.getBytes(StandardCharsets.UTF_8);
    int padding = (int) -(at + 30 + utf8.length + 4) & 63; // as torch aligns its records
    ByteBuffer local = buffer(30 + utf8.length + 4 + padding).putInt(0x04034b50);
    local.position(26).putShort((short) utf8.length).putShort((short) (4 + padding)).put(utf8);
    local.put(new byte[] {'F', 'B'}).putShort((short) padding);
    out.write(local.array());
    long start = out.getFilePointer();
    out.write(data);
    out.seek(start + size);
    ByteBuffer central = buffer(46 + utf8.length + 28).putInt(0x02014b50);
    central.position(20).putInt(-1).putInt(-1).putShort((short) utf8.length).putShort((short) 28);
    central.position(42).putInt(-1).put(utf8);
    central.putShort((short) 1).putShort((short) 24).putLong(size).putLong(size).putLong(at);
    directory.writeBytes(central.array());
  }

  private static void end(RandomAccessFile out, byte[] directory, int count) throws IOException {
    long start = out.getFilePointer();
    out.write(directory);
    long end64 = out.getFilePointer();
    ByteBuffer end = buffer(56 + 20 + 22);
    end.putInt(0x06064b50).putLong(44).position(24).putLong(count).putLong(count);
    end.putLong(directory.length).putLong(start);
    end.putInt(0x07064b50).putInt(0).putLong(end64).putInt(1);
    end.putInt(0x06054b50).putInt(0).putShort((short) -1).putShort((short) -1);
    end.putInt(-1).putInt(-1).putShort((short) 0);
    out.write(end.array());
  }
}
