package dev.viridian.matting.train;

import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.vae.Autoencoder;
import dev.viridian.engine.Device;
import dev.viridian.engine.InputException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.io.FileType;
import dev.viridian.engine.io.Safetensors;
import dev.viridian.engine.io.SafetensorsWriter;
import dev.viridian.engine.io.TensorInfo;
import dev.viridian.engine.memory.MemoryScope;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The latents' distributions of all pictures of a data set, as they are and mirrored, in a file
 * that is mapped, not read: with the autoencoder frozen they never change. Rows may be read by
 * several threads.
 */
final class LatentCache implements AutoCloseable {
  private static final String MOMENTS = "moments";
  private static final String KEY = "key";
  private static final int TOGETHER = 8;

  private final Safetensors file;
  private final MemorySegment moments;
  private final int each;

  private LatentCache(Safetensors file) {
    this.file = file;
    this.moments = file.data(MOMENTS);
    List<Long> shape = file.info(MOMENTS).shape();
    each = Math.toIntExact(shape.get(2) * shape.get(3) * shape.get(4));
  }

  /** What a cache is made of: pictures that cannot be read become rows that are no numbers. */
  record Source(DataSetFolder data, Autoencoder autoencoder, Device device, int side) {}

  /**
   * Opens the cache, made first where it is missing or of other pictures.
   *
   * @param key tells data, size and autoencoder apart
   * @param progress is told how many pictures are encoded
   */
  static LatentCache open(Path path, String key, Source source, IntConsumer progress) {
    if (Files.exists(path)) {
      LatentCache found = new LatentCache(Safetensors.open(path));
      if (key.equals(found.file.metadata().get(KEY))) {
        return found;
      }
      found.close();
    }
    int factor = source.autoencoder.config().pixelsPerLatent();
    long h = source.side / factor;
    long c = 2L * source.autoencoder.config().latentChannels();
    int n = source.data.entries().size();
    new SafetensorsWriter()
        .metadata(KEY, key)
        .add(
            new TensorInfo(MOMENTS, FileType.F32, List.of((long) n, 2L, h, h, c)),
            out -> encodeAll(source, n, Math.toIntExact(h * h * c), out, progress))
        .write(path);
    return new LatentCache(Safetensors.open(path));
  }

  private static void encodeAll(
      Source source, int n, int each, Consumer<MemorySegment> out, IntConsumer progress) {
    for (int from = 0; from < n; from += TOGETHER) {
      int first = from;
      int count = Math.min(TOGETHER, n - from);
      @Nullable Sample[] samples =
          IntStream.range(0, count)
              .parallel()
              .mapToObj(i -> read(source, first + i))
              .toArray(Sample[]::new);
      float[] rows = new float[count * 2 * each];
      encode(source, samples, each, rows);
      out.accept(MemorySegment.ofArray(rows));
      progress.accept(from + count);
    }
  }

  private static @Nullable Sample read(Source source, int index) {
    try {
      return Sample.read(source.data.entries().get(index), source.side, false, false);
    } catch (InputException e) {
      return null; // said when its turn comes in training
    }
  }

  @SuppressWarnings("try") // the scope closes what encoding makes
  private static void encode(Source source, @Nullable Sample[] samples, int each, float[] rows) {
    int side = source.side;
    int pixels = side * side * 3;
    float[] pictures = new float[samples.length * 2 * pixels];
    for (int i = 0; i < samples.length; i++) {
      Sample sample = samples[i];
      if (sample != null) {
        Pixels.copy(sample.rgb(), side, 0, 0, 3, side, false, pictures, 2 * i * pixels);
        Pixels.copy(sample.rgb(), side, 0, 0, 3, side, true, pictures, (2 * i + 1) * pixels);
      }
    }
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor x = Tensors.of(source.device, pictures, 2L * samples.length, side, side, 3);
      Autoencoder.Distribution d = source.autoencoder.encode(x, LayerObserver.NONE);
      float[] mean = d.mean().toFloats();
      float[] logVariance = d.logVariance().toFloats();
      int half = each / 2;
      for (int i = 0; i < 2 * samples.length; i++) {
        System.arraycopy(mean, i * half, rows, i * each, half);
        System.arraycopy(logVariance, i * half, rows, i * each + half, half);
      }
    }
    for (int i = 0; i < samples.length; i++) {
      if (samples[i] == null) {
        Arrays.fill(rows, 2 * i * each, 2 * (i + 1) * each, Float.NaN);
      }
    }
  }

  /** Whether the picture of an index could be read. */
  boolean has(int index) {
    return !Float.isNaN(at(2L * index * each));
  }

  /** Copies mean and log-variance of a picture to where the row of a batch begins. */
  void copy(int index, boolean mirrored, float[] mean, float[] logVariance, int at) {
    long from = (2L * index + (mirrored ? 1 : 0)) * each;
    int half = each / 2;
    for (int i = 0; i < half; i++) {
      mean[at + i] = at(from + i);
      logVariance[at + i] = at(from + half + i);
    }
  }

  private float at(long index) {
    return moments.get(ValueLayout.JAVA_FLOAT_UNALIGNED, index * Float.BYTES);
  }

  @Override
  public void close() {
    file.close();
  }
}
