package dev.viridian.bench.peer;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Writes single operations as ONNX models: the few messages of its protocol buffers that they need,
 * field numbers as in onnx.proto.
 */
public final class OnnxModel {
  /** Operations of ONNX itself that are used are of this version. */
  private static final int OPSET = 21;

  private static final int IR_VERSION = 10;
  private static final int FLOAT = 1;
  private static final int VARINT = 0;
  private static final int BYTES = 2;
  private static final int FIXED32 = 5;

  /** One message. */
  private static final class Message {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    Message number(int field, long value) {
      varint((long) field << 3 | VARINT);
      varint(value);
      return this;
    }

    Message real(int field, float value) {
      varint((long) field << 3 | FIXED32);
      out.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putFloat(value).array());
      return this;
    }

    Message bytes(int field, byte[] value) {
      varint((long) field << 3 | BYTES);
      varint(value.length);
      out.writeBytes(value);
      return this;
    }

    Message text(int field, String value) {
      return bytes(field, value.getBytes(StandardCharsets.UTF_8));
    }

    Message message(int field, Message value) {
      return bytes(field, value.out.toByteArray());
    }

    private void varint(long value) {
      long rest = value;
      while ((rest & ~0x7FL) != 0) {
        out.write((int) (rest & 0x7F | 0x80));
        rest >>>= 7;
      }
      out.write((int) rest);
    }
  }

  private final Message graph = new Message();

  private OnnxModel() {}

  /**
   * The model of an operation: inputs {@code x0}, {@code x1}, … of which those that do not change
   * are constants, output {@code y}.
   *
   * @param values of its inputs, channels second
   */
  public static byte[] of(OpRequest r, List<float[]> values) {
    OnnxModel model = new OnnxModel();
    model.nodes(r);
    model.graph.text(2, r.op());
    for (int i = r.arguments(); i < values.size(); i++) {
      model.constant("x" + i, OpRequest.channelsFirst(r.shapes().get(i)), values.get(i));
    }
    for (int i = 0; i < r.arguments(); i++) {
      model.graph.message(11, value("x" + i, OpRequest.channelsFirst(r.shapes().get(i))));
    }
    model.graph.message(12, value("y", OpRequest.channelsFirst(r.output())));
    return new Message()
        .number(1, IR_VERSION)
        .text(2, "viridian bench")
        .message(7, model.graph)
        .message(8, new Message().text(1, "").number(2, OPSET))
        .message(8, new Message().text(1, "com.microsoft").number(2, 1))
        .out
        .toByteArray();
  }

  private void nodes(OpRequest r) {
    switch (r.op()) {
      case "linear" -> node("Gemm", List.of("x0", "x1", "x2"), List.of("y"), whole("transB", 1));
      case "conv" -> {
        int kernel = r.size("kernel");
        int stride = r.size("stride");
        int pad = r.size("pad");
        node(
            "Conv",
            List.of("x0", "x1", "x2"),
            List.of("y"),
            wholes("kernel_shape", kernel, kernel),
            wholes("strides", stride, stride),
            wholes("pads", pad, pad, pad, pad));
      }
      case "attention" -> {
        // ONNX Runtime's own operation, which never has the whole matrix
        Message node = node(List.of("x0", "x1", "x2"), List.of("y"), "MultiHeadAttention");
        node.message(5, whole("num_heads", r.size("heads"))).text(7, "com.microsoft");
        graph.message(1, node);
      }
      case "group_norm_silu" -> {
        node(
            "GroupNormalization",
            List.of("x0", "x1", "x2"),
            List.of("normal"),
            real("epsilon", 1e-5f),
            whole("num_groups", r.size("groups")));
        node("Sigmoid", List.of("normal"), List.of("gate"));
        node("Mul", List.of("normal", "gate"), List.of("y"));
      }
      case "layer_norm" ->
          node(
              "LayerNormalization",
              List.of("x0", "x1", "x2"),
              List.of("y"),
              real("epsilon", 1e-5f),
              whole("axis", -1));
      case "geglu" -> {
        node("Split", List.of("x0"), List.of("a", "b"), whole("axis", -1), whole("num_outputs", 2));
        node("Gelu", List.of("b"), List.of("gate"));
        node("Mul", List.of("a", "gate"), List.of("y"));
      }
      default -> throw new IllegalArgumentException("no ONNX model of " + r.op());
    }
  }

  private static Message node(List<String> inputs, List<String> outputs, String type) {
    Message node = new Message();
    inputs.forEach(name -> node.text(1, name));
    outputs.forEach(name -> node.text(2, name));
    return node.text(3, type).text(4, type);
  }

  private void node(String type, List<String> in, List<String> out, Message... attributes) {
    Message node = node(in, out, type);
    for (Message attribute : attributes) {
      node.message(5, attribute);
    }
    graph.message(1, node);
  }

  private static Message whole(String name, long value) {
    return new Message().text(1, name).number(3, value).number(20, 2);
  }

  private static Message real(String name, float value) {
    return new Message().text(1, name).real(2, value).number(20, 1);
  }

  private static Message wholes(String name, long... values) {
    Message attribute = new Message().text(1, name);
    for (long value : values) {
      attribute.number(8, value);
    }
    return attribute.number(20, 7);
  }

  private void constant(String name, long[] shape, float[] values) {
    Message tensor = new Message();
    for (long size : shape) {
      tensor.number(1, size);
    }
    ByteBuffer raw =
        ByteBuffer.allocate(Math.multiplyExact(values.length, Float.BYTES))
            .order(ByteOrder.LITTLE_ENDIAN);
    raw.asFloatBuffer().put(values);
    graph.message(5, tensor.number(2, FLOAT).text(8, name).bytes(9, raw.array()));
  }

  private static Message value(String name, long[] shape) {
    Message sizes = new Message();
    for (long size : shape) {
      sizes.message(1, new Message().number(1, size));
    }
    Message tensor = new Message().number(1, FLOAT).message(2, sizes);
    return new Message().text(1, name).message(2, new Message().message(1, tensor));
  }
}
