package dev.viridian.bench.peer;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.StringJoiner;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Writes single operations as TorchScript modules without weights. Their function takes the inputs
 * and a number, and does the operation so many times.
 */
public final class TorchScript {
  /** A pickle (version 2) of one object of the class M with one attribute, training = False. */
  private static final byte[] OBJECT =
      join(
          new byte[] {(byte) 0x80, 2},
          text("c__torch__\nM\n"),
          new byte[] {'q', 0, ')', (byte) 0x81, 'q', 1, '}', '(', 'X', 8, 0, 0, 0},
          text("training"),
          new byte[] {'q', 2, (byte) 0x89, 'u', 'b', 'q', 3, '.'});

  /** A pickle of an empty tuple. */
  private static final byte[] NOTHING = {(byte) 0x80, 2, ')', '.'};

  private TorchScript() {}

  /**
   * The module of an operation.
   *
   * @param channelsLast whether inputs of rank 4, and the output, have their channels last in
   *     memory
   */
  public static byte[] of(OpRequest r, boolean channelsLast) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(out)) {
      add(zip, "m/data.pkl", OBJECT);
      add(zip, "m/code/__torch__.py", text(code(r, channelsLast)));
      add(zip, "m/constants.pkl", NOTHING);
      add(zip, "m/version", text("3\n"));
    } catch (IOException e) {
      throw new UncheckedIOException("writing to memory", e);
    }
    return out.toByteArray();
  }

  /** What the module does, in TorchScript. */
  static String code(OpRequest r, boolean channelsLast) {
    int inputs = r.shapes().size();
    StringJoiner arguments = new StringJoiner(",\n    ", "", "");
    StringBuilder before = new StringBuilder();
    for (int i = 0; i < inputs; i++) {
      arguments.add("x" + i + ": Tensor");
      String x = "x" + i;
      if (channelsLast && r.shapes().get(i).length == 4) {
        x = "torch.permute(" + x + ", [0, 3, 1, 2])"; // a view
      } else if (r.op().equals("attention")) {
        long[] shape = r.shapes().get(i);
        x =
            String.format(
                "torch.transpose(torch.view(%s, [%d, %d, %d, %d]), 1, 2)",
                x, shape[0], shape[1], r.size("heads"), r.size("dim"));
      }
      before.append("    v").append(i).append(" = ").append(x).append('\n');
    }
    String after = r.op().equals("attention") ? "torch.flatten(torch.transpose(y, 1, 2), 2)" : "y";
    String call = call(r);
    return "class M(Module):\n  __parameters__ = []\n  __buffers__ = []\n  training : bool\n"
        + "  def forward(self: __torch__.M,\n    "
        + arguments
        + ",\n    n: Tensor) -> Tensor:\n"
        + before
        + "    y = v0\n    k = int(n)\n    for i in range(k):\n"
        + call
        + "      y = z\n    return "
        + after
        + "\n";
  }

  private static String call(OpRequest r) {
    String line =
        switch (r.op()) {
          case "linear" -> "z = torch.linear(v0, v1, v2)";
          case "conv" -> {
            int stride = r.size("stride");
            int pad = r.size("pad");
            yield String.format(
                "z = torch.conv2d(v0, v1, v2, [%d, %d], [%d, %d], [1, 1], 1)",
                stride, stride, pad, pad);
          }
          case "attention" -> "z = torch.scaled_dot_product_attention(v0, v1, v2)";
          case "group_norm_silu" ->
              "z = torch.silu(torch.group_norm(v0, " + r.size("groups") + ", v1, v2, 1e-05))";
          case "layer_norm" -> "z = torch.layer_norm(v0, [" + r.size("cols") + "], v1, v2, 1e-05)";
          case "geglu" -> "a, b = torch.chunk(v0, 2, -1)\n      z = torch.mul(a, torch.gelu(b))";
          default -> throw new IllegalArgumentException("no TorchScript of " + r.op());
        };
    return "      " + line + "\n";
  }

  private static void add(ZipOutputStream zip, String name, byte[] content) throws IOException {
    ZipEntry entry = new ZipEntry(name);
    CRC32 sum = new CRC32();
    sum.update(content);
    entry.setMethod(ZipEntry.STORED); // PyTorch reads nothing else
    entry.setSize(content.length);
    entry.setCrc(sum.getValue());
    zip.putNextEntry(entry);
    zip.write(content);
    zip.closeEntry();
  }

  private static byte[] text(String value) {
    return value.getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] join(byte[]... parts) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      out.writeBytes(part);
    }
    return out.toByteArray();
  }
}
