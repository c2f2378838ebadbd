package dev.viridian.matting.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.viridian.engine.Device;
import dev.viridian.engine.memory.LeakDetector;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Precision;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.api.io.TempDir;

/**
 * Damaged models through the command line: each run ends within ten seconds with a picture or with
 * one line, leaves no half-written file and holds no memory. {@code -Dviridian.mutations=N} sets
 * how many; each depends on its number alone.
 */
class HostileModelTest {
  private static final int MUTATIONS = Integer.getInteger("viridian.mutations", 1500);
  private static final int SECONDS = 10;
  private static final int TOLD = 20;

  @TempDir private Path folder;
  private final ExecutorService runner = Executors.newSingleThreadExecutor();
  private final List<String> failures = new CopyOnWriteArrayList<>();
  private final Map<String, Integer> ends = new TreeMap<>();
  private double slowest;

  /** A model and the content of its files. */
  private record Base(Path model, Map<Path, byte[]> files) {
    static Base of(Path model, Path root) throws IOException {
      Map<Path, byte[]> files = new TreeMap<>();
      try (Stream<Path> found = Files.walk(root)) {
        for (Path file : found.filter(Files::isRegularFile).toList()) {
          files.put(file, Files.readAllBytes(file));
        }
      }
      return new Base(model, files);
    }
  }

