package dev.viridian.diffusion.scheduler;

import dev.viridian.engine.InputException;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/** The samplers by name: the one place to add another to. */
public final class Schedulers {
  /**
   * A sampler that can be asked for.
   *
   * @param name what the command line calls it
   * @param webName what the A1111 web UI calls it
   * @param className the diffusers class that it is
   * @param sigmaSchedules whether it can space its noise levels by themselves (Karras and others)
   * @param factory makes it from a model's settings
   */
  public record Entry(
      String name,
      String webName,
      String className,
      boolean sigmaSchedules,
      Function<SchedulerConfig, Scheduler> factory) {}

  private static final String DPM_SOLVER = "DPMSolverMultistepScheduler";

  private static final List<Entry> ENTRIES =
      List.of(
          new Entry("ddpm", "DDPM", "DDPMScheduler", false, DdpmScheduler::new),
          new Entry("ddim", "DDIM", "DDIMScheduler", false, DdimScheduler::new),
          new Entry("pndm", "PLMS", "PNDMScheduler", false, PndmScheduler::new),
          new Entry("euler", "Euler", "EulerDiscreteScheduler", true, EulerScheduler::new),
          new Entry(
              "euler-a",
              "Euler a",
              "EulerAncestralDiscreteScheduler",
              false,
              EulerAncestralScheduler::new),
          dpmSolver("dpmpp-2m", "DPM++ 2M", "dpmsolver++", 2),
          dpmSolver("dpmpp-2m-sde", "DPM++ 2M SDE", "sde-dpmsolver++", 2),
          dpmSolver("dpmpp-3m-sde", "DPM++ 3M SDE", "sde-dpmsolver++", 3));

  private Schedulers() {}

  private static Entry dpmSolver(String name, String webName, String algorithm, int order) {
    UnaryOperator<SchedulerConfig> preset =
        c -> c.with("algorithm_type", algorithm).with("solver_order", order);
    return new Entry(
        name, webName, DPM_SOLVER, true, c -> new DpmSolverMultistepScheduler(preset.apply(c)));
  }

  /** All samplers. */
  public static List<Entry> all() {
    return ENTRIES;
  }

  /** A sampler by its name or its web UI name, in any case. */
  public static Optional<Entry> find(String name) {
    return ENTRIES.stream()
        .filter(e -> e.name.equalsIgnoreCase(name) || e.webName.equalsIgnoreCase(name))
        .findFirst();
  }

  /**
   * A sampler by name with a model's settings, what diffusers does by {@code from_config}: what the
   * settings leave out gets the default of the new sampler, not of the one that they were written
   * for.
   *
   * @throws InputException if there is no such sampler, or a setting does not suit it
   */
  public static Scheduler create(String name, SchedulerConfig config) {
    return find(name)
        .orElseThrow(
            () ->
                new InputException(
                    "there is no sampler '"
                        + name
                        + "', expected one of "
                        + String.join(", ", ENTRIES.stream().map(Entry::name).toList())))
        .factory
        .apply(config);
  }

  /**
   * The sampler that a model's settings name by {@code _class_name}.
   *
   * @throws InputException if they name none, or one that is not built, or a setting does not suit
   */
  public static Scheduler create(SchedulerConfig config) {
    String className =
        config
            .className()
            .orElseThrow(
                () -> new InputException(config + ": _class_name is missing; name a sampler"));
    if (className.equals(DPM_SOLVER)) {
      return new DpmSolverMultistepScheduler(config); // the settings choose the algorithm
    }
    return ENTRIES.stream()
        .filter(e -> e.className.equals(className))
        .findFirst()
        .orElseThrow(
            () ->
                new InputException(
                    config
                        + ": _class_name is "
                        + className
                        + ", which is not built; name a sampler: "
                        + String.join(", ", ENTRIES.stream().map(Entry::name).toList())))
        .factory
        .apply(config);
  }

  /**
   * Settings with another spacing of noise levels.
   *
   * @param schedule {@code default} (as the settings say), {@code karras}, {@code exponential},
   *     {@code beta}
   * @throws InputException if there is no such schedule or the sampler has none
   */
  public static SchedulerConfig withSchedule(
      SchedulerConfig config, String sampler, String schedule) {
    if (schedule.equals("default")) {
      return config;
    }
    if (!List.of("karras", "exponential", "beta").contains(schedule)) {
      throw new InputException(
          "there is no schedule '"
              + schedule
              + "', expected one of default, karras, exponential, beta");
    }
    if (find(sampler).filter(Entry::sigmaSchedules).isEmpty()) {
      throw new InputException(
          "sampler "
              + sampler
              + " has no schedule "
              + schedule
              + "; those that have: "
              + String.join(
                  ", ", ENTRIES.stream().filter(Entry::sigmaSchedules).map(Entry::name).toList()));
    }
    return config
        .with("use_karras_sigmas", schedule.equals("karras"))
        .with("use_exponential_sigmas", schedule.equals("exponential"))
        .with("use_beta_sigmas", schedule.equals("beta"));
  }
}
