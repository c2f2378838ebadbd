package dev.viridian.matting;

import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.engine.io.TensorInfo;
import dev.viridian.engine.io.WeightSource;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/** Tells models apart without reading them whole. */
public final class Fingerprint {
  private static final int SAMPLED = 256;

  private Fingerprint() {}

  /**
   * A SHA-256 of the names, types and shapes of all weights and of the first bytes of each, in
   * hexadecimal.
   */
  public static String of(ModelFiles files) {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every Java platform has it
    }
    for (WeightSource source : List.of(files.textEncoder(), files.unet(), files.vae())) {
      add(digest, source);
    }
    WeightSource head = files.mattingHead();
    if (head != null) {
      add(digest, head);
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static void add(MessageDigest digest, WeightSource source) {
    source.tensors().keySet().stream()
        .sorted()
        .forEach(
            name -> {
              TensorInfo info = source.info(name);
              String line = name + info.type() + info.shape() + "\n";
              digest.update(line.getBytes(StandardCharsets.UTF_8));
              byte[] first = new byte[(int) Math.min(SAMPLED, info.bytes())];
              source.read(name, 0, MemorySegment.ofArray(first));
              digest.update(first);
            });
  }
}
