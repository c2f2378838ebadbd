package dev.viridian.diffusion.scheduler;

import dev.viridian.engine.Tensor;
import java.util.Arrays;

/**
 * Lu et al., DPM-Solver (arXiv 2206.00927) and DPM-Solver++ (arXiv 2211.01095), multistep, of order
 * 1 to 3, also as a stochastic method. The sample is {@code α x₀ + σα ε} with {@code α = 1 / √(σ² +
 * 1)}; with {@code λ = −log σ}, {@code h = λ' − λ} and what is predicted at the last calls, {@code
 * m₀, m₁, m₂} (x₀ for ++, ε otherwise):
 *
 * <pre>
 * D₀ = m₀,  D₁ = (m₀ − m₁) / r₀  (order 2),  r₀ = (λ₀ − λ₁) / h
 * ++      x' = σ'/σ x + α' (1 − e⁻ʰ) D₀ + …
 * plain   x' = α'/α x − σ' (eʰ − 1) D₀ + …
 * sde++   x' = σ'/σ e⁻ʰ x + α' (1 − e⁻²ʰ) D₀ + … + σ' √(1 − e⁻²ʰ) noise
 * sde     x' = α'/α x − 2 σ' (eʰ − 1) D₀ + … + σ' √(e²ʰ − 1) noise
 * </pre>
 *
 * where σ' and σ of x' and x include their α. The stochastic methods draw noise at every step.
 */
final class DpmSolverMultistepScheduler extends Scheduler {
  private final NoiseTable table;
  private final Prediction prediction;
  private final TimestepSpacing spacing;
  private final SigmaSpacing sigmaSpacing;
  private final boolean luSpacing;
  private final boolean wholeSigmaTimesteps;
  private final int order;
  private final boolean predictsClean;
  private final boolean stochastic;
  private final boolean heun;
  private final boolean lowerOrderFinal;
  private final boolean eulerAtFinal;
  private final boolean endsAboveZero;
  private final int trainStepsUsed;

  DpmSolverMultistepScheduler(SchedulerConfig config) {
    super(config);
    table = NoiseTable.ofPositive(config);
    prediction = Prediction.of(config);
    spacing = TimestepSpacing.of(config, TimestepSpacing.LINSPACE);
    sigmaSpacing = SigmaSpacing.of(config);
    luSpacing = sigmaSpacing == SigmaSpacing.TIMESTEPS && config.flag("use_lu_lambdas", false);
    wholeSigmaTimesteps =
        !config
            .choice("beta_schedule", "linear", "linear", "scaled_linear", "squaredcos_cap_v2")
            .equals("squaredcos_cap_v2");
    order = config.whole("solver_order", 2, 1, 3);
    String algorithm =
        config.choice(
            "algorithm_type",
            "dpmsolver++",
            "dpmsolver++",
            "dpmsolver",
            "sde-dpmsolver++",
            "sde-dpmsolver");
    predictsClean = algorithm.endsWith("++");
    stochastic = algorithm.startsWith("sde-");
    heun = config.choice("solver_type", "midpoint", "midpoint", "heun").equals("heun");
    lowerOrderFinal = config.flag("lower_order_final", true);
    eulerAtFinal = config.flag("euler_at_final", false);
    endsAboveZero =
        config.choice("final_sigmas_type", "zero", "zero", "sigma_min").equals("sigma_min");
    config.refuse(
        "algorithm_type",
        !predictsClean && !endsAboveZero,
        "without ++ it cannot end at no noise; set final_sigmas_type to sigma_min");
    config.refuse(
        "solver_order",
        order == 3 && algorithm.equals("sde-dpmsolver"),
        "sde-dpmsolver goes to order 2");
    config.refuse(
        "thresholding",
        config.flag("thresholding", false),
        "dynamic thresholding is for pixels, not for latents");
    config.refuse(
        "use_flow_sigmas", config.flag("use_flow_sigmas", false), "flow models are not supported");
    config.refuse(
        "variance_type", config.has("variance_type"), "learned variance is not supported");
    double clipped =
        config.number(
            "lambda_min_clipped",
            Double.NEGATIVE_INFINITY,
            Double.NEGATIVE_INFINITY,
            Double.MAX_VALUE);
    trainStepsUsed =
        (int) Arrays.stream(table.sigmas()).filter(sigma -> -Math.log(sigma) >= clipped).count();
    config.refuse("lambda_min_clipped", trainStepsUsed < 1, "no timestep is left");
  }

  @Override
  public NoiseTable table() {
    return table;
  }

