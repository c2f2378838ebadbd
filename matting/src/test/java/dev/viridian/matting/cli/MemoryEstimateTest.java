package dev.viridian.matting.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.engine.io.TensorInfo;
import dev.viridian.engine.io.WeightSource;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Precision;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Objects;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a picture is said to take of the weights. */
final class MemoryEstimateTest {
  @TempDir private Path folder;

  private static long elements(WeightSource source, Predicate<TensorInfo> counted) {
    return source.tensors().values().stream().filter(counted).mapToLong(TensorInfo::elements).sum();
  }

  private static boolean turned(TensorInfo info) {
    return info.rank() == 4 && info.shape().get(2) * info.shape().get(3) > 1;
  }

  private static boolean encodes(TensorInfo info) {
    return info.name().startsWith("encoder.") || info.name().startsWith("quant_conv.");
  }

  @Test
  void linearLayersOfTextAreKeptPacked() throws IOException {
    Path model = SmallModel.folder(folder.resolve("model"), DType.F32);
    try (ModelFiles files = ModelFiles.open(model)) {
      WeightSource head = Objects.requireNonNull(files.mattingHead());
      long filters =
          elements(files.unet(), i -> turned(i))
              + elements(files.vae(), i -> turned(i) && !encodes(i))
              + elements(head, i -> turned(i));
      long linear =
          elements(files.textEncoder(), i -> i.rank() == 2)
              - elements(files.textEncoder(), i -> i.name().startsWith("embeddings."));
      assertEquals(
          4.0 * (filters + linear),
          MemoryEstimate.copiedWeightBytes(files, null, Precision.F32, true));
    }
  }

  @Test
  void theEncoderOfPicturesIsNotLoaded() throws IOException {
    Path model = SmallModel.folder(folder.resolve("model"), DType.F16);
    try (ModelFiles files = ModelFiles.open(model)) {
      WeightSource head = Objects.requireNonNull(files.mattingHead());
      long filters =
          elements(files.unet(), i -> turned(i))
              + elements(files.vae(), i -> turned(i) && !encodes(i))
              + elements(head, i -> turned(i));
      assertEquals(
          2.0 * filters, MemoryEstimate.copiedWeightBytes(files, null, Precision.F32, true));
      long all =
          elements(files.textEncoder(), i -> true)
              + elements(files.unet(), i -> true)
              + elements(files.vae(), i -> !encodes(i))
              + elements(head, i -> true);
      assertEquals(
          4.0 * all, MemoryEstimate.copiedWeightBytes(files, DType.F32, Precision.F32, false));
    }
  }
}
