package dev.viridian.bench.work;

import dev.viridian.engine.Device;
import dev.viridian.engine.Shape;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import java.util.Random;

/** Standard normal inputs. */
public final class Noise {
  private static final long SEED = 1;

  private Noise() {}

  /** How a batch is named: not at all if it is one. */
  static String batch(int batch) {
    return batch == 1 ? "" : " batch " + batch;
  }

  /** F32 on a device; the same each time. */
  public static Tensor of(Device device, Shape shape) {
    Random random = new Random(SEED);
    float[] values = new float[Math.toIntExact(shape.elements())];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return Tensors.of(device, values, shape.toList().stream().mapToLong(Long::longValue).toArray());
  }
}
