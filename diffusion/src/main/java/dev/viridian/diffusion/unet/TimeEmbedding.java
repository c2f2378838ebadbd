package dev.viridian.diffusion.unet;

import dev.viridian.diffusion.weights.UNetConfig;
import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.Linear;
import dev.viridian.engine.nn.Module;
import dev.viridian.engine.ops.Silu;

/**
 * Time steps as vectors: sinusoids of geometric frequencies, then linear, SiLU, linear.
 *
 * <p>With half = channels/2 and freqᵢ = exp(−ln(10000)·i / (half − shift)) a time t gives
 * cos(t·freq) then sin(t·freq) (the other way round unless flipped). Computed in double.
 */
final class TimeEmbedding extends Module {
  private final int channels;
  private final boolean cosineFirst;
  private final double shift;
  private final Linear linear1;
  private final Linear linear2;

  TimeEmbedding(UNetConfig config, int width) {
    channels = config.blockOutChannels().getFirst();
    cosineFirst = config.flipSinToCos();
    shift = config.freqShift();
    linear1 = child("linear_1", new Linear(channels, width, true));
    linear2 = child("linear_2", new Linear(width, width, true));
  }

  /** The sinusoids, [times, channels]. */
  Tensor sinusoids(Device device, double... times) {
    int half = channels / 2;
    float[] values = new float[times.length * channels];
    for (int t = 0; t < times.length; t++) {
      for (int i = 0; i < half; i++) {
        double angle = times[t] * Math.exp(-Math.log(10000) * i / (half - shift));
        int cos = t * channels + (cosineFirst ? 0 : half) + i;
        int sin = t * channels + (cosineFirst ? half : 0) + i;
        values[cos] = (float) Math.cos(angle);
        values[sin] = (float) Math.sin(angle);
      }
    }
    return Tensors.of(device, values, times.length, channels);
  }

  /** The embedding, [times, width], before the SiLU that every resnet applies. */
  Tensor forward(Device device, double... times) {
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor h = linear1.forward(sinusoids(device, times));
      return scope.keep(linear2.forward(Silu.of(h)));
    }
  }
}
