package dev.viridian.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/**
 * Computes docs/roofline.md from what NVIDIA's compiler says of our kernels and from the sizes of a
 * step, and fails when it is stale. With -Dviridian.roofline.write=true it is written.
 */
class RooflineTest {
  private static final Path MODULE = EmulatedBuild.module();
  private static final int CAPABILITY = 90;

  // a multiprocessor of Hopper
  private static final int REGISTERS = 65536;
  private static final int SHARED = 228 << 10;
  private static final int SHARED_OF_SYSTEM = 1 << 10;
  private static final int WARPS = 64;
  private static final int BLOCKS = 32;

  // H100 SXM and H200: 132 multiprocessors at 1.755 GHz under load
  private static final double PROCESSORS = 132;
  private static final double CLOCK = 1.755e9;
  private static final double BANDWIDTH_H100 = 3.35e12;
  private static final double BANDWIDTH_H200 = 4.8e12;

  /** Of dense products of 16 bits by cuBLAS and cuDNN (wgmma). */
  private static final double TENSOR = 989e12;

  /** What mma.sync reaches of it on Hopper. */
  private static final double MMA = 0.62 * TENSOR;

  private static final double FLOAT = 67e12;
  private static final double EXPONENTIALS = PROCESSORS * 16 * CLOCK;

  private static final Pattern ENTRY =
      Pattern.compile("\\.entry\\s+(\\w+)\\s*\\([^)]*\\)\\s*(?:\\.maxntid\\s+(\\d+))?");

  private record Kernel(PtxCompiler.Resources needs, int threads) {
    int blocks() {
      int warps = (threads + 31) / 32;
      int ofWarp = (needs.registers() * 32 + 255) / 256 * 256;
      int most = Math.min(BLOCKS, WARPS / warps);
      most = Math.min(most, REGISTERS / (ofWarp * warps));
      return Math.min(most, SHARED / (needs.shared() + SHARED_OF_SYSTEM));
    }

    int occupancy() {
      return 100 * blocks() * ((threads + 31) / 32) / WARPS;
    }
  }

  private static Map<String, Kernel> kernels() throws IOException {
    Map<String, Kernel> all = new TreeMap<>();
    try (Stream<Path> sources = Files.list(MODULE.resolve("src/main/cuda"))) {
      for (Path source : sources.filter(f -> f.toString().endsWith(".cu")).sorted().toList()) {
        String family = source.getFileName().toString().replace(".cu", "");
        String ptx = CudaModules.ptx(family, CAPABILITY);
        Map<String, Integer> threads = new TreeMap<>();
        Matcher entry = ENTRY.matcher(ptx);
        while (entry.find()) {
          // those that say nothing are launched by CudaLaunch.each
          threads.put(
              entry.group(1), entry.group(2) == null ? 256 : Integer.parseInt(entry.group(2)));
        }
        for (PtxCompiler.Resources r : PtxCompiler.compile(ptx, CAPABILITY)) {
          all.put(r.kernel(), new Kernel(r, threads.get(r.kernel())));
        }
      }
    }
    return all;
  }

  /** Work: bytes that memory must move at least, operations and how many a second, exponentials. */
  private record Work(
      String what, String kernel, double bytes, double operations, double rate, double exps) {
    double seconds(double bandwidth) {
      return Math.max(bytes / bandwidth, Math.max(operations / rate, exps / EXPONENTIALS));
    }

    String bound(double bandwidth) {
      double time = seconds(bandwidth);
      return time == bytes / bandwidth
          ? "memory"
          : time == operations / rate ? "products" : "exponentials";
    }
  }

  private static Work moves(String what, String kernel, double numbers, double bytesEach) {
    return new Work(what, kernel, numbers * bytesEach, numbers, FLOAT, 0);
  }

