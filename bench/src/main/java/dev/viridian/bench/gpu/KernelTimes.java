package dev.viridian.bench.gpu;

import dev.viridian.bench.work.Noise;
import dev.viridian.engine.Device;
import dev.viridian.engine.Shape;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.ops.Attention;
import dev.viridian.engine.ops.Conv2d;
import dev.viridian.engine.ops.GroupNorm;
import dev.viridian.engine.ops.Linear;
import dev.viridian.engine.ops.MatMul;
import dev.viridian.engine.ops.Sobel;
import dev.viridian.kernels.Activation;
import dev.viridian.kernels.CopyKernels;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.ImageKernels;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** Single kernels on the shapes of SD1.5, with their rates, beside cuBLAS and plain copies. */
final class KernelTimes {
  private static final int HEADS = 8;

  private final Device device;
  private final Sizes sizes;
  private final Clock clock;
  private final List<Map<String, Object>> rows = new ArrayList<>();

  private KernelTimes(Device device, Sizes sizes, Clock clock) {
    this.device = device;
    this.sizes = sizes;
    this.clock = clock;
  }

  /** Times all. */
  static Map<String, Object> run(Device device, Sizes sizes) {
    KernelTimes times = new KernelTimes(device, sizes, new Clock(device, sizes.repeat()));
    times.attention(sizes.tokens(), sizes.tokens(), 40);
    times.attention(sizes.tokens(), sizes.tokens(), 64);
    times.attention(sizes.tokens() / 4, sizes.tokens() / 4, 80);
    times.attention(sizes.tokens(), 77, 40);
    times.copies();
    times.groupNorm();
    times.convolution();
    times.product();
    times.sobel();
    times.kMeans();
    return Map.of("rows", times.rows);
  }

  @SuppressWarnings("try") // the scope closes what a call makes
  private void add(String name, double flops, double bytes, Supplier<Object> call) {
    Map<String, Object> seconds =
        clock.time(
            () -> {
              try (MemoryScope scope = MemoryScope.open()) {
                call.get();
              }
            });
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("name", name);
    row.put("seconds", seconds);
    double median = (double) seconds.get("median");
    if (flops > 0) {
      row.put("tflops", flops / median / 1e12);
    }
    if (bytes > 0) {
      row.put("gb_per_s", bytes / median / 1e9);
    }
    rows.add(row);
  }

  private Tensor noise(long... shape) {
    return Noise.of(device, Shape.of(shape));
  }

  private void attention(int queries, int keys, int width) {
    String shape = queries + "x" + keys + "x" + width + ", 8 heads, batch 2";
    double flops = 2.0 * HEADS * 4 * queries * keys * width;
    DType type = device.activations();
    try (Tensor q = noise(type, 2, queries, (long) HEADS * width);
        Tensor k = noise(type, 2, keys, (long) HEADS * width);
        Tensor v = noise(type, 2, keys, (long) HEADS * width)) {
      add("attention " + shape, flops, 0, () -> Attention.of(q, k, v, HEADS));
    }
    try (Tensor q = noise(2L * HEADS, queries, width);
        Tensor k = noise(2L * HEADS, width, keys);
        Tensor v = noise(2L * HEADS, keys, width)) {
      add("its two products alone by cuBLAS", flops, 0, () -> MatMul.of(MatMul.of(q, k), v));
    }
  }

  /** What memory does at best: a copy of the map that is normalised below. */
  private void copies() {
    int side = side();
    try (Tensor x = noise(2, side, side, sizes.channels());
        Tensor y = Tensor.empty(device, x.spec())) {
      add("copy of a map", 0, 2.0 * x.spec().bytes(), () -> copy(x, y));
    }
  }

  private static Object copy(Tensor x, Tensor y) {
    Tensors.copy(x, y);
    return y;
  }

  private int side() {
    return (int) Math.sqrt(sizes.tokens());
  }

  private void groupNorm() {
    int side = side();
    int channels = sizes.channels();
    try (Tensor x = noise(device.activations(), 2, side, side, channels);
        Tensor gamma = noise(channels);
        Tensor beta = noise(channels)) {
      add(
          "group norm + SiLU 2x" + side + "x" + side + "x" + channels,
          0,
          2.0 * x.spec().bytes(), // read and written once: reading it twice is the kernel's loss
          () -> GroupNorm.of(x, gamma, beta, 32, 1e-5f, Activation.SILU));
    }
  }

  /** Of a type that a model's weights or its activations have. */
  private Tensor noise(DType type, long... shape) {
    Tensor wide = noise(shape);
    if (type == DType.F32) {
      return wide;
    }
    try (wide) {
      Tensor narrow = Tensor.empty(device, new TensorSpec(wide.shape(), type));
      device
          .kernels()
          .copy()
          .copy(
              new CopyKernels.Copy(
                  List.of(wide.elements()), DType.F32, 0, List.of(1L), type, 0, List.of(1L)),
              wide.buffer(),
              narrow.buffer());
      return narrow;
    }
  }

  /** What goes with weights of a type: the same, where the device has such activations. */
  private DType activations(DType weights) {
    return weights == device.activations() ? weights : DType.F32;
  }

  private void convolution() {
    int side = side();
    int c = sizes.channels();
    for (DType type : List.of(DType.F32, DType.F16)) {
      try (Tensor x = noise(activations(type), 2, side, side, c);
          Tensor w = noise(type, c, 3, 3, c)) {
        add(
            "convolution 3x3 2x" + side + "x" + side + "x" + c + ", weights " + type,
            2.0 * 2 * side * side * 9 * c * c,
            0,
            () -> Conv2d.of(x, w, null, 1, 1));
      }
    }
  }

  private void product() {
    int n = sizes.channels();
    for (DType type : List.of(DType.F32, DType.F16)) {
      try (Tensor x = noise(activations(type), 2L * sizes.tokens(), n);
          Tensor w = noise(type, 8L * n, n)) {
        add(
            "product " + 2 * sizes.tokens() + "x" + n + "x" + 8 * n + ", weights " + type,
            2.0 * 2 * sizes.tokens() * n * 8 * n,
            0,
            () -> Linear.of(x, w, null));
      }
    }
  }

  private void sobel() {
    int side = sizes.side();
    try (Tensor x = noise(1, side, side, 3)) {
      add(
          "Sobel " + side + "x" + side + "x3",
          0,
          3.0 * x.spec().bytes(),
          () -> Sobel.of(x, ImageKernels.Border.REFLECT));
    }
  }

  private void kMeans() {
    int n = sizes.points();
    int k = 8;
    try (Tensor points = noise(n, 3);
        Tensor centres = noise(k, 3);
        Tensor assignment = Tensors.of(device, new int[n], n);
        Tensor counts = Tensors.of(device, new long[k], k)) {
      add(
          "K-Means step of " + n + " points, 8 centres",
          0,
          (double) points.spec().bytes(),
          () ->
              device
                  .kernels()
                  .image()
                  .kMeansStep(
                      n,
                      3,
                      k,
                      points.buffer(),
                      centres.buffer(),
                      assignment.buffer(),
                      counts.buffer()));
    }
  }
}