  /** What the program logs would be lines beside the one. */
  private final Handler logged =
      new Handler() {
        @Override
        public void publish(LogRecord record) {
          if (record.getLevel().intValue() >= Level.WARNING.intValue()) {
            failures.add("logged: " + record.getMessage());
          }
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
      };

  @BeforeEach
  void listen() {
    Logger.getLogger("").addHandler(logged);
  }

  @AfterEach
  void end() {
    Logger.getLogger("").removeHandler(logged);
    runner.shutdownNow();
  }

  @Test
  void damagedModelsAreRefusedInOneLineOrWork(TestReporter reporter) throws Exception {
    List<Base> bases = new ArrayList<>();
    Path plain = Files.createDirectories(folder.resolve("plain"));
    bases.add(Base.of(SmallModel.folder(plain.resolve("model"), DType.F32), plain));
    Path shards = Files.createDirectories(folder.resolve("shards"));
    bases.add(Base.of(SmallModel.sharded(shards.resolve("model"), DType.F16), shards));
    Path single = Files.createDirectories(folder.resolve("single"));
    bases.add(Base.of(SmallModel.single(single.resolve("model.safetensors"), DType.BF16), single));
    Path pickles = Files.createDirectories(folder.resolve("pickles"));
    bases.add(Base.of(SmallModel.pickled(pickles.resolve("model")), pickles));
    for (Base base : bases) { // compiles what runs, so that the limit of time is for the damage
      assertEquals(
          0,
          run(
                  SmallModel.generate(
                      base.model, folder.resolve("warm" + bases.indexOf(base) + ".png")),
                  300)
              .code());
    }
    long open = LeakDetector.open();
    long leaked = LeakDetector.leaked();
    for (int i = 0; i < MUTATIONS && failures.size() < TOLD; i++) {
      mutation(i, bases.get(i % bases.size()));
    }
    System.gc();
    assertEquals(List.of(), failures, "\n" + String.join("\n", failures) + "\n");
    assertEquals(open, LeakDetector.open(), "storages in use");
    assertEquals(leaked, LeakDetector.leaked(), "storages dropped without being given back");
    assertEquals(List.of(), held(), "files that are still open");
    reporter.publishEntry(
        Map.of(
            "mutations",
            Integer.toString(MUTATIONS),
            "ends",
            ends.toString(),
            "slowest",
            String.format("%.2f s", slowest)));
  }

  private static boolean hasBf16() {
    return Device.cpu().kernels().packed().offers(Precision.BF16);
  }

  private void mutation(int number, Base base) throws Exception {
    Random random = new Random(0x5eed_0000L + number);
    List<Path> names = List.copyOf(base.files.keySet());
    Path file = names.get(random.nextInt(names.size()));
    byte[] good = base.files.get(file);
    Damage.Done done =
        new Damage(random).of(file.toString(), good, List.copyOf(base.files.values()));
    String what = number + " (" + folder.relativize(file) + ", " + done.what() + ")";
    Path output = Files.createDirectories(folder.resolve("out"));
    try {
      if (done.content() == null) {
        Files.delete(file);
      } else {
        Files.write(file, done.content());
      }
      List<String> args = command(random, base.model, output);
      long open = LeakDetector.open();
      long start = System.nanoTime();
      Run run = run(args, SECONDS);
      slowest = Math.max(slowest, (System.nanoTime() - start) * 1e-9);
      String problem = problem(run, args.getFirst(), base, output);
      if (problem == null && LeakDetector.open() != open) {
        problem = (LeakDetector.open() - open) + " storages stay in use";
      }
      if (problem != null) {
        failures.add(what + ": " + args + ": " + problem + "\n  " + shown(run));
      }
      ends.merge(args.getFirst() + " " + run.code(), 1, Integer::sum);
    } catch (TimeoutException e) {
      failures.add(what + ": did not end within " + SECONDS + " s");
      throw new AssertionError(String.join("\n", failures), e);
    } finally {
      Files.write(file, good);
      clear(output);
    }
  }

  private static String shown(Run run) {
    return run.code() + " " + run.err().substring(0, Math.min(2000, run.err().length()));
  }

  private static List<String> command(Random random, Path model, Path output) {
    List<String> args = new ArrayList<>();
    switch (random.nextInt(6)) {
      case 0 -> {
        args.addAll(List.of("inspect", model.toString()));
        if (random.nextBoolean()) {
          args.addAll(List.of("--json", "--keys"));
        }
      }
      case 1 -> {
        String name = random.nextBoolean() ? "made.safetensors" : "made";
        args.addAll(List.of("convert", model.toString()));
        args.addAll(List.of("--output", output.resolve(name).toString()));
        if (random.nextBoolean()) {
          args.addAll(List.of("--dtype", List.of("f32", "f16", "bf16").get(random.nextInt(3))));
        }
      }
      default -> {
        args.addAll(SmallModel.generate(model, output.resolve("made.png")));
        if (random.nextInt(4) == 0) {
          String third = hasBf16() ? "bf16" : "auto"; // what is not here is refused for itself
          args.addAll(List.of("--dtype", List.of("f32", "f16", third).get(random.nextInt(3))));
        }
      }
    }
    return args;
  }

  private Run run(List<String> args, int seconds) throws Exception {
    Future<Run> run =
        runner.submit(
            () -> {
              Run result = Run.of(args.toArray(String[]::new));
              if (MemoryScope.current() != null) {
                throw new AssertionError("a memory scope was left open: " + result);
              }
              return result;
            });
    try {
      return run.get(seconds, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      throw new AssertionError(args.toString(), e.getCause());
    }
  }

  /** What is wrong with the end of a run, or null. */
  private @Nullable String problem(Run run, String command, Base base, Path output)
      throws IOException {
    List<Path> written = list(output);
    if (run.code() == Main.WRONG_INPUT) {
      if (!BadInput.isOneLine(run.err())) {
        return "no single line";
      }
      boolean named = run.err().contains(base.model.getParent().toString());
      if (!named && !run.err().contains("number of steps")) { // a scheduler that needs more
        return "the line names no file of the model";
      }
      return written.isEmpty() ? null : "left " + written;
    }
    if (run.code() != Main.OK) {
      return "exit code " + run.code();
    }
    switch (command) {
      case "generate" -> {
        if (written.size() != 4) {
          return "wrote " + written;
        }
        var picture = ImageIO.read(output.resolve("made.png").toFile());
        return picture.getWidth() == 16 && picture.getHeight() == 16 ? null : "not 16x16";
      }
      case "convert" -> {
        return written.isEmpty() || hasTemporary(written) ? "wrote " + written : null;
      }
      default -> {
        return written.isEmpty() && run.err().isEmpty() ? null : "wrote " + written;
      }
    }
  }

  private static boolean hasTemporary(List<Path> written) {
    return written.stream().anyMatch(path -> path.toString().contains(".tmp-"));
  }

  private static List<Path> list(Path folder) throws IOException {
    try (Stream<Path> found = Files.walk(folder)) {
      return found.filter(path -> !path.equals(folder)).collect(Collectors.toList());
    }
  }

  private static void clear(Path folder) throws IOException {
    for (Path path : list(folder).reversed()) {
      Files.delete(path);
    }
  }

  /** Files of the models that this process has open or mapped; empty where nothing tells. */
  private List<String> held() throws IOException {
    Path maps = Path.of("/proc/self/maps");
    Path descriptors = Path.of("/proc/self/fd");
    List<String> held = new ArrayList<>();
    if (!Files.isReadable(maps)) {
      return held;
    }
    for (String line : Files.readAllLines(maps)) {
      if (line.contains(folder.toString())) {
        held.add(line);
      }
    }
    try (Stream<Path> all = Files.list(descriptors)) {
      for (Path descriptor : all.toList()) {
        if (Files.isSymbolicLink(descriptor)) {
          String target = Files.readSymbolicLink(descriptor).toString();
          if (target.startsWith(folder.toString())) {
            held.add(target);
          }
        }
      }
    }
    return held;
  }
}
