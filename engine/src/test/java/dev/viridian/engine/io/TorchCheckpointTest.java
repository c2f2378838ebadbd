package dev.viridian.engine.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.engine.InputException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TorchCheckpointTest {
  @TempDir Path dir;

  private static byte[] floats(float... values) {
    ByteBuffer out = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      out.putFloat(value);
    }
    return out.array();
  }

  private Path zip(byte[] pickle) throws IOException {
    byte[] six = floats(1, 2, 3, 4, 5, 6);
    return Files.write(dir.resolve("z.pth"), PickleWriter.zip(pickle, Map.of("0", six)));
  }

  private static float[] values(WeightSource source, String key) {
    return source.data(key).toArray(ValueLayout.JAVA_FLOAT);
  }

  @Test
  void readsViewsOfOneStorage() throws IOException {
    PickleWriter pickle = new PickleWriter().ops("}(");
    pickle.text("all").tensor("0", 6, 0, new int[] {2, 3}, new int[] {3, 1});
    pickle.text("turned").tensor("0", 6, 0, new int[] {3, 2}, new int[] {1, 3});
    pickle.text("tail").tensor("0", 6, 4, new int[] {2}, new int[] {1});
    pickle.text("same").tensor("0", 6, 1, new int[] {3}, new int[] {0});
    pickle.text("one").tensor("0", 6, 5, new int[] {}, new int[] {});
    pickle.text("none").tensor("0", 6, 6, new int[] {0, 3}, new int[] {3, 1});
    try (WeightSource source = WeightFiles.open(zip(pickle.ops("u").stop()))) {
      assertEquals(
          List.of("all", "turned", "tail", "same", "one", "none"),
          List.copyOf(source.tensors().keySet()));
      assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, values(source, "all"));
      assertArrayEquals(new float[] {1, 4, 2, 5, 3, 6}, values(source, "turned"));
      assertArrayEquals(new float[] {5, 6}, values(source, "tail"));
      assertArrayEquals(new float[] {2, 2, 2}, values(source, "same"));
      assertArrayEquals(new float[] {6}, values(source, "one"));
      assertEquals(0, source.data("none").byteSize());
      float[] part = new float[2];
      source.read("turned", 4, MemorySegment.ofArray(part));
      assertArrayEquals(new float[] {4, 2}, part);
      assertThrows(InputException.class, () -> source.data("absent"));
    }
  }

  @Test
  void readsAnArrayOfFourDimensionsInAnyOrder() throws IOException {
    int[] shape = {2, 3, 4, 5};
    int[] strides = {60, 1, 15, 3}; // channels last
    float[] stored = new float[120];
    float[] expected = new float[120];
    for (int i = 0; i < 120; i++) {
      stored[i] = i;
      int w = i % 5;
      int h = i / 5 % 4;
      int c = i / 20 % 3;
      expected[i] = i / 60 * 60 + c + h * 15 + w * 3;
    }
    byte[] pickle =
        new PickleWriter().ops("}").text("w").tensor("0", 120, 0, shape, strides).ops("s").stop();
    Path path =
        Files.write(dir.resolve("cl.pth"), PickleWriter.zip(pickle, Map.of("0", floats(stored))));
    try (WeightSource source = WeightFiles.open(path)) {
      assertArrayEquals(expected, values(source, "w"));
    }
  }

  @Test
  void namesTensorsByTheirPathUnlessThereIsAStateDict() throws IOException {
    PickleWriter pickle = new PickleWriter().ops("}(").text("net").ops("}(");
    pickle.text("w").tensor("0", 6, 0, new int[] {6}, new int[] {1}).text("n").number(3).ops("u");
    pickle.text("list").ops("](").tensor("0", 6, 0, new int[] {1}, new int[] {1}).ops("e");
    pickle.number(7).tensor("0", 6, 0, new int[] {2}, new int[] {1});
    try (WeightSource source = WeightFiles.open(zip(pickle.ops("u").stop()))) {
      assertEquals(List.of("net.w", "list.0", "7"), List.copyOf(source.tensors().keySet()));
      assertEquals(Map.of("net.n", "3"), source.metadata());
    }
    pickle = new PickleWriter().ops("}(").text("state_dict").ops("}").text("a.b");
    pickle.tensor("0", 6, 0, new int[] {6}, new int[] {1}).ops("s");
    pickle.text("ema").tensor("0", 6, 0, new int[] {1}, new int[] {1});
    pickle.text("epoch").number(3);
    try (WeightSource source = WeightFiles.open(zip(pickle.ops("u").stop()))) {
      assertEquals(List.of("a.b"), List.copyOf(source.tensors().keySet()));
      assertEquals(Map.of("epoch", "3"), source.metadata());
    }
  }

  @Test
  void readsUntypedStoragesOfNewerTypes() throws IOException {
    PickleWriter pickle = new PickleWriter().ops("}").text("w");
    pickle.global("torch._utils", "_rebuild_tensor_v3").ops("((").text("storage");
    pickle.global("torch.storage", "UntypedStorage").text("0").text("cpu").number(24).ops("tQ");
    pickle.number(2).numbers(2, 2).numbers(2, 1).op(0x89);
    pickle.global("collections", "OrderedDict").ops(")R").global("torch", "uint32");
    try (WeightSource source = WeightFiles.open(zip(pickle.ops("tRs").stop()))) {
      assertEquals(FileType.U32, source.info("w").type());
      assertEquals(Float.floatToIntBits(3f), source.data("w").toArray(ValueLayout.JAVA_INT)[0]);
    }
  }

  @Test
  void readsTheLossesThatLightningKeepsAsNumpyNumbers() throws IOException {
    PickleWriter pickle = new PickleWriter().ops("}(").text("callbacks").ops("}");
    pickle.global("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint").ops("}");
    pickle.text("best").global("numpy.core.multiarray", "scalar").ops("(");
    pickle.global("numpy", "dtype").ops("(").text("f8").op('K', 0, 'K', 1).ops("tR");
    pickle.ops("(").number(3).text("<").ops("NNN").number(-1).number(-1).number(0).ops("tb");
    pickle.global("_codecs", "encode").ops("(").text("x").text("latin1").ops("tRtRss");
    pickle.text("state_dict").ops("}").text("w");
    pickle.tensor("0", 6, 0, new int[] {6}, new int[] {1}).ops("su");
    try (WeightSource source = WeightFiles.open(zip(pickle.stop()))) {
      assertEquals(List.of("w"), List.copyOf(source.tensors().keySet()));
    }
  }

  private String refusal(Path path) {
    String message = assertThrows(InputException.class, () -> WeightFiles.open(path)).getMessage();
    assertTrue(message.startsWith(path + ": "), message);
    assertFalse(message.chars().anyMatch(Character::isISOControl), message);
    return message;
  }

  @Test
  void neverNegatesSilently() throws IOException {
    PickleWriter pickle = new PickleWriter().ops("}").text("w");
    pickle.global("torch._utils", "_rebuild_tensor_v2").ops("((").text("storage");
    pickle.global("torch", "FloatStorage").text("0").text("cpu").number(6).ops("tQ");
    pickle.number(0).numbers(6).numbers(1).op(0x89);
    pickle.global("collections", "OrderedDict").ops(")R").ops("}").text("neg").op(0x88).ops("s");
    assertTrue(refusal(zip(pickle.ops("tRs").stop())).contains("'neg'"));
  }

  /** Pickles of little size that would become large were they not stopped. */
  @Test
  void smallHeapEndsWhatGrows() throws Exception {
    List<byte[]> pickles = new ArrayList<>();
    String million = "}".repeat(1 << 20);
    pickles.add(new PickleWriter().ops("(" + million.repeat(8) + "l").stop());
    pickles.add(new PickleWriter().ops("(" + "(".repeat(1 << 23)).ops("l").stop());
    pickles.add(new PickleWriter().ops("]").put(0).ops("h\0".repeat(1 << 22)).ops("l").stop());
    // a dictionary with a tensor, doubled at every level: many names for one tensor
    PickleWriter doubling = new PickleWriter();
    doubling.tensor("0", 6, 0, new int[] {1}, new int[] {1}).put(0);
    for (int level = 0; level < 40; level++) {
      doubling.ops("}(").text("a").get(level).text("b").get(level).ops("u").put(level + 1);
    }
    pickles.add(doubling.stop());
    // a long key above many tensors
    PickleWriter keys = new PickleWriter().ops("}").text("k".repeat(1 << 20)).ops("}(");
    keys.text("first").tensor("0", 6, 0, new int[] {1}, new int[] {1}).put(0);
    for (int i = 0; i < 50_000; i++) {
      keys.number(i).get(0);
    }
    pickles.add(keys.ops("us").stop());
    // one long list made into sets and dictionaries again and again
    PickleWriter copies = new PickleWriter().ops("](" + "K\1".repeat(10_000) + "e").put(0);
    for (int i = 0; i < 50_000; i++) {
      copies.global("builtins", "set").get(0).op(0x85).ops("R");
    }
    pickles.add(copies.stop());
    // memo
    PickleWriter memo = new PickleWriter().ops("N");
    for (int i = 0; i < 2_000_000; i++) {
      memo.put(i);
    }
    pickles.add(memo.stop());
    // many tensors that unfold
    PickleWriter unfolding = new PickleWriter().ops("}(");
    for (int i = 0; i < 1000; i++) {
      unfolding.number(i).tensor("0", 6, 0, new int[] {1000, 1000}, new int[] {0, 0});
    }
    pickles.add(unfolding.ops("u").stop());
    List<String> files = new ArrayList<>();
    for (byte[] pickle : pickles) {
      Path path = dir.resolve("grows" + files.size() + ".pth");
      Files.write(path, PickleWriter.zip(pickle, Map.of("0", floats(1, 2, 3, 4, 5, 6))));
      files.add(path.toString());
    }
    Map<String, String> outcomes = SmallHeap.open(files);
    for (String file : files) {
      assertEquals("refused", outcomes.get(file), file + " of " + outcomes);
    }
  }

  @Test
  void mutationsAreReadOrRefusedAndNothingElse() throws IOException {
    PickleWriter pickle = new PickleWriter().ops("}(");
    pickle.text("a.weight").tensor("0", 6, 0, new int[] {3, 2}, new int[] {1, 3});
    pickle.text("epoch").number(3).text("state").global("collections", "OrderedDict").ops(")R");
    byte[] zip = PickleWriter.zip(pickle.ops("u").stop(), Map.of("0", floats(1, 2, 3, 4, 5, 6)));
    PickleWriter old = new PickleWriter().ops("}").text("w");
    old.tensor("FloatStorage", "k", 4, 0, new int[] {2, 2}, new int[] {2, 1}, true).ops("s");
    byte[] legacy = PickleWriter.legacy(old.stop(), "k", 1, 2, 3, 4);
    for (byte[] good : new byte[][] {zip, legacy}) {
      Path path = Files.write(dir.resolve("good.pth"), good);
      WeightFiles.open(path).close();
      Random random = new Random(20260102);
      int read = 0;
      int rounds = 2000;
      for (int round = 0; round < rounds; round++) {
        Files.write(path, Mutations.mutate(good, random));
        try (WeightSource source = WeightFiles.open(path)) {
          for (TensorInfo info : source.tensors().values()) {
            assertEquals(
                info.bytes(), source.data(info.name()).toArray(ValueLayout.JAVA_BYTE).length);
          }
          read++;
        } catch (InputException e) {
          assertFalse(e.getMessage().chars().anyMatch(Character::isISOControl), e.getMessage());
        }
      }
      assertTrue(read > 0 && read < rounds, read + " of " + rounds + " were read");
    }
  }
}
