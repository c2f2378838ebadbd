package dev.viridian.matting.data.procedural;

import dev.viridian.engine.InputException;
import dev.viridian.engine.io.FileErrors;
import dev.viridian.engine.io.Text;
import dev.viridian.engine.io.WriteException;
import dev.viridian.matting.image.Images;
import dev.viridian.matting.image.PngWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.IntConsumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/**
 * Writes pictures of {@link ProceduralObjects} as a data set folder in Hugging Face's imagefolder
 * form: {@code images/NNNNN.png} (8-bit RGB on the background), {@code alphas/NNNNN.png} (16-bit
 * grey) and {@code metadata.jsonl}.
 *
 * <p>The folder appears whole or not at all: it is made as a hidden one beside its place and moved
 * there at the end. Files do not depend on the number of threads. For one thread.
 */
public final class ProceduralDataset {
  /** What the metadata says of where the pictures come from. */
  public static final String SOURCE = "viridian procedural";

  /** What the metadata says of their licence. */
  public static final String LICENCE = "CC0-1.0";

  private static final String METADATA = "metadata.jsonl";
  private static final int DIGITS = 5;

  /** Bytes of both files of a picture for each of its pixels, measured and rounded up. */
  private static final double BYTES_PER_PIXEL = 2;

  private static final long BYTES_PER_PICTURE = 9000;

  private ProceduralDataset() {}

  /**
   * What to write.
   *
   * @param count how many pictures, at least 1
   * @param size their side in pixels
   * @param seed picture i is {@code ProceduralObjects.sample(seed, i, size, options)}
   * @param threads how many work at once, at least 1
   * @param overwrite whether a data set that is there may be replaced; nothing else ever is
   */
  public record Request(
      int count, int size, long seed, ProceduralOptions options, int threads, boolean overwrite) {}

  /**
   * Looks, before long work begins, whether the folder may be written.
   *
   * @throws InputException if it holds files and may not be replaced, is no folder, or the disk is
   *     too full
   */
  public static void check(Path target, Request request) {
    String name = Text.line(target.toString());
    try {
      if (Files.exists(target)) {
        refuseForeign(target, name, request.overwrite());
      }
      Path parent = parent(target, name);
      Files.createDirectories(parent);
      Files.delete(Files.createTempFile(parent, ".viridian-probe", null));
      double pixels = (double) request.size() * request.size();
      double bytes = request.count() * (BYTES_PER_PICTURE + BYTES_PER_PIXEL * pixels);
      long free = Files.getFileStore(parent).getUsableSpace();
      if (free < bytes) {
        throw new InputException(
            String.format(
                "%s: needs about %.0f MB, the disk has %d MB free; a smaller --count or --size"
                    + " takes less",
                name, bytes / 1e6, free / 1_000_000));
      }
    } catch (IOException e) {
      throw new InputException(name + ": cannot be written: " + FileErrors.reason(e), e);
    }
  }

  private static Path parent(Path target, String name) {
    Path parent = target.toAbsolutePath().normalize().getParent();
    if (parent == null) {
      throw new InputException(name + ": cannot be written, it has no folder around it");
    }
    return parent;
  }

  private static void refuseForeign(Path target, String name, boolean overwrite)
      throws IOException {
    if (!Files.isDirectory(target)) {
      throw new InputException(name + ": is a file, expected the name of a folder to write");
    }
    boolean empty;
    try (Stream<Path> list = Files.list(target)) {
      empty = list.findAny().isEmpty();
    } catch (NotDirectoryException e) {
      throw new InputException(name + ": is not a folder", e);
    }
    if (empty) {
      return;
    }
    if (!overwrite) {
      throw new InputException(name + ": holds files already; --overwrite replaces a data set");
    }
    if (!Files.isRegularFile(target.resolve(METADATA))) {
      throw new InputException(
          name + ": holds files and is no data set (no " + METADATA + "), so it is not replaced");
    }
  }

  /**
   * Writes a data set.
   *
   * @param progress told how many pictures are done, from one thread at a time
   * @throws InputException as {@link #check} does
   * @throws WriteException if writing fails once it has begun
   * @throws CancellationException if the thread was interrupted
   */
  public static void write(Path target, Request request, IntConsumer progress) {
    check(target, request);
    String name = Text.line(target.toString());
    Path whole = target.toAbsolutePath().normalize();
    String suffix = Long.toHexString(ThreadLocalRandom.current().nextLong());
    Path staging = parent(target, name).resolve("." + whole.getFileName() + ".tmp-" + suffix);
    Workers workers = new Workers(staging, request, progress);
    Thread cleaner =
        new Thread(
            () -> {
              workers.stop();
              workers.join();
              delete(staging);
            },
            "delete " + staging);
    Runtime.getRuntime().addShutdownHook(cleaner);
    try {
      Files.createDirectories(staging.resolve("images"));
      Files.createDirectories(staging.resolve("alphas"));
      List<String> lines = workers.run();
      Files.write(staging.resolve(METADATA), lines);
      moveIntoPlace(staging, whole, name, request);
    } catch (UncheckedIOException e) {
      throw failure(name, e.getCause());
    } catch (IOException e) {
      throw failure(name, e);
    } finally {
      delete(staging); // gone already where all went well
      unhook(cleaner);
    }
  }