  /**
   * Attention of pictures · heads: of activations in F16, and gradients, which are packed first.
   */
  private static List<Work> attention(
      String name, double heads, double queries, double keys, int dim, boolean backward) {
    boolean wide = dim > 80;
    double width = wide ? Math.ceil(dim / 64.0) * 64 : dim <= 48 ? 48 : dim <= 64 ? 64 : 80;
    String depth = wide ? "wide" : String.valueOf((int) width);
    double pairs = heads * queries * keys;
    double tokens = heads * (queries + 2 * keys);
    double slices = wide ? Math.ceil(width / 192) : 1;
    double halves = wide ? Math.ceil(width / 128) : 1;
    List<Work> all = new ArrayList<>();
    if (backward) {
      double bytes = tokens * (4.0 * dim + 2 * width);
      all.add(new Work(name + ": packing F32 q, k, v", "pack16_rows", bytes, 0, 1, 0));
    }
    all.add(
        new Work(
            name,
            "attention_f16_forward_" + depth,
            (tokens + heads * queries) * 2.0 * dim,
            2 * pairs * width * (slices + 1),
            MMA,
            pairs * slices));
    if (backward) {
      double read = (tokens + heads * queries) * 2 * width;
      all.add(
          new Work(
              name + ", gradient of q",
              "attention_f16_backward_queries_" + depth,
              read + heads * queries * 4.0 * dim,
              2 * pairs * width * (2 * halves + 1),
              MMA,
              pairs * halves));
      all.add(
          new Work(
              name + ", gradients of k and v",
              "attention_f16_backward_keys_" + depth,
              read + 2 * heads * keys * 4.0 * dim,
              2 * pairs * width * (2 * halves + 2),
              MMA,
              pairs * halves));
    }
    return all;
  }

  private static List<Work> works() {
    List<Work> all = new ArrayList<>();
    all.addAll(attention("self 4096 x 40, 2 x 8 heads", 16, 4096, 4096, 40, true));
    all.addAll(attention("self 4096 x 64, 2 x 5 heads", 10, 4096, 4096, 64, true));
    all.addAll(attention("self 1024 x 80, 2 x 8 heads", 16, 1024, 1024, 80, true));
    all.addAll(attention("self 256 x 160, 2 x 8 heads", 16, 256, 256, 160, true));
    all.addAll(attention("cross 4096 to 77 x 40, 2 x 8 heads", 16, 4096, 77, 40, false));
    all.addAll(attention("autoencoder 4096 x 512, 1 head", 1, 4096, 4096, 512, false));
    double map = 2 * 64 * 64 * 320.0;
    all.add(moves("group norm 2 x 64 x 64 x 320: sums", "ops_f16_norm_row_statistics", map, 2));
    all.add(moves("group norm 2 x 64 x 64 x 320 + SiLU", "ops_f16_norm_apply", map, 4));
    all.add(moves("the same, F32", "norm_apply", map, 8));
    all.add(moves("layer norm 8192 x 320", "ops_f16_norm_rows", map, 4));
    double gated = 8192 * 1280.0;
    all.add(moves("GEGLU 8192 x 2560 to 1280", "ops_f16_pointwise_geglu", gated, 6));
    all.add(moves("the same, F32", "pointwise_geglu", gated, 12));
    all.add(moves("sum of two maps 2 x 64 x 64 x 320", "ops_f16_pointwise_binary_flat", map, 6));
    all.add(moves("the same, F32", "pointwise_binary_flat", map, 12));
    all.add(moves("bias after a product or convolution", "ops_f16_conv_finish", map, 4));
    all.add(moves("nearest 2 x 32 x 32 x 640, twice", "ops_f16_resample_gather", 2 * map, 2.5));
    all.add(moves("16 bits from a map 2 x 64 x 64 x 320", "pack16_flat", map, 6));
    all.add(moves("F32 after a convolution of 16 bits", "conv_finish", map, 6));
    all.add(moves("AdamW, 860 million numbers", "optimizer_adam_w", 860e6, 28));
    all.add(
        new Work(
            "convolution 3 x 3, 2 x 64 x 64 x 320 to 320, F16",
            "cuDNN",
            map * 4 + 9 * 320 * 320 * 2,
            2 * 9 * 320 * map,
            TENSOR,
            0));
    all.add(
        new Work(
            "the same, F32", "cuDNN", map * 8 + 9 * 320 * 320 * 4, 2 * 9 * 320 * map, FLOAT, 0));
    all.add(
        new Work(
            "product 8192 x 320 by 320 x 2560, F16",
            "cuBLAS",
            map * 2 + 320 * 2560 * 2 + 8192 * 2560 * 2.0,
            2 * map * 2560,
            TENSOR,
            0));
    return all;
  }

