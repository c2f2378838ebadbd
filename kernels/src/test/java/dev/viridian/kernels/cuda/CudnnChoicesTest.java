package dev.viridian.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.memory.CudaBuffer;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CudnnChoicesTest extends CudaFamilyTest {
  private static final CudaDnn.Choice CHOICE = new CudaDnn.Choice(6, 12345678901L);

  @TempDir Path folder;

  @Test
  void whatIsAddedIsFoundByTheNext() throws IOException {
    Path file = folder.resolve("deeper/choices.txt");
    CudnnChoices choices = CudnnChoices.in(file);
    assertNull(choices.find("a shape"));
    choices.add("a shape", CHOICE);
    choices.add("another", new CudaDnn.Choice(1, 0));
    CudnnChoices next = CudnnChoices.in(file);
    assertEquals(CHOICE, next.find("a shape"));
    assertEquals(new CudaDnn.Choice(1, 0), next.find("another"));
    assertNull(next.find("a third"));
    try (Stream<Path> files = Files.list(file.getParent())) {
      assertEquals(List.of(file), files.toList());
    }
  }

  @Test
  void damagedFilesAreMadeAnew() throws IOException {
    Path file = folder.resolve("choices.txt");
    CudnnChoices.in(file).add("a shape", CHOICE);
    String good = Files.readString(file);
    for (String bad :
        List.of(
            "",
            "something else\n",
            good.substring(0, good.length() - 6),
            good + "a shape\n",
            good.replace("end", "a shape\nend"),
            good.replace("end", "b = 1 x\nend"),
            good.replace("end", "b = 1 -3\nend"))) {
      Files.writeString(file, bad);
      CudnnChoices choices = CudnnChoices.in(file);
      assertNull(choices.find("a shape"), bad);
      choices.add("a shape", CHOICE);
      assertEquals(good, Files.readString(file));
    }
    Files.write(file, new byte[] {(byte) 0xff, (byte) 0xfe, 0});
    assertNull(CudnnChoices.in(file).find("a shape"));
  }

  /** A file where the folder should be: the search is not kept, and that is all. */
  @Test
  void foldersThatCannotBeWrittenDoNoHarm() throws IOException {
    Path inTheWay = Files.writeString(folder.resolve("file"), "");
    CudnnChoices choices = CudnnChoices.in(inTheWay.resolve("choices.txt"));
    choices.add("a shape", CHOICE);
    choices.add("b", CHOICE);
    assertEquals(CHOICE, choices.find("a shape"));
  }

  /** While a graph is recorded nothing can be measured, and nothing is kept. */
  @Test
  void recordedShapesAreGuessed() throws IOException {
    ConvProblem p = ConvProblem.of(1, 3, 3, 2, 2, 3, 1, 1);
    CudaBuffer x = allocator.allocate(4 * 18);
    CudaBuffer w = allocator.allocate(4 * 36);
    CudaBuffer y = allocator.allocate(4 * 18);
    float[] numbers = new float[36];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = i % 7 - 3;
    }
    device.upload(MemorySegment.ofArray(numbers).asSlice(0, 4 * 18), x);
    device.upload(MemorySegment.ofArray(numbers), w);
    float[] recorded = new float[18];
    float[] plain = new float[18];
    String before = System.setProperty(CudnnChoices.FOLDER, folder.toString());
    try {
      try (CudaGraph graph =
          CudaGraph.record(device, allocator, () -> kernels.conv().forward(p, x, w, null, y))) {
        graph.launch();
        device.download(y, MemorySegment.ofArray(recorded));
      }
      try (Stream<Path> files = Files.list(folder)) {
        assertEquals(0, files.count());
      }
      kernels.conv().forward(p, x, w, null, y);
      device.download(y, MemorySegment.ofArray(plain));
      try (Stream<Path> files = Files.list(folder)) {
        assertEquals(1, files.count());
      }
    } finally {
      restore(before);
    }
    assertArrayEquals(plain, recorded);
    allocator.release(x);
    allocator.release(w);
    allocator.release(y);
  }

  private static void restore(@Nullable String before) {
    if (before == null) {
      System.clearProperty(CudnnChoices.FOLDER);
    } else {
      System.setProperty(CudnnChoices.FOLDER, before);
    }
  }

  /** What is searched is kept: the fastest that repeats itself, F32 never as TF32. */
  @Test
  void searchesAreKept() throws IOException {
    String before = System.setProperty(CudnnChoices.FOLDER, folder.toString());
    try {
      ConvProblem p = ConvProblem.of(1, 4, 5, 2, 3, 3, 1, 1);
      agree(
          "conv",
          3e-6,
          (k, b) -> k.conv().forward(p, b[0], b[1], null, b[2]),
          normal(40),
          normal(54),
          unwritten(60));
    } finally {
      restore(before);
    }
    try (Stream<Path> files = Files.list(folder)) {
      String text = Files.readString(files.findFirst().orElseThrow());
      assertTrue(
          text.endsWith(
              "FORWARD F32 x 1x4x5x2 w 3x3x3 stride 1x1 pad 1x1 dilation 1x1 groups 1"
                  + " = 1 4096\nend\n"),
          text);
    }
  }
}
