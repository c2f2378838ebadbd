package dev.viridian.kernels.cuda;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Compiles the emulated device and our kernels for it with g++, once for each state of the sources,
 * into the build folder of the kernels module.
 */
final class EmulatedBuild {
  private static final String COMPILER = "g++";
  private static final List<String> FLAGS =
      List.of(
          "-std=c++17",
          "-O1",
          "-fPIC",
          "-mf16c",
          "-mfma",
          "-ffp-contract=off",
          "-fvisibility=hidden",
          "-Wall",
          "-Werror",
          "-Wno-unknown-pragmas",
          "-Wno-unused-variable",
          "-Wno-unused-function",
          "-Wno-strict-aliasing");

  /** Each made of the source of its name. */
  private static final List<String> LIBRARIES =
      List.of("libcublas.so.12", "libcublas.so.13", "libcudnn.so.9");

  private static final Pattern KERNEL = Pattern.compile("__global__\\s+void\\s+(\\w+)\\s*\\(");

  private static final List<String> DNN_PARTS =
      List.of(
          "graph",
          "ops",
          "cnn",
          "adv",
          "engines_precompiled",
          "engines_runtime_compiled",
          "heuristic");

  private EmulatedBuild() {}

  /** Why there is no emulated device on this machine; null if there can be one. */
  static @Nullable String missing() {
    String arch = System.getProperty("os.arch");
    if (!System.getProperty("os.name").toLowerCase(Locale.ROOT).contains("linux")
        || !(arch.equals("amd64") || arch.equals("x86_64"))) {
      return "the emulated CUDA device needs Linux on x86-64";
    }
    try {
      return run(List.of(COMPILER, "--version"), null) == null
          ? null
          : "the emulated CUDA device needs a g++ that works";
    } catch (IOException e) {
      return "the emulated CUDA device needs g++: install it, on Debian the package g++";
    }
  }

