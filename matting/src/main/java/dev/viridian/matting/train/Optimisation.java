package dev.viridian.matting.train;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.optim.AdamW;
import dev.viridian.engine.optim.GradientClipping;
import dev.viridian.engine.optim.GradientSource;
import dev.viridian.engine.optim.LearningRateSchedule;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Groups of parameters with a learning rate each, moved by AdamW after all gradients together were
 * clipped. Owns the optimiser's state, not the parameters. Not thread-safe.
 */
public final class Optimisation implements AutoCloseable {
  /** A group as it is asked for. */
  public record Group(Map<String, Tensor> parameters, LearningRateSchedule rate) {}

  private record Running(AdamW optimizer, LearningRateSchedule rate) {}

  private final List<Running> groups = new ArrayList<>();
  private final List<Tensor> parameters = new ArrayList<>();
  private final double clipNorm;

  /**
   * Begins.
   *
   * @param clipNorm the largest norm of all gradients together; 0 for no clipping
   */
  public Optimisation(List<Group> groups, AdamW.Options options, double clipNorm) {
    this.clipNorm = clipNorm;
    for (Group group : groups) {
      this.groups.add(new Running(new AdamW(group.parameters(), options), group.rate()));
      parameters.addAll(group.parameters().values());
    }
  }

  /**
   * Clips and moves.
   *
   * @param step from 0, for the learning rates
   * @return the norm of all gradients before clipping; where it is not finite nothing moves
   */
  public double step(GradientSource gradients, long step) {
    return step(gradients, step, 1);
  }

  /**
   * The same with gradients of a loss that was multiplied by a scale.
   *
   * @return the norm of what the gradients are without it
   */
  public double step(GradientSource gradients, long step, double scale) {
    double norm = GradientClipping.unscale(parameters, gradients, scale, clipNorm);
    if (Double.isFinite(norm)) {
      for (Running group : groups) {
        group.optimizer.step(gradients, group.rate.at(step));
      }
    }
    return norm;
  }

  /** The learning rate of the first group in a step. */
  public double rate(long step) {
    return groups.getFirst().rate.at(step);
  }

  /** Everything that continues a run, live. */
  public Map<String, Tensor> state() {
    Map<String, Tensor> all = new LinkedHashMap<>();
    groups.forEach(group -> all.putAll(group.optimizer.state()));
    return all;
  }

  /** Steps that each parameter has taken. */
  public Map<String, Long> steps() {
    Map<String, Long> all = new LinkedHashMap<>();
    groups.forEach(group -> all.putAll(group.optimizer.steps()));
    return all;
  }

  /**
   * Takes up a run.
   *
   * @throws dev.viridian.engine.InputException naming what is missing or does not fit
   */
  public void restore(List<Group> asked, Map<String, Tensor> state, Map<String, Long> steps) {
    for (int i = 0; i < groups.size(); i++) {
      Map<String, Tensor> own = asked.get(i).parameters();
      Map<String, Long> counts = new LinkedHashMap<>(steps);
      counts.keySet().retainAll(own.keySet());
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      state.forEach(
          (key, value) -> {
            if (own.containsKey(key.substring(0, key.lastIndexOf('.')))) {
              tensors.put(key, value);
            }
          });
      groups.get(i).optimizer.restore(tensors, counts);
    }
  }

  @Override
  public void close() {
    groups.forEach(group -> group.optimizer.close());
  }
}
