package dev.viridian.bench.peer;

import java.util.List;
import java.util.Map;

/**
 * A single operation as peers are asked for it.
 *
 * @param sizes {@code op}, its name, and its sizes by name
 * @param shapes of its inputs; maps of pictures and filters have their channels last here
 * @param output shape of what it gives, likewise
 */
public record OpRequest(Map<String, Object> sizes, List<long[]> shapes, long[] output) {
  /** The operation's name: linear, conv, attention, group_norm_silu, layer_norm or geglu. */
  public String op() {
    return (String) sizes.get("op");
  }

  /** A size by name. */
  public int size(String name) {
    if (sizes.get(name) instanceof Integer size) {
      return size;
    }
    throw new IllegalArgumentException(op() + " has no size " + name + ": " + sizes);
  }

  /** Whether it reads maps of pictures. */
  public boolean maps() {
    return shapes.getFirst().length == 4;
  }

  /** How many inputs change from run to run; what follows is the model's. */
  public int arguments() {
    return op().equals("attention") ? shapes.size() : 1;
  }

  /** A shape in PyTorch's order: channels second. */
  public static long[] channelsFirst(long[] shape) {
    return shape.length == 4 ? new long[] {shape[0], shape[3], shape[1], shape[2]} : shape.clone();
  }

  /** Values of a shape whose channels are last, put in PyTorch's order. */
  public static float[] channelsFirst(float[] values, long[] shape) {
    if (shape.length != 4) {
      return values;
    }
    int n = (int) shape[0];
    int places = (int) (shape[1] * shape[2]);
    int c = (int) shape[3];
    float[] turned = new float[values.length];
    for (int i = 0; i < n; i++) {
      for (int at = 0; at < places; at++) {
        for (int channel = 0; channel < c; channel++) {
          turned[(i * c + channel) * places + at] = values[(i * places + at) * c + channel];
        }
      }
    }
    return turned;
  }
}