  private static String text(Map<String, Kernel> kernels) {
    StringBuilder to = new StringBuilder();
    to.append(
        """
        # Roofline

        Computed, not measured: `RooflineTest` makes this file from the resource report of NVIDIA's compiler for sm_90 and from sizes, and fails
        when it is stale (`mvn -pl kernels test -Dtest=RooflineTest -Dviridian.roofline.write=true` writes it).

        A time is the longest of three: bytes that must come from or go to memory (each number once: tiles that are read again come from the
        second-level cache) at 3.35 TB/s (H100 SXM) or 4.8 TB/s (H200); operations at 613 TFLOP/s for our `mma.sync` (62% of the 989 that `wgmma`
        has on Hopper), 989 for cuBLAS and cuDNN with 16 bits, 67 for F32; exponentials at 16 a clock of each of 132 multiprocessors at 1.755 GHz.
        Nothing is faster than that; a good kernel of these kinds takes 1.2 times (memory) to twice (attention) as long, and a launch at least
        2 to 3 µs. Operations include the zeros that heads are padded with, and scores that are computed for each slice of wide heads.

        ## Works of a step, 512 x 512, batch 2

        | work | kernel | MB | GFLOP | µs H100 | µs H200 | bound by | occupancy |
        |---|---|---:|---:|---:|---:|---|---:|
        """);
    for (Work w : works()) {
      Kernel kernel = kernels.get(w.kernel);
      if (kernel == null && !w.kernel.startsWith("cu")) {
        throw new IllegalStateException("there is no kernel " + w.kernel);
      }
      to.append(
          String.format(
              Locale.ROOT,
              "| %s | %s | %.1f | %.2f | %.1f | %.1f | %s | %s |%n",
              w.what,
              kernel == null ? w.kernel : "`" + w.kernel + "`",
              w.bytes / 1e6,
              w.operations / 1e9,
              1e6 * w.seconds(BANDWIDTH_H100),
              1e6 * w.seconds(BANDWIDTH_H200),
              w.bound(BANDWIDTH_H100),
              kernel == null ? "" : kernel.occupancy() + "%"));
    }
    to.append(
        """

        ## Every kernel on sm_90

        Registers of a thread, bytes of shared memory of a block, blocks that a multiprocessor has room for, and how many of its 64 warps they are.
        No kernel spills (`PtxTest`).

        | kernel | threads | registers | shared | blocks | occupancy |
        |---|---:|---:|---:|---:|---:|
        """);
    kernels.forEach(
        (name, k) ->
            to.append(
                String.format(
                    Locale.ROOT,
                    "| `%s` | %d | %d | %d | %d | %d%% |%n",
                    name,
                    k.threads,
                    k.needs.registers(),
                    k.needs.shared(),
                    k.blocks(),
                    k.occupancy())));
    return to.toString();
  }

  @Test
  void isWhatTheSourcesGive() throws IOException {
    String os = System.getProperty("os.name") + " " + System.getProperty("os.arch");
    Assumptions.assumeTrue(os.equals("Linux amd64"), "NVIDIA's compiler is here for Linux alone");
    Path file = MODULE.resolve("docs/roofline.md");
    String made = text(kernels());
    if (Boolean.getBoolean("viridian.roofline.write")) {
      Files.writeString(file, made, StandardCharsets.UTF_8);
    }
    assertEquals(
        made,
        Files.readString(file, StandardCharsets.UTF_8),
        "kernels were changed: write it with -Dviridian.roofline.write=true");
  }
}