  private static WriteException failure(String name, IOException e) {
    return new WriteException(name + ": cannot be written: " + FileErrors.reason(e), e);
  }

  /** Threads that each take the next picture; the first failure ends all. */
  private static final class Workers {
    private final Path staging;
    private final Request request;
    private final IntConsumer progress;
    private final String[] lines;
    private final Thread[] threads;
    private int next;
    private int done;
    private @Nullable Throwable failed;

    Workers(Path staging, Request request, IntConsumer progress) {
      this.staging = staging;
      this.request = request;
      this.progress = progress;
      lines = new String[request.count()];
      threads = new Thread[Math.min(request.threads(), request.count())];
      for (int t = 0; t < threads.length; t++) {
        threads[t] = new Thread(this::work, "dataset " + t);
      }
    }

    /** Draws everything; returns the metadata by line. */
    List<String> run() {
      for (Thread thread : threads) {
        thread.start();
      }
      if (join()) {
        throw new CancellationException("interrupted");
      }
      synchronized (this) {
        if (failed instanceof RuntimeException e) {
          throw e;
        }
        if (failed instanceof Error e) {
          throw e;
        }
        if (done < lines.length) {
          throw new CancellationException("the process is ending");
        }
      }
      return List.of(lines);
    }

    /** Waits until none is at work; true if the wait was interrupted, which stops them. */
    boolean join() {
      boolean interrupted = false;
      for (Thread thread : threads) {
        while (thread.isAlive()) {
          try {
            thread.join();
          } catch (InterruptedException e) {
            interrupted = true;
            stop();
          }
        }
      }
      return interrupted;
    }

    private void work() {
      try {
        for (int i = take(); i >= 0; i = take()) {
          String line = picture(staging, i, request);
          synchronized (this) {
            lines[i] = line;
            done++;
            progress.accept(done);
          }
        }
      } catch (RuntimeException | Error e) {
        fail(e);
      }
    }

    /** The next picture, or −1 when there is none or all is to end. */
    private synchronized int take() {
      return next < lines.length ? next++ : -1;
    }

    private synchronized void fail(Throwable e) {
      if (failed == null) {
        failed = e;
      }
      next = lines.length;
    }

    /** No more pictures are begun. */
    synchronized void stop() {
      next = lines.length;
    }
  }

  /** Writes one picture; returns its line of metadata. */
  private static String picture(Path staging, int index, Request request) {
    int size = request.size();
    ProceduralObject object =
        ProceduralObjects.sample(request.seed(), index, size, request.options());
    String file = fileName(index);
    byte[] rgb = Images.toBytes(object.composite());
    try {
      Files.write(staging.resolve("images/" + file), PngWriter.rgb(size, size, rgb, List.of()));
      Files.write(
          staging.resolve("alphas/" + file),
          PngWriter.grey16(size, size, Images.toShorts(object.alpha()), List.of()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return JsonMapper.shared().writeValueAsString(line(file, object));
  }

  private static String fileName(int index) {
    String number = Integer.toString(index);
    return "0".repeat(Math.max(0, DIGITS - number.length())) + number + ".png";
  }

  private static Map<String, String> line(String file, ProceduralObject object) {
    Map<String, String> line = new LinkedHashMap<>();
    line.put("file_name", "images/" + file);
    line.put("alpha_file_name", "alphas/" + file);
    line.put("text", object.caption());
    line.put("noun", object.noun());
    line.put("colour", object.colour());
    line.put("material", object.material());
    String scene = object.scene();
    if (scene != null) {
      line.put("background", scene);
    }
    line.put("source", SOURCE);
    line.put("licence", LICENCE);
    return line;
  }

  private static void moveIntoPlace(Path staging, Path target, String name, Request request)
      throws IOException {
    Path old = staging.resolveSibling(staging.getFileName() + ".old");
    boolean replaced = Files.exists(target);
    if (replaced) {
      refuseForeign(target, name, request.overwrite());
      Files.move(target, old, StandardCopyOption.ATOMIC_MOVE);
    }
    try {
      Files.move(staging, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      if (replaced) {
        Files.move(old, target);
      }
      throw e;
    }
    if (replaced) {
      delete(old);
    }
  }

  private static synchronized void delete(Path folder) {
    if (!Files.exists(folder)) {
      return;
    }
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    } catch (IOException | UncheckedIOException e) {
      System.getLogger(ProceduralDataset.class.getName())
          .log(System.Logger.Level.WARNING, "cannot delete " + folder, e);
    }
  }

  private static void unhook(Thread cleaner) {
    try {
      Runtime.getRuntime().removeShutdownHook(cleaner);
    } catch (IllegalStateException e) {
      // the virtual machine is ending: the hook runs anyway
      System.getLogger(ProceduralDataset.class.getName())
          .log(System.Logger.Level.DEBUG, "ending", e);
    }
  }
}
