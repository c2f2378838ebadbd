package dev.viridian.engine.testing;

import dev.viridian.engine.Device;
import dev.viridian.engine.Layout;
import dev.viridian.engine.Shape;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.engine.autograd.ViewOp;
import dev.viridian.engine.ops.Permute;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.UnaryOperator;
import tools.jackson.databind.JsonNode;

/** A case of the golden area {@code ops}, with its inputs as tensors. */
public final class GoldenOps {
  /** Applies the op that a case names: attributes and inputs in, outputs by name out. */
  @FunctionalInterface
  public interface Binding {
    /** Computes the outputs; on a tape, so that gradients flow to the inputs. */
    Map<String, Tensor> apply(Case c);
  }

  /**
   * One case.
   *
   * @param inputs argument to tensor, after the case's views
   * @param stored argument to the tensor before the views, which gradients refer to
   */
  public record Case(
      Device device, JsonNode json, Map<String, Tensor> inputs, Map<String, Tensor> stored) {
    /** An input that must be there. */
    public Tensor in(String name) {
      Tensor t = inputs.get(name);
      if (t == null) {
        throw new IllegalArgumentException(json.get("name") + " has no input " + name);
      }
      return t;
    }

    /** An input, or null. */
    public Tensor optional(String name) {
      return inputs.get(name);
    }

    /** An attribute. */
    public JsonNode attribute(String name) {
      return json.get("attributes").get(name);
    }

    /** An attribute that is a list of whole numbers. */
    public int[] ints(String name) {
      JsonNode list = attribute(name);
      int[] values = new int[list.size()];
      for (int i = 0; i < values.length; i++) {
        values[i] = list.get(i).asInt();
      }
      return values;
    }
  }

  private GoldenOps() {}

  /** [n, c, h, w] as [n, h, w, c]. */
  public static Tensor nhwc(Tensor x) {
    return Permute.of(x, 0, 2, 3, 1);
  }

  /** [n, h, w, c] as [n, c, h, w]. */
  public static Tensor nchw(Tensor x) {
    return Permute.of(x, 0, 3, 1, 2);
  }

  /** Loads a case's inputs; those that have gradients require them. */
  public static Case load(Device device, JsonNode json, GoldenFile file) {
    Map<String, Tensor> stored = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> e : json.get("inputs").properties()) {
      String key = e.getValue().asString();
      long[] shape = file.shape(key);
      Tensor t =
          switch (file.type(key).name()) {
            case "F32" -> Tensors.of(device, file.floats(key), shape);
            case "I64" -> Tensors.of(device, file.longs(key), shape);
            case "I32" -> Tensors.of(device, file.ints(key), shape);
            default -> throw new IllegalArgumentException("type of " + key);
          };
      t.named(e.getKey());
      if (json.has("gradients") && json.get("gradients").has(e.getKey())) {
        t.requireGradient(true);
      }
      stored.put(e.getKey(), t);
    }
    return new Case(device, json, new LinkedHashMap<>(stored), stored);
  }

  /** Applies the case's views by recorded view ops; call on the tape. */
  public static void applyViews(Case c) {
    if (!c.json().has("views")) {
      return;
    }
    for (Map.Entry<String, JsonNode> e : c.json().get("views").properties()) {
      Tensor t = c.in(e.getKey());
      for (JsonNode step : e.getValue()) {
        t = view(t, step);
      }
      c.inputs().put(e.getKey(), t);
    }
  }

  private static Tensor view(Tensor t, JsonNode step) {
    switch (step.get(0).asString()) {
      case "permute" -> {
        int[] dims = new int[step.get(1).size()];
        for (int i = 0; i < dims.length; i++) {
          dims[i] = step.get(1).get(i).asInt();
        }
        return Tape.apply(new TestView(l -> l.permute(dims), t.layout()), t);
      }
      case "slice" -> {
        int dim = step.get(1).asInt();
        long start = step.get(2).asLong();
        long stop = step.get(3).isNull() ? t.shape().dim(dim) : step.get(3).asLong();
        long by = step.get(4).asLong();
        return Tape.apply(
            new TestView(
                l -> l.slice(dim, start, Math.min(stop, l.shape().dim(dim)), by), t.layout()),
            t);
      }
      case "expand" -> {
        long[] sizes = new long[step.get(1).size()];
        for (int i = 0; i < sizes.length; i++) {
          sizes[i] = step.get(1).get(i).asLong();
        }
        Shape target = Shape.of(sizes);
        return Tape.apply(new TestView(l -> l.expand(target), t.layout()), t);
      }
      default -> throw new IllegalArgumentException("view " + step);
    }
  }

  /** A view whose gradient is scattered back element by element: independent of the real ops. */
  private record TestView(UnaryOperator<Layout> change, Layout input) implements ViewOp {
    @Override
    public Layout view(Layout layout) {
      return change.apply(layout);
    }

    @Override
    public void backward(Backward c) {
      Shape shape = c.inSpec(0).shape();
      float[] sum = new float[Math.toIntExact(shape.elements())];
      Layout view = change.apply(Layout.contiguous(shape));
      float[] arrived = c.gradOut(0).toFloats();
      long[] index = new long[view.shape().rank()];
      for (float value : arrived) {
        long at = view.offset();
        for (int d = 0; d < index.length; d++) {
          at += index[d] * view.stride(d);
        }
        sum[(int) at] += value;
        for (int d = index.length - 1; d >= 0 && ++index[d] == view.shape().dim(d); d--) {
          index[d] = 0;
        }
      }
      c.give(0, Tensors.of(c.device(), sum, shape.sizes()));
    }
  }
}
