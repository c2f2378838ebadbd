package dev.viridian.matting.train;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.autograd.Gradients;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.ops.LinearCombination;
import dev.viridian.matting.train.LossOptions.Term;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Losses and gradients of a batch that comes in K micro-batches of one size, one after the other,
 * so that only one of them takes memory. Every term is the mean over the whole batch: each
 * micro-batch counts 1/K, but in L_g, a mean over the rows R that have the word "green", |Rᵢ| /
 * |R|.
 *
 * @param terms values over the whole batch, without their weights
 * @param total what was minimised: the sum of terms times weights
 * @param gradients of the parameters that require them
 */
public record Accumulation(Map<Term, Double> terms, double total, Gradients gradients)
    implements AutoCloseable {

  /** What a micro-batch gives: its terms, in the current scope. */
  @FunctionalInterface
  public interface Evaluation extends Function<Batch, Objective.Result> {}

  /**
   * Goes through the micro-batches.
   *
   * @param count K
   * @param greenRows |R| of the whole batch
   * @param micro gives micro-batch i, in the current scope
   */
  public static Accumulation of(
      int count,
      int greenRows,
      IntFunction<Batch> micro,
      Evaluation evaluation,
      LossOptions options) {
    return of(count, greenRows, micro, evaluation, options, 1);
  }

  /**
   * The same with gradients of the loss times a scale; terms and total are without it.
   *
   * @param scale a power of two
   */
  @SuppressWarnings("try") // the scope closes what a micro-batch makes
  public static Accumulation of(
      int count,
      int greenRows,
      IntFunction<Batch> micro,
      Evaluation evaluation,
      LossOptions options,
      double scale) {
    Map<Term, Double> terms = new EnumMap<>(Term.class);
    Gradients sum = null;
    double total = 0;
    try {
      for (int i = 0; i < count; i++) {
        try (MemoryScope scope = MemoryScope.open()) {
          Batch batch = micro.apply(i);
          try (Tape tape = Tape.open()) {
            Objective.Result result = evaluation.apply(batch);
            Map<Term, Double> shares = new EnumMap<>(Term.class);
            result
                .terms()
                .keySet()
                .forEach(t -> shares.put(t, share(t, count, result.greenRows(), greenRows)));
            Tensor loss = total(result.terms(), shares, options, scale);
            total += loss.item() / scale;
            result.terms().forEach((t, v) -> terms.merge(t, v.item() * shares.get(t), Double::sum));
            Gradients gradients = tape.gradients(loss);
            if (sum == null) {
              sum = gradients;
            } else {
              sum.addAll(gradients, 1);
              gradients.close();
            }
          }
        }
      }
      if (sum == null) {
        throw new IllegalArgumentException("no micro-batches");
      }
      return new Accumulation(terms, total, sum);
    } catch (RuntimeException | Error e) {
      if (sum != null) {
        sum.close();
      }
      throw e;
    }
  }

  private static double share(Term term, int count, int rows, int allRows) {
    if (term != Term.GREEN) {
      return 1.0 / count;
    }
    return allRows == 0 ? 0 : (double) rows / allRows;
  }

  private static Tensor total(
      Map<Term, Tensor> terms, Map<Term, Double> shares, LossOptions options, double scale) {
    List<Tensor> values = new ArrayList<>();
    double[] weights = new double[terms.size()];
    terms.forEach(
        (term, value) -> {
          weights[values.size()] = options.weight(term) * shares.get(term) * scale;
          values.add(value);
        });
    return LinearCombination.of(weights, values.toArray(Tensor[]::new));
  }

  /** The gradient of a parameter, or null where no loss depends on it. */
  public @Nullable Tensor gradient(Tensor parameter) {
    return gradients.get(parameter);
  }

  /** Closes the gradients. */
  @Override
  public void close() {
    gradients.close();
  }
}