  @Override
  SchedulerRun plan(int steps) {
    double[] levels = table.sigmas();
    double max = levels[levels.length - 1];
    double min = levels[0];
    double[] timesteps;
    double[] sigmas;
    if (sigmaSpacing == SigmaSpacing.TIMESTEPS && !luSpacing) {
      timesteps = spacing.timestepsBeforeLast(config(), steps, trainStepsUsed);
      sigmas = Arrays.stream(timesteps).map(t -> SigmaSpacing.sigmaAt(t, levels)).toArray();
    } else {
      // Lu et al. space evenly in λ, which is −log σ
      sigmas = (luSpacing ? SigmaSpacing.EXPONENTIAL : sigmaSpacing).sigmas(max, min, steps);
      boolean rounds = wholeSigmaTimesteps && (luSpacing || sigmaSpacing == SigmaSpacing.KARRAS);
      timesteps =
          Arrays.stream(sigmas)
              .map(sigma -> SigmaSpacing.timestepOf(sigma, levels))
              // otherwise cut off, as diffusers does, but not by a rounding error below a whole one
              .map(t -> rounds ? Math.rint(t) : Math.floor(t + 1e-6))
              .toArray();
    }
    return new Multistep(timesteps, SigmaRun.ending(sigmas, endsAboveZero ? min : 0));
  }

  private static double alpha(double sigma) {
    return 1 / Math.sqrt(sigma * sigma + 1);
  }

  private final class Multistep extends SchedulerRun {
    private final double[] sigmas;
    private final KeptTensors predicted = new KeptTensors(order);

    Multistep(double[] timesteps, double[] sigmas) {
      super(timesteps);
      this.sigmas = sigmas;
    }

    @Override
    public double[] sigmas() {
      return sigmas.clone();
    }

    @Override
    SchedulerStep advance(Tensor output, int call, Tensor sample, NoiseSource noise) {
      double alpha = alpha(sigmas[call]);
      double sigma = sigmas[call] * alpha;
      Combination x = Combination.of(sample);
      Combination m = Combination.of(output);
      Tensor clean = prediction.clean(x, m, alpha, sigma).evaluate();
      predicted.add(predictsClean ? clean : prediction.noise(x, m, alpha, sigma).evaluate());

      Combination next = update(x, call, Math.min(orderAt(call), predicted.size()));
      if (stochastic) {
        double h = Math.log(sigmas[call] / sigmas[call + 1]);
        double sigmaNext = sigmas[call + 1] * alpha(sigmas[call + 1]);
        double power = predictsClean ? -Math.expm1(-2 * h) : Math.expm1(2 * h);
        next = next.plus(Combination.of(noise.next()).times(sigmaNext * Math.sqrt(power)));
      }
      return new SchedulerStep(next.evaluate(), clean);
    }

    /** The order is lower at the end, where the levels leave no room for a higher one. */
    private int orderAt(int call) {
      boolean few = lowerOrderFinal && calls() < 15;
      int left = calls() - 1 - call;
      if (left == 0 && (eulerAtFinal || few || !endsAboveZero)) {
        return 1;
      }
      return left == 1 && few ? Math.min(order, 2) : order;
    }

    private Combination update(Combination x, int call, int order) {
      double alphaNext = alpha(sigmas[call + 1]);
      double h = Math.log(sigmas[call] / sigmas[call + 1]);
      // One formula for all four: with s = ∓h or ∓2h the weights are those of eˢ and its
      // remainders, times scale.
      double s = (predictsClean ? -h : h) * (stochastic && predictsClean ? 2 : 1);
      double scale =
          predictsClean ? alphaNext : sigmas[call + 1] * alphaNext * (stochastic ? 2 : 1);
      double ofSample =
          predictsClean
              ? sigmas[call + 1]
                  * alphaNext
                  / (sigmas[call] * alpha(sigmas[call]))
                  * (stochastic ? Math.exp(-h) : 1)
              : alphaNext / alpha(sigmas[call]);
      Combination m0 = predicted.get(0);
      double w0 = -scale * Math.expm1(s);
      Combination next = x.times(ofSample).plus(m0.times(w0));
      if (order == 1 || h == 0) {
        return next;
      }
      double h0 = Math.log(sigmas[call - 1] / sigmas[call]);
      Combination first = m0.minus(predicted.get(1)).times(h / h0);
      double w1 = scale * (1 - Math.expm1(s) / s);
      if (order == 2) {
        return next.plus(first.times(heun ? w1 : w0 / 2));
      }
      double h1 = Math.log(sigmas[call - 2] / sigmas[call - 1]);
      Combination second = predicted.get(1).minus(predicted.get(2)).times(h / h1);
      Combination change = first.minus(second).times(h / (h0 + h1));
      // For sde++ the series has -1/2 here as well; diffusers has +1/2, and so have its pictures.
      double half = predictsClean && stochastic ? 0.5 : -0.5;
      double w2 = -scale * ((Math.expm1(s) - s) / (s * s) + half);
      return next.plus(first.plus(change.times(h0 / h)).times(w1)).plus(change.times(w2));
    }

    @Override
    public Tensor addNoise(Tensor clean, Tensor noise, int call) {
      double alpha = alpha(sigmas[call]);
      return Combination.of(clean)
          .times(alpha)
          .plus(Combination.of(noise).times(sigmas[call] * alpha))
          .evaluate();
    }

    @Override
    public void close() {
      predicted.close();
    }
  }
}
