package dev.viridian.engine.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.io.FormulaWeights;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.testing.Golden;
import dev.viridian.engine.testing.GoldenArea;
import dev.viridian.engine.testing.GoldenDevices;
import dev.viridian.engine.testing.GoldenFile;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.databind.JsonNode;

/** Every case of the golden family optim, on every kind of kernels. */
@GoldenArea("ops")
class OptimGoldenTest {
  private static final String FILE = "optim.safetensors";

  @TestFactory
  Stream<DynamicTest> cases() {
    Map<String, Device> devices = GoldenDevices.all();
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode json : Golden.json("ops", "cases.json").get("cases")) {
      if (json.get("file").asString().equals(FILE)) {
        for (String kind : devices.keySet()) {
          String name = json.get("name").asString() + " [" + kind + "]";
          tests.add(dynamicTest(name, () -> run(new Run(devices.get(kind), json))));
        }
      }
    }
    return tests.stream();
  }

  @SuppressWarnings("try") // the scope closes what the case makes
  private static void run(Run run) {
    long before = run.device.allocator().usage().used();
    try (MemoryScope scope = MemoryScope.open();
        GoldenFile file = GoldenFile.open("ops", FILE)) {
      run.file = file;
      switch (run.json.get("op").asString()) {
        case "adamw", "sgd" -> run.optimizer();
        case "clip_by_global_norm" -> run.clipping();
        case "ema" -> run.movingAverage();
        case "lr_schedule" -> run.schedule();
        default -> throw new AssertionError("no test for golden op " + run.json.get("op"));
      }
      Set<String> expected = new HashSet<>();
      run.json.get("outputs").properties().forEach(e -> expected.add(e.getKey()));
      assertEquals(expected, run.compared, "outputs compared");
    }
    assertEquals(before, run.device.allocator().usage().used(), "bytes still in use");
  }

  private static final class Run {
    final Device device;
    final JsonNode json;
    final JsonNode attributes;
    final Set<String> compared = new HashSet<>();
    GoldenFile file;

    Run(Device device, JsonNode json) {
      this.device = device;
      this.json = json;
      this.attributes = json.get("attributes");
    }

    double number(String name, double otherwise) {
      return attributes.has(name) ? attributes.get(name).asDouble() : otherwise;
    }

    boolean flag(String name) {
      return attributes.has(name) && attributes.get(name).asBoolean();
    }

    String key(String input) {
      return json.get("inputs").get(input).asString();
    }

    /** Row {@code index} of a stored tensor. */
    Tensor row(String input, int index) {
      long[] shape = file.shape(key(input));
      long[] rest = Arrays.copyOfRange(shape, 1, shape.length);
      int size = Math.toIntExact(Arrays.stream(rest).reduce(1, (a, b) -> a * b));
      float[] all = file.floats(key(input));
      return Tensors.of(device, Arrays.copyOfRange(all, index * size, (index + 1) * size), rest);
    }

    void compare(String output, float[] actual) {
      float[] expected = file.floats(json.get("outputs").get(output).asString());
      double atol = json.get("tolerance").get(output).get("atol").asDouble();
      assertEquals(expected.length, actual.length, output);
      for (int i = 0; i < expected.length; i++) {
        assertEquals(expected[i], (double) actual[i], atol, output + "[" + i + "]");
      }
      assertTrue(compared.add(output));
    }

    Map<String, Tensor> parameters() {
      Map<String, Tensor> parameters = new LinkedHashMap<>();
      for (Map.Entry<String, JsonNode> e : json.get("inputs").properties()) {
        if (!e.getKey().startsWith("grad_")) {
          String key = e.getValue().asString();
          parameters.put(e.getKey(), Tensors.of(device, file.floats(key), file.shape(key)));
        }
      }
      return parameters;
    }

    Optimizer optimizer(Map<String, Tensor> parameters) {
      double decay = number("weight_decay", 0);
      if (json.get("op").asString().equals("sgd")) {
        return new Sgd(parameters, new Sgd.Options(number("momentum", 0), decay, flag("nesterov")));
      }
      JsonNode betas = attributes.get("betas");
      return new AdamW(
          parameters,
          new AdamW.Options(
              betas.get(0).asDouble(), betas.get(1).asDouble(), number("eps", 0), decay));
    }

    boolean skipped(String parameter, int step) {
      JsonNode skip = json.get("no_gradient");
      if (skip == null || !skip.get("parameter").asString().equals(parameter)) {
        return false;
      }
      for (JsonNode s : skip.get("steps")) {
        if (s.asInt() == step) {
          return true;
        }
      }
      return false;
    }

    void optimizer() {
      Map<String, Tensor> parameters = parameters();
      int steps = Math.toIntExact(file.shape(key("grad_w"))[0]);
      double rate = number("lr", 0);
      // The only schedule among these cases, told by its note.
      boolean warmup = json.get("name").asString().endsWith("_warmup");
      Optimizer optimizer = optimizer(parameters);
      for (int step = 1; step <= steps; step++) {
        if (step == 6) {
          optimizer = continued(optimizer, parameters);
        }
        Map<Tensor, Tensor> gradients = new HashMap<>();
        for (Map.Entry<String, Tensor> e : parameters.entrySet()) {
          if (!skipped(e.getKey(), step)) {
            gradients.put(e.getValue(), row("grad_" + e.getKey(), step - 1));
          }
        }
        optimizer.step(gradients::get, warmup ? rate * Math.min(1, (step - 1) / 4.0) : rate);
        for (Map.Entry<String, Tensor> e : parameters.entrySet()) {
          String output = e.getKey() + "_after_" + step;
          if (json.get("outputs").has(output)) {
            compare(output, e.getValue().toFloats());
          }
        }
      }
      optimizer.state().forEach((name, t) -> compare(name.replace('.', '_'), t.toFloats()));
      optimizer.close();
    }

    /** The optimiser as it would be after a restart in the middle. */
    private Optimizer continued(Optimizer before, Map<String, Tensor> parameters) {
      Optimizer after = optimizer(parameters);
      after.restore(before.state(), before.steps());
      before.close();
      return after;
    }

    void clipping() {
      Map<String, float[]> given = new LinkedHashMap<>();
      json.get("inputs")
          .properties()
          .forEach(e -> given.put(e.getKey(), file.floats(e.getValue().asString())));
      float norm = file.floats(json.get("outputs").get("norm").asString())[0];
      if (Math.abs(norm(given.values()) - norm) > 1e-4 * norm) {
        redraw(given, norm);
      }
      Map<Tensor, Tensor> gradients = new LinkedHashMap<>();
      Map<String, Tensor> byName = new LinkedHashMap<>();
      given.forEach(
          (name, values) -> {
            Tensor gradient = Tensors.of(device, values, file.shape(key(name)));
            gradients.put(Tensors.zeros(device, gradient.shape()), gradient);
            byName.put(name.substring("grad_".length()), gradient);
          });
      double before =
          GradientClipping.clip(gradients.keySet(), gradients::get, number("max_norm", 0));
      compare("norm", new float[] {(float) before});
      byName.forEach((name, gradient) -> compare("clipped_" + name, gradient.toFloats()));
    }

    private static double norm(Collection<float[]> values) {
      double sum = 0;
      for (float[] list : values) {
        for (float value : list) {
          sum += (double) value * value;
        }
      }
      return Math.sqrt(sum);
    }

    /**
     * The goldens hold the gradients as PyTorch left them, clipped in place, where the limit was
     * exceeded. They were drawn by formula, times a round number that the norm before tells.
     */
    private void redraw(Map<String, float[]> gradients, float norm) {
      String prefix = Golden.json("ops", "cases.json").get("formula_prefix").asString();
      String stem = prefix + ".optim." + json.get("name").asString() + ".";
      gradients.replaceAll((name, v) -> FormulaWeights.uniform(stem + name, v.length));
      float scale = Math.round(100 * norm / norm(gradients.values())) / 100f;
      for (float[] values : gradients.values()) {
        for (int i = 0; i < values.length; i++) {
          values[i] *= scale;
        }
      }
    }

    void movingAverage() {
      int steps = Math.toIntExact(file.shape(key("parameter"))[0]) - 1;
      Tensor parameter = row("parameter", 0);
      MovingAverage.Options options =
          new MovingAverage.Options(
              number("decay", 0),
              number("min_decay", 0),
              (long) number("update_after_step", 0),
              flag("use_ema_warmup"),
              number("inv_gamma", 0),
              number("power", 0));
      float[] decays = new float[steps];
      List<float[]> shadows = new ArrayList<>();
      try (MovingAverage average = new MovingAverage(Map.of("p", parameter), options)) {
        for (int s = 1; s <= steps; s++) {
          parameter.set(row("parameter", s).toFloats());
          average.step();
          decays[s - 1] = (float) average.decay(s);
          shadows.add(average.shadows().get("p").toFloats());
        }
      }
      compare("decay", decays);
      int size = shadows.getFirst().length;
      float[] all = new float[steps * size];
      for (int s = 0; s < steps; s++) {
        System.arraycopy(shadows.get(s), 0, all, s * size, size);
      }
      compare("shadow", all);
    }

    void schedule() {
      double base = number("base_lr", 0);
      long warmup = (long) number("num_warmup_steps", 0);
      long total = (long) number("num_training_steps", 0);
      LearningRateSchedule schedule =
          switch (attributes.get("kind").asString()) {
            case "constant" -> LearningRateSchedule.constant(base);
            case "constant_with_warmup" -> LearningRateSchedule.constantWithWarmup(base, warmup);
            case "linear" -> LearningRateSchedule.linear(base, warmup, total);
            case "cosine" -> LearningRateSchedule.cosine(base, warmup, total, 0.5);
            case "cosine_with_restarts" ->
                LearningRateSchedule.cosineWithRestarts(
                    base, warmup, total, (int) number("num_cycles", 1));
            case "polynomial" ->
                LearningRateSchedule.polynomial(base, warmup, total, 1e-7, number("power", 1));
            case "piecewise_constant" ->
                LearningRateSchedule.piecewiseConstant(
                    base, attributes.get("step_rules").asString());
            default -> throw new AssertionError("no schedule " + attributes.get("kind"));
          };
      float[] rates = new float[file.floats(json.get("outputs").get("lr").asString()).length];
      for (int s = 0; s < rates.length; s++) {
        rates[s] = (float) schedule.at(s);
      }
      compare("lr", rates);
    }
  }
}
