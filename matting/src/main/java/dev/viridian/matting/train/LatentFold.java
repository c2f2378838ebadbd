package dev.viridian.matting.train;

import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.vae.Autoencoder;
import dev.viridian.engine.Device;
import dev.viridian.engine.InputException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.Parameter;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Where an autoencoder's latents lie, and the weights that put them where sampling begins: each
 * channel at mean 0 with deviation 1. What the encoder gives is moved and stretched by its last
 * convolution, and the decoder's first one undoes it, so that reconstructions stay as they are and
 * the scaling factor is 1. Without it a channel far off centre is one that noise of mean 0 never
 * reaches.
 *
 * @param mean of each channel of the sampled latents
 * @param deviation of each channel, the noise of their distributions included; above 0
 */
record LatentFold(double[] mean, double[] deviation) {
  /** Pictures that are measured, spread evenly over a data set. */
  private static final int MEASURED = 256;

  private static final String QUANT = "quant_conv.";
  private static final String POST_QUANT = "post_quant_conv.";

  /**
   * Measures an autoencoder on at most {@value #MEASURED} pictures of a data set. Where training
   * cuts crops out of them, their middle is taken, up to twice as large as a crop: pictures are
   * made at that size, and the rims of crops are not where theirs are.
   *
   * @throws InputException for a picture that cannot be read, unless bad ones are skipped
   */
  @SuppressWarnings("try") // the scope closes what encoding makes
  static LatentFold measure(
      Autoencoder autoencoder, Device device, DataSetFolder data, TrainOptions options) {
    int c = autoencoder.config().latentChannels();
    double[] sum = new double[c];
    double[] squares = new double[c];
    long count = 0;
    int n = data.entries().size();
    int step = Math.max(1, n / MEASURED);
    for (int i = 0, taken = 0; i < n && taken < MEASURED; i += step, taken++) {
      Sample sample;
      try {
        sample = Sample.read(data.entries().get(i), options.resolution(), options.crop(), false);
      } catch (InputException e) {
        if (options.skipBad()) {
          continue;
        }
        throw e;
      }
      int factor = autoencoder.config().pixelsPerLatent();
      int side = Math.min(sample.side(), 2 * options.resolution()) / factor * factor;
      int edge = (sample.side() - side) / 2;
      float[] rgb = new float[side * side * 3];
      Pixels.copy(sample.rgb(), sample.side(), edge, edge, 3, side, false, rgb, 0);
      try (MemoryScope scope = MemoryScope.open()) {
        Tensor x = Tensors.of(device, rgb, 1, side, side, 3);
        Autoencoder.Distribution d = autoencoder.encode(x, LayerObserver.NONE);
        float[] means = d.mean().toFloats();
        float[] logVariances = d.logVariance().toFloats();
        for (int at = 0; at < means.length; at++) {
          double m = means[at];
          sum[at % c] += m;
          squares[at % c] += m * m + Math.exp(logVariances[at]);
        }
        count += means.length / c;
      }
    }
    double[] mean = new double[c];
    double[] deviation = new double[c];
    for (int i = 0; i < c; i++) {
      mean[i] = sum[i] / count;
      deviation[i] = Math.sqrt(squares[i] / count - mean[i] * mean[i]);
      if (!(deviation[i] > 0 && Double.isFinite(deviation[i]))) {
        mean[i] = 0; // nothing could be read, or a channel that says nothing: it stays as it is
        deviation[i] = 1;
      }
    }
    return new LatentFold(mean, deviation);
  }

  /**
   * The four weights that change, by name, in the current scope. The encoder's clamp of
   * log-variances to −30…20 then lies 2 ln(deviation) elsewhere: beyond it a latent's noise is
   * either below rounding or larger than any picture.
   */
  Map<String, Tensor> weights(Autoencoder autoencoder) {
    Map<String, Parameter> own = autoencoder.parameters();
    int c = mean.length;
    Tensor quant = own.get(QUANT + "weight").value();
    Tensor quantBias = own.get(QUANT + "bias").value();
    Tensor post = own.get(POST_QUANT + "weight").value();
    Tensor postBias = own.get(POST_QUANT + "bias").value();
    float[] w = quant.toFloats(); // [2 c, 2 c]: the means' rows, then those of the log-variances
    float[] b = quantBias.toFloats();
    for (int row = 0; row < c; row++) {
      for (int i = 2 * c * row; i < 2 * c * (row + 1); i++) {
        w[i] = (float) (w[i] / deviation[row]);
      }
      b[row] = (float) ((b[row] - mean[row]) / deviation[row]);
      b[c + row] = (float) (b[c + row] - 2 * Math.log(deviation[row]));
    }
    float[] v = post.toFloats(); // [c, c]
    float[] a = postBias.toFloats();
    for (int row = 0; row < c; row++) {
      double moved = a[row];
      for (int i = 0; i < c; i++) {
        moved += v[row * c + i] * mean[i];
        v[row * c + i] = (float) (v[row * c + i] * deviation[i]);
      }
      a[row] = (float) moved;
    }
    Map<String, Tensor> weights = new LinkedHashMap<>();
    weights.put(QUANT + "weight", like(quant, w));
    weights.put(QUANT + "bias", like(quantBias, b));
    weights.put(POST_QUANT + "weight", like(post, v));
    weights.put(POST_QUANT + "bias", like(postBias, a));
    return weights;
  }

  private static Tensor like(Tensor old, float[] values) {
    long[] dims = old.shape().toList().stream().mapToLong(Long::longValue).toArray();
    return Tensors.of(old.device(), values, dims);
  }
}
