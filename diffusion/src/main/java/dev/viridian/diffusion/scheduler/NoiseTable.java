package dev.viridian.diffusion.scheduler;

import dev.viridian.engine.InputException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.ops.Contiguous;
import dev.viridian.kernels.PointwiseKernels.Term;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;
import java.util.function.IntToDoubleFunction;

/**
 * How much noise there is at each timestep of training: {@code β[t]} and the cumulative product
 * {@code ᾱ[t] = Π (1 − β[s]), s ≤ t}, equal to diffusers' tables bit for bit (rescaled to zero
 * terminal SNR: but for the last bit of a few entries). Noising a latent to timestep t gives {@code
 * √ᾱ[t] · x + √(1 − ᾱ[t]) · noise}. Immutable.
 */
public final class NoiseTable {
  private final float[] betas;
  private final float[] alphasCumprod;

  private NoiseTable(float[] betas, boolean lastIsTiny) {
    this.betas = betas;
    this.alphasCumprod = cumulativeProduct(betas);
    if (lastIsTiny) {
      alphasCumprod[betas.length - 1] = 0x1p-24f;
    }
  }

  /**
   * The table that the settings {@code num_train_timesteps, beta_start, beta_end, beta_schedule,
   * trained_betas, rescale_betas_zero_snr} describe.
   *
   * @throws InputException naming the setting that is wrong
   */
  public static NoiseTable of(SchedulerConfig config) {
    return new NoiseTable(betas(config), false);
  }

  /**
   * The same for schedulers that divide by ᾱ: with zero terminal SNR the last entry is
   * 2<sup>−24</sup> in place of 0.
   */
  static NoiseTable ofPositive(SchedulerConfig config) {
    return new NoiseTable(betas(config), config.flag("rescale_betas_zero_snr", false));
  }

  private static float[] betas(SchedulerConfig config) {
    int n = config.trainSteps();
    double[] trained = config.numbers("trained_betas", 0, 1);
    float[] betas;
    if (trained.length > 0) {
      if (trained.length != n) {
        throw new InputException(
            config + ": trained_betas has " + trained.length + " numbers, expected " + n);
      }
      betas = new float[n];
      for (int i = 0; i < n; i++) {
        betas[i] = (float) trained[i];
      }
    } else {
      double start = config.number("beta_start", 0.0001, 0, 1);
      double end = config.number("beta_end", 0.02, 0, 1);
      betas =
          switch (config.choice(
              "beta_schedule", "linear", "linear", "scaled_linear", "squaredcos_cap_v2")) {
            case "linear" -> linspace(start, end, n);
            case "scaled_linear" -> {
              float[] roots = linspace(Math.sqrt(start), Math.sqrt(end), n);
              for (int i = 0; i < n; i++) {
                roots[i] *= roots[i];
              }
              yield roots;
            }
            default -> cosine(n);
          };
    }
    return config.flag("rescale_betas_zero_snr", false) ? zeroTerminalSnr(betas) : betas;
  }

