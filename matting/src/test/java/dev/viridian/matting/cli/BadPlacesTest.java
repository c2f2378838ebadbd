package dev.viridian.matting.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.viridian.kernels.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Places that cannot be written, and disks that fill up while a command runs. */
class BadPlacesTest {
  @TempDir private static Path shared;
  private static Path model;

  @TempDir private Path folder;

  @BeforeAll
  static void makeModel() throws IOException {
    model = SmallModel.folder(shared.resolve("model"), DType.F32);
  }

  private static List<String> files(Path folder) throws IOException {
    try (Stream<Path> found = Files.walk(folder)) {
      return found.filter(Files::isRegularFile).map(Path::toString).sorted().toList();
    }
  }

  private void refusedBeforeTheRun(String output, String... parts) throws IOException {
    List<String> before = files(folder);
    // the model is not looked at: what is wrong with the place is said first
    BadInput.refused(2, SmallModel.generate(Path.of("/none"), Path.of(output)), parts);
    assertEquals(before, files(folder));
  }

  @Test
  void placesThatAreRefusedBeforeTheRun() throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "mine");
    Path inFolder = Files.createDirectory(folder.resolve("d.png"));
    refusedBeforeTheRun(inFolder.toString(), "d.png is a folder");
    refusedBeforeTheRun(file + "/a.png", "file is not a folder");
    refusedBeforeTheRun(file + "/a/b.png", "file/a", "Not a directory");
    refusedBeforeTheRun(folder + "/" + "n".repeat(300) + ".png", "File name too long");
    refusedBeforeTheRun(folder + "/" + "n".repeat(300) + "/", "File name too long");
    refusedBeforeTheRun(folder + "/" + "n/".repeat(3000), "File name too long");
    refusedBeforeTheRun(file.toString(), "file is not a folder");
    for (String name : List.of("a.png", "a.green.png", "a.alpha.png", "a.json")) {
      Path there = Files.writeString(folder.resolve(name), "mine");
      refusedBeforeTheRun(folder + "/a.png", name + " exists already; --overwrite replaces it");
      Files.delete(there);
    }
    if (Files.exists(Path.of("/dev/full"))) {
      refusedBeforeTheRun("/dev/full/a.png", "/dev/full");
      List<String> args = SmallModel.generate(Path.of("/none"), folder.resolve("a.png"));
      args.addAll(List.of("--latents", "/dev/full", "--overwrite"));
      BadInput.refused(2, args, "/dev/full is not a regular file");
    }
    if (Files.isDirectory(Path.of("/proc/self"))) {
      refusedBeforeTheRun("/proc/viridian/a.png", "cannot write in the output folder /proc/viri");
    }
    assertEquals("mine", Files.readString(file));
  }

  @Test
  void aFolderWithoutPermission() throws IOException {
    assumeTrue(
        folder.getFileSystem().supportedFileAttributeViews().contains("posix"),
        "no permissions of POSIX here");
    Path closed = Files.createDirectory(folder.resolve("closed"));
    Files.setPosixFilePermissions(closed, PosixFilePermissions.fromString("r-x------"));
    assumeTrue(!Files.isWritable(closed), "this user may write everywhere");
    refusedBeforeTheRun(closed + "/a.png", "cannot write in the output folder", "no permission");
    BadInput.refused(
        2,
        List.of("convert", model.toString(), "--output", closed + "/m.safetensors"),
        "no permission");
    BadInput.refused(
        2, List.of("convert", model.toString(), "--output", closed + "/m"), "no permission");
  }

  @ParameterizedTest
  @ValueSource(strings = {"/", ".", "/proc/viridian", "file/inside", "file/inside.safetensors"})
  void convertIntoNowhere(String output) throws IOException {
    Files.writeString(folder.resolve("file"), "mine");
    String place = output.startsWith("file") ? folder + "/" + output : output;
    BadInput.refused(2, List.of("convert", model.toString(), "--output", place), place);
    assertEquals(List.of(folder.resolve("file").toString()), files(folder));
  }

  /** A limit on the size of files is what a full disk is to the program: writing fails midway. */
  @Test
  void writingThatFailsMidwayLeavesNothing() throws Exception {
    assumeTrue(Files.isExecutable(Path.of("/bin/sh")), "no shell");
    Path out = Files.createDirectory(folder.resolve("out"));
    for (List<String> args :
        List.of(
            SmallModel.generate(model, out.resolve("a.png"), "--width", "64", "--height", "64"),
            List.of("convert", model.toString(), "--output", out + "/m.safetensors"),
            List.of("convert", model.toString(), "--output", out + "/m"))) {
      // 2 blocks of 512 bytes: the json of a picture does not fit, let alone weights
      Run run = Child.run(folder, "ulimit -f 2", List.of(), args);
      assertFailsInOneLine(run, "cannot be written: File too large");
      assertEquals(List.of(), files(out));
      assertTrue(!Files.exists(out.resolve("m")));
    }
  }

  @Test
  void aDiskThatIsFull() throws Exception {
    Path disk = Files.createDirectory(folder.resolve("disk"));
    Process mount =
        new ProcessBuilder("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk.toString())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    assumeTrue(
        mount.waitFor(10, TimeUnit.SECONDS) && mount.exitValue() == 0,
        "no right to mount a small disk");
    try {
      // foreseen: 256×256 pictures are more than 64 KiB
      BadInput.refused(
          2,
          SmallModel.generate(model, disk.resolve("a.png"), "--width", "256", "--height", "256"),
          "has 0 MB free",
          "choose another --output");
      BadInput.refused(
          2,
          List.of("convert", model.toString(), "--output", disk + "/m.safetensors"),
          "m.safetensors: needs about");
      BadInput.refused(
          2, List.of("convert", model.toString(), "--output", disk + "/m"), "m: needs about");
      assertEquals(List.of(), files(disk));
      // not foreseen: the estimate of 16×16 fits until somebody else fills the disk
      Path filler = disk.resolve("filler");
      try (Child child =
          Child.start(
              folder,
              "",
              List.of(Child.DRAWS),
              SmallModel.generate(model, disk.resolve("a.png"), "--steps", "999"))) {
        assertTrue(child.until(() -> child.said("denoise")), "it ended before the disk was full");
        fill(filler);
        assertFailsInOneLine(child.await(), "cannot be written: No space left on device");
      }
      assertEquals(List.of(filler.toString()), files(disk));
    } finally {
      new ProcessBuilder("umount", disk.toString()).start().waitFor();
    }
  }

  private static void fill(Path file) throws IOException {
    try (var out = Files.newOutputStream(file)) {
      byte[] page = new byte[4096];
      while (true) {
        out.write(page);
      }
    } catch (IOException full) {
      assertTrue(Files.size(file) > 0, "the disk took nothing");
    }
  }

  private static void assertFailsInOneLine(Run run, String part) {
    assertEquals(1, run.code(), run::toString);
    assertEquals("", run.out());
    assertTrue(BadInput.isOneLine(run.err()), run::toString);
    assertTrue(run.err().contains(part), run::toString);
  }
}