  /** The folder that holds the libraries, built if they are not there. */
  static Path folder() {
    try {
      Path module = module();
      Path fixture = module.resolve("src/test/cuda");
      Path kernels = module.resolve("src/main/cuda");
      Path all = Files.createDirectories(module.resolve("target/cuda-emulated"));
      Path folder = all.resolve(hash(fixture, kernels)).toAbsolutePath();
      try (FileChannel channel =
              FileChannel.open(
                  all.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
          FileLock lock = channel.lock()) {
        if (lock.isValid() && !Files.exists(folder)) {
          Path making = Files.createTempDirectory(all, "making");
          build(fixture, kernels, making);
          Files.move(making, folder, StandardCopyOption.ATOMIC_MOVE);
        }
      }
      return folder;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The libraries of kernels in a built folder. */
  static List<Path> kernels(Path folder) throws IOException {
    return files(folder, "kernels-.*\\.so");
  }

  /** The parts of cuDNN in a built folder. */
  static List<Path> parts(Path folder) throws IOException {
    return files(folder, "libcudnn_.*");
  }

  /** The kernels module's folder: tests run in a module's folder, or in that of the project. */
  static Path module() {
    for (Path p = Path.of("").toAbsolutePath(); p != null; p = p.getParent()) {
      Path module = p.resolve("kernels");
      if (Files.isDirectory(module.resolve("src/test/cuda"))) {
        return module;
      }
    }
    throw new IllegalStateException("run the tests in the project's folder or a module's");
  }

  private static String hash(Path... folders) throws IOException {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update((FLAGS + " " + LIBRARIES).getBytes(StandardCharsets.UTF_8));
      for (Path folder : folders) {
        for (Path file : files(folder, ".*")) {
          digest.update(file.getFileName().toString().getBytes(StandardCharsets.UTF_8));
          digest.update(Files.readAllBytes(file));
        }
      }
      return HexFormat.of().formatHex(digest.digest(), 0, 8);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private static List<Path> files(Path folder, String pattern) throws IOException {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> all = Files.list(folder)) {
      return all.filter(f -> Files.isRegularFile(f))
          .filter(f -> f.getFileName().toString().matches(pattern))
          .sorted(Comparator.comparing(Path::toString))
          .toList();
    }
  }

  private static void build(Path fixture, Path kernels, Path to) throws IOException {
    List<String> driver =
        Stream.of("blocks", "memory", "streams", "driver")
            .map(name -> fixture.resolve(name + ".cpp").toString())
            .toList();
    Path libcuda = to.resolve("libcuda.so.1");
    compile(fixture, driver, libcuda);
    List<List<String>> sources = new ArrayList<>();
    List<Path> results = new ArrayList<>();
    for (String name : LIBRARIES) {
      String source = name.substring(3, name.indexOf('.')) + ".cpp";
      sources.add(List.of(fixture.resolve(source).toString(), libcuda.toString()));
      results.add(to.resolve(name));
    }
    // the parts of cuDNN are looked for and never called
    Path empty = Files.createFile(to.resolve("empty.cpp"));
    for (String part : DNN_PARTS) {
      sources.add(List.of(empty.toString()));
      results.add(to.resolve("libcudnn_" + part + ".so.9"));
    }
    List<Path> units = new ArrayList<>(files(kernels, ".*\\.cu"));
    units.addAll(files(fixture, ".*\\.cu"));
    for (Path unit : units) {
      String name = unit.getFileName().toString().replaceFirst("\\.cu$", "");
      Path host = to.resolve(name + ".cpp");
      Files.writeString(host, hostSource(fixture, unit, host));
      sources.add(List.of(host.toString(), libcuda.toString()));
      results.add(to.resolve("kernels-" + name + ".so"));
    }
    Stream.iterate(0, i -> i < results.size(), i -> i + 1)
        .parallel()
        .forEach(
            i -> {
              try {
                compile(fixture, sources.get(i), results.get(i));
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
  }

  /** A source that includes one of ours and makes its kernels known. */
  private static String hostSource(Path fixture, Path unit, Path scratch) throws IOException {
    String include =
        "#define VIRIDIAN_EMULATED 1\n#include \"emulated.cuh\"\n#include \"" + unit + "\"\n";
    Files.writeString(scratch, include);
    Path listed = scratch.resolveSibling(scratch.getFileName() + ".i");
    List<String> command = new ArrayList<>(List.of(COMPILER, "-E", "-DEMULATED_LIST"));
    command.addAll(FLAGS);
    command.addAll(List.of("-I" + fixture, scratch.toString(), "-o", listed.toString()));
    check(command);
    TreeSet<String> names = new TreeSet<>();
    Matcher matcher = KERNEL.matcher(Files.readString(listed));
    while (matcher.find()) {
      names.add(matcher.group(1));
    }
    StringBuilder source = new StringBuilder(include);
    names.forEach(name -> source.append("EMULATED_KERNEL(").append(name).append(")\n"));
    return source.toString();
  }

  private static void compile(Path fixture, List<String> sources, Path library) throws IOException {
    List<String> command = new ArrayList<>(List.of(COMPILER));
    command.addAll(FLAGS);
    command.addAll(List.of("-I" + fixture, "-shared", "-Wl,-soname," + library.getFileName()));
    command.addAll(sources);
    command.addAll(List.of("-o", library.toString()));
    check(command);
  }

  private static void check(List<String> command) throws IOException {
    String output = run(command, Files.createTempFile("emulated", ".log"));
    if (output != null) {
      throw new IllegalStateException(String.join(" ", command) + "\n" + output);
    }
  }

  /** Null if the program ended well, else what it printed. */
  private static @Nullable String run(List<String> command, @Nullable Path log) throws IOException {
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(
                log == null
                    ? ProcessBuilder.Redirect.DISCARD
                    : ProcessBuilder.Redirect.to(log.toFile()))
            .start();
    try {
      if (!process.waitFor(5, TimeUnit.MINUTES)) {
        process.destroyForcibly();
        return "it did not end";
      }
      if (process.exitValue() == 0) {
        return null;
      }
      return log == null ? "failed" : Files.readString(log);
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
      return "interrupted";
    } finally {
      if (log != null) {
        Files.deleteIfExists(log);
      }
    }
  }
}