  /** {@code torch.linspace} in float32: each half is filled from its own end, fused. */
  private static float[] linspace(double from, double to, int n) {
    float start = (float) from;
    float end = (float) to;
    if (n == 1) {
      return new float[] {start};
    }
    float step = (end - start) / (n - 1);
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = i < n / 2 ? Math.fma(step, i, start) : Math.fma(-step, n - 1 - i, end);
    }
    return values;
  }

  /** Nichol and Dhariwal's cosine schedule. */
  private static float[] cosine(int n) {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      double ratio = cosineAlphaBar((i + 1.0) / n) / cosineAlphaBar((double) i / n);
      values[i] = (float) Math.min(1 - ratio, 0.999);
    }
    return values;
  }

  private static double cosineAlphaBar(double t) {
    double c = Math.cos((t + 0.008) / 1.008 * Math.PI / 2);
    return c * c;
  }

  /**
   * Lin et al., "Common Diffusion Noise Schedules and Sample Steps are Flawed", algorithm 1: √ᾱ is
   * shifted and scaled so that the last is 0 and the first stays.
   */
  private static float[] zeroTerminalSnr(float[] betas) {
    int n = betas.length;
    float[] roots = cumulativeProduct(betas);
    for (int i = 0; i < n; i++) {
      roots[i] = (float) Math.sqrt(roots[i]);
    }
    float first = roots[0];
    float last = roots[n - 1];
    float scale = first / (first - last);
    float[] bar = new float[n];
    for (int i = 0; i < n; i++) {
      float root = (roots[i] - last) * scale;
      bar[i] = root * root;
    }
    float[] out = new float[n];
    out[0] = 1 - bar[0];
    for (int i = 1; i < n; i++) {
      out[i] = 1 - bar[i] / bar[i - 1];
    }
    return out;
  }

  /** Accumulated in double, stored as float32, as PyTorch does on the CPU. */
  private static float[] cumulativeProduct(float[] betas) {
    float[] out = new float[betas.length];
    double product = 1;
    for (int i = 0; i < betas.length; i++) {
      product *= 1 - betas[i];
      out[i] = (float) product;
    }
    return out;
  }

  /** Number of timesteps. */
  public int size() {
    return betas.length;
  }

  /** β at a timestep, 0 to 1. */
  public float beta(int t) {
    return betas[t];
  }

  /** ᾱ at a timestep, 0 to 1: the part of the signal's power that is left. */
  public float alphaCumprod(int t) {
    return alphasCumprod[t];
  }

  /** {@code √ᾱ}, what the signal is scaled by. */
  public double signal(int t) {
    return Math.sqrt(alphasCumprod[t]);
  }

  /** {@code √(1 − ᾱ)}, what the noise is scaled by. */
  public double noise(int t) {
    return Math.sqrt(1.0 - alphasCumprod[t]);
  }

  /** Signal-to-noise ratio {@code ᾱ / (1 − ᾱ)}. */
  public double snr(int t) {
    return alphasCumprod[t] / (1.0 - alphasCumprod[t]);
  }

  /**
   * Noises clean samples, each to a timestep of its own, as in training: {@code √ᾱ · x₀ + √(1 − ᾱ)
   * · ε}. No gradient goes through it.
   *
   * @param clean x₀, F32 [n, ...]
   * @param noise ε, of the same shape
   * @param timesteps n timesteps, 0 to {@link #size} − 1
   */
  public Tensor addNoise(Tensor clean, Tensor noise, int... timesteps) {
    return eachSample(clean, this::signal, noise, this::noise, timesteps);
  }

  /** The target of v-prediction, {@code v = √ᾱ · ε − √(1 − ᾱ) · x₀}; as {@link #addNoise}. */
  public Tensor velocity(Tensor clean, Tensor noise, int... timesteps) {
    return eachSample(clean, t -> -noise(t), noise, this::signal, timesteps);
  }

  @SuppressWarnings("try") // the scope closes contiguous copies
  private static Tensor eachSample(
      Tensor a, IntToDoubleFunction ofA, Tensor b, IntToDoubleFunction ofB, int... timesteps) {
    if (!a.spec().equals(b.spec()) || a.shape().rank() == 0 || a.size(0) != timesteps.length) {
      throw new IllegalArgumentException(
          "noising: expected samples and noise of one shape ["
              + timesteps.length
              + ", ...], got "
              + a.spec()
              + " and "
              + b.spec());
    }
    Tensor out = Tensor.empty(a.device(), a.spec());
    try (MemoryScope scope = MemoryScope.open()) {
      Buffer from = Contiguous.of(a).buffer("noising");
      Buffer other = Contiguous.of(b).buffer("noising");
      Buffer to = out.buffer("noising");
      long each = a.elements() / timesteps.length;
      long bytes = each * a.dtype().bytes();
      for (int i = 0; i < timesteps.length; i++) {
        int t = timesteps[i];
        List<Term> terms =
            List.of(
                new Term((float) ofA.applyAsDouble(t), from.slice(i * bytes, bytes)),
                new Term((float) ofB.applyAsDouble(t), other.slice(i * bytes, bytes)));
        a.device().kernels().pointwise().linearCombination(each, terms, to.slice(i * bytes, bytes));
      }
    }
    return out;
  }

  /** {@code σ = √((1 − ᾱ) / ᾱ)}: the noise beside a signal that is not scaled. */
  double sigma(int t) {
    return Math.sqrt((1.0 - alphasCumprod[t]) / alphasCumprod[t]);
  }

  /** σ at every timestep, ascending. */
  double[] sigmas() {
    double[] sigmas = new double[size()];
    for (int t = 0; t < sigmas.length; t++) {
      sigmas[t] = sigma(t);
    }
    return sigmas;
  }
}
