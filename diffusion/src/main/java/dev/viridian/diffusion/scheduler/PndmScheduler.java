package dev.viridian.diffusion.scheduler;

import dev.viridian.engine.InputException;
import dev.viridian.engine.Tensor;
import java.util.Arrays;
import java.util.stream.DoubleStream;

/**
 * Liu et al., "Pseudo Numerical Methods for Diffusion Models on Manifolds" (2022): a linear
 * multistep method over the model's outputs e (the newest first), which replaces ε in the transfer
 *
 * <pre>
 * x' = √(ᾱs / ᾱt) · x − (ᾱs − ᾱt) / (ᾱt √(1 − ᾱs) + √(ᾱt (1 − ᾱt) ᾱs)) · ε,   s = t − ⌊T/n⌋
 * ε  = e₀;  (3 e₀ − e₁) / 2;  (23 e₀ − 16 e₁ + 5 e₂) / 12;  (55 e₀ − 59 e₁ + 37 e₂ − 9 e₃) / 24
 * </pre>
 *
 * <p>With {@code skip_prk_steps} (PLMS) the second timestep stands twice, so that there is a call
 * more than there are steps: the second call is a second evaluation of the first step, which is
 * done again, from where it began, with the mean of the two outputs. Without, the first three steps
 * are Runge-Kutta steps of four calls each; this takes 4 steps at least.
 */
final class PndmScheduler extends VariancePreserving {
  private static final int PRK_CALLS = 12;

  /** By number of outputs known. */
  private static final double[][] WEIGHTS = {
    {},
    {1},
    {3 / 2.0, -1 / 2.0},
    {23 / 12.0, -16 / 12.0, 5 / 12.0},
    {55 / 24.0, -59 / 24.0, 37 / 24.0, -9 / 24.0}
  };

  private final Prediction prediction;
  private final double finalAlpha;
  private final boolean skipPrk;

  PndmScheduler(SchedulerConfig config) {
    super(config);
    prediction = Prediction.of(config);
    config.refuse(
        "prediction_type", prediction == Prediction.SAMPLE, "PNDM takes epsilon or v_prediction");
    config.refuse(
        "rescale_betas_zero_snr",
        config.flag("rescale_betas_zero_snr", false),
        "PNDM divides by the signal, which would be 0");
    finalAlpha = config.flag("set_alpha_to_one", false) ? 1 : table.alphaCumprod(0);
    skipPrk = config.flag("skip_prk_steps", false);
  }

  @Override
  SchedulerRun plan(int steps) {
    double[] base = wholeTimesteps(steps);
    int stride = config().trainSteps() / steps;
    if (skipPrk) {
      return new Multistep(steps == 1 ? base : secondTwice(base), 0, stride);
    }
    if (steps < 4) {
      throw new InputException(
          "number of steps is " + steps + ", expected 4 or more for PNDM without skip_prk_steps");
    }
    return new Multistep(withRungeKutta(base, stride), PRK_CALLS, stride);
  }

  private static double[] secondTwice(double[] base) {
    return DoubleStream.concat(Arrays.stream(base).limit(2), Arrays.stream(base).skip(1)).toArray();
  }

  /** t₀, then t₁ and points half a stride above it: each step has its four points. */
  private static double[] withRungeKutta(double[] base, int stride) {
    DoubleStream points = DoubleStream.empty();
    for (int step = 0; step < 3; step++) {
      double half = base[step + 1] + stride / 2;
      points = DoubleStream.concat(points, DoubleStream.of(base[step], half, half, base[step + 1]));
    }
    return DoubleStream.concat(points, Arrays.stream(base).skip(3)).toArray();
  }

  private final class Multistep extends Run {
    private final int prkCalls;
    private final int stride;
    private final KeptTensors outputs = new KeptTensors(4);

    /** Where the step that takes several calls began. */
    private final KeptTensors origin = new KeptTensors(1);

    /** Outputs of the Runge-Kutta step at hand. */
    private final KeptTensors slopes = new KeptTensors(3);

    private int made;

    Multistep(double[] timesteps, int prkCalls, int stride) {
      super(timesteps);
      this.prkCalls = prkCalls;
      this.stride = stride;
    }

    @Override
    SchedulerStep advance(Tensor output, int call, Tensor sample, NoiseSource noise) {
      if (made == 0 && call > 0 && prkCalls > 0) {
        throw new InputException(
            config() + ": image to image with PNDM needs skip_prk_steps, found false");
      }
      int t = (int) timestep(call);
      Combination x = Combination.of(sample);
      Combination m = Combination.of(output);
      Tensor next = made < prkCalls ? rungeKutta(output, sample, t, call) : plms(output, sample, t);
      made++;
      Combination clean = prediction.clean(x, m, table.signal(t), table.noise(t));
      return new SchedulerStep(next, clean.evaluate());
    }

    private Tensor rungeKutta(Tensor output, Tensor sample, int t, int call) {
      Combination m = Combination.of(output);
      int part = made % 4;
      int from = (int) timestep(call - part);
      int to = part % 2 == 0 ? t - stride / 2 : t;
      if (part == 0) {
        outputs.add(output);
        origin.add(sample);
      }
      if (part == 3) {
        m =
            m.plus(slopes.get(0).times(2))
                .plus(slopes.get(1).times(2))
                .plus(slopes.get(2))
                .times(1 / 6.0);
      } else {
        slopes.add(output);
      }
      return transfer(origin.get(0), m, from, to).evaluate();
    }

    private Tensor plms(Tensor output, Tensor sample, int t) {
      if (made == 1) { // the second evaluation, also where image to image began later
        Combination mean = Combination.of(output).plus(outputs.get(0)).times(0.5);
        return transfer(origin.get(0), mean, t + stride, t).evaluate();
      }
      outputs.add(output);
      if (made == 0) {
        origin.add(sample);
      }
      double[] weights = WEIGHTS[outputs.size()];
      Combination m = outputs.get(0).times(weights[0]);
      for (int k = 1; k < weights.length; k++) {
        m = m.plus(outputs.get(k).times(weights[k]));
      }
      return transfer(Combination.of(sample), m, t, t - stride).evaluate();
    }

    /** Formula 9 of the paper. */
    private Combination transfer(Combination x, Combination output, int from, int to) {
      double bar = table.alphaCumprod(Math.min(from, table.size() - 1));
      double barNext = to >= 0 ? table.alphaCumprod(to) : finalAlpha;
      Combination epsilon = prediction.noise(x, output, Math.sqrt(bar), Math.sqrt(1 - bar));
      double denominator = bar * Math.sqrt(1 - barNext) + Math.sqrt(bar * (1 - bar) * barNext);
      return x.times(Math.sqrt(barNext / bar)).minus(epsilon.times((barNext - bar) / denominator));
    }

    @Override
    public void close() {
      outputs.close();
      origin.close();
      slopes.close();
    }
  }
}
