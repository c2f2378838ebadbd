package dev.viridian.diffusion.testing;

import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.ops.Contiguous;
import dev.viridian.engine.ops.Permute;
import dev.viridian.engine.testing.GoldenFile;

/** Between the goldens' [n, c, h, w] and the channels-last maps of the networks. */
public final class Maps {
  private Maps() {}

  /** [n, c, h, w] numbers as a channels-last tensor. */
  public static Tensor channelsLast(Device device, float[] values, long... sizes) {
    return Contiguous.copyOf(Permute.of(Tensors.of(device, values, sizes), 0, 2, 3, 1));
  }

  /** A map of the goldens as a channels-last tensor. */
  public static Tensor map(Device device, GoldenFile file, String key) {
    return channelsLast(device, file.floats(key), file.shape(key));
  }

  /** A tensor of the goldens as it is. */
  public static Tensor plain(Device device, GoldenFile file, String key) {
    return Tensors.of(device, file.floats(key), file.shape(key));
  }

  /** A channels-last map's numbers in [n, c, h, w]; other ranks as they are. */
  public static float[] channelsFirst(Tensor t) {
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor turned = t.shape().rank() == 4 ? Permute.of(t, 0, 3, 1, 2) : t.alias();
      scope.keep(turned);
      float[] values = turned.toFloats();
      turned.close();
      return values;
    }
  }
}
