package dev.viridian.engine.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.viridian.engine.Device;
import dev.viridian.engine.Layout;
import dev.viridian.engine.Shape;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.autograd.Gradients;
import dev.viridian.engine.autograd.Op;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.kernels.CopyKernels;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.cpu.CpuOptions;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Drives every op: against the plain loops, against finite differences, on strided views, on 1 to 3
 * threads, with inputs that it must refuse, and for leaks.
 */
class OpCatalogueTest {
  static final Device REFERENCE = Device.cpu(CpuOptions.reference(1));
  private static final List<Device> THREADS =
      List.of(
          Device.cpu(new CpuOptions(1, Map.of())),
          Device.cpu(new CpuOptions(2, Map.of())),
          Device.cpu(new CpuOptions(3, Map.of())));

  /** Every row: one list a family. */
  static List<OpRow> rows() {
    List<OpRow> rows = new ArrayList<>();
    rows.addAll(MatrixRows.rows());
    rows.addAll(ElementwiseRows.rows());
    rows.addAll(NormRows.rows());
    rows.addAll(ReduceRows.rows());
    rows.addAll(LossRows.rows());
    rows.addAll(ResampleRows.rows());
    rows.addAll(ShapeRows.rows());
    return rows;
  }

  private static final long SEED = Long.getLong("viridian.seed", 1);

  /** Outputs and gradients of one application. */
  record Result(List<float[]> outputs, List<float[]> gradients) {}

  @TestFactory
  Stream<DynamicTest> accepted() {
    return rows().stream()
        .flatMap(
            row ->
                row.samples().stream()
                    .map(
                        s ->
                            dynamicTest(
                                row.op().getSimpleName() + ": " + s.name(), () -> check(row, s))));
  }

  @TestFactory
  Stream<DynamicTest> refused() {
    return rows().stream()
        .flatMap(
            row ->
                row.refused().stream()
                    .map(
                        s ->
                            dynamicTest(
                                row.op().getSimpleName() + " refuses " + s.name(),
                                () -> refuses(row, s))));
  }

  @Test
  void everyOpHasARow() throws IOException, URISyntaxException {
    TreeSet<String> without = new TreeSet<>();
    Path classes =
        Path.of(Linear.class.getProtectionDomain().getCodeSource().getLocation().toURI())
            .resolve(Linear.class.getPackageName().replace('.', '/'));
    try (Stream<Path> files = Files.list(classes)) {
      for (Path file : files.toList()) {
        String name = file.getFileName().toString();
        if (!name.endsWith(".class") || name.startsWith("package-info")) {
          continue;
        }
        Class<?> type;
        try {
          type =
              Class.forName(Linear.class.getPackageName() + "." + name.replaceAll("\\.class$", ""));
        } catch (ClassNotFoundException e) {
          throw new IllegalStateException(e);
        }
        if (Op.class.isAssignableFrom(type) && !type.isInterface()) {
          without.add(type.getSimpleName());
        }
      }
    }
    assertFalse(without.isEmpty());
    rows().forEach(row -> without.remove(row.op().getSimpleName()));
    assertEquals(new TreeSet<String>(), without, "ops without a row in the catalogue");
  }

  private static void refuses(OpRow row, OpRow.Sample sample) {
    long before = REFERENCE.allocator().usage().used();
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor[] inputs = inputs(REFERENCE, sample, false, scope);
      ShapeException e =
          assertThrows(ShapeException.class, () -> sample.apply().apply(inputs), sample.name());
      assertTrue(e.getMessage().contains(row.op().getSimpleName()), e.getMessage());
    }
    assertEquals(before, REFERENCE.allocator().usage().used(), "bytes still in use");
  }

  private static void check(OpRow row, OpRow.Sample sample) {
    Result plain = run(REFERENCE, sample, false);
    finiteDifferences(sample, plain);
    Result strided = run(REFERENCE, sample, true);
    compare("strided", row.tolerance(), plain, strided);
    Result one = run(THREADS.getFirst(), sample, false);
    compare("chosen kernels", row.tolerance(), plain, one);
    for (Device device : THREADS) {
      Result again = run(device, sample, false);
      for (int i = 0; i < one.outputs.size(); i++) {
        assertArrayEquals(one.outputs.get(i), again.outputs.get(i), "threads, output " + i);
      }
      for (int i = 0; i < one.gradients.size(); i++) {
        assertArrayEquals(one.gradients.get(i), again.gradients.get(i), "threads, gradient " + i);
      }
    }
  }

  private static float[] values(OpRow.In in, int number) {
    Random random = new Random(SEED * 31 + number);
    float[] values = new float[Math.toIntExact(Shape.of(in.shape()).elements())];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (in.low() + (in.high() - in.low()) * random.nextDouble());
    }
    return values;
  }

  private static Tensor tensor(Device device, OpRow.In in, float[] values) {
    switch (in.dtype()) {
      case F32 -> {
        return Tensors.of(device, values, in.shape());
      }
      case I64 -> {
        long[] whole = new long[values.length];
        for (int i = 0; i < whole.length; i++) {
          whole[i] = (long) Math.floor(values[i]);
        }
        return Tensors.of(device, whole, in.shape());
      }
      case I32 -> {
        int[] whole = new int[values.length];
        for (int i = 0; i < whole.length; i++) {
          whole[i] = (int) Math.floor(values[i]);
        }
        return Tensors.of(device, whole, in.shape());
      }
      case F16, BF16 -> {
        Tensor f32 = Tensors.of(device, values, in.shape());
        Tensor half = Tensor.empty(device, new TensorSpec(f32.shape(), in.dtype()));
        CopyKernels.Copy copy =
            new CopyKernels.Copy(
                f32.shape().toList(),
                DType.F32,
                0,
                f32.shape().stridesList(),
                in.dtype(),
                0,
                f32.shape().stridesList());
        device.kernels().copy().copy(copy, f32.buffer(), half.buffer());
        return half;
      }
      default -> throw new IllegalArgumentException("input of type " + in.dtype());
    }
  }

  static Tensor[] inputs(Device device, OpRow.Sample sample, boolean strided, MemoryScope scope) {
    Tensor[] inputs = new Tensor[sample.inputs().length];
    for (int i = 0; i < inputs.length; i++) {
      OpRow.In in = sample.inputs()[i];
      Tensor t = tensor(device, in, values(in, i));
      inputs[i] = strided ? spread(t) : t;
      inputs[i].named("input " + i);
      if (in.differentiable()) {
        inputs[i].requireGradient(true);
      }
    }
    return inputs;
  }

  /** The same numbers with the dimensions in reverse order in memory and gaps between them. */
  private static Tensor spread(Tensor t) {
    int rank = t.shape().rank();
    if (rank == 0 || t.elements() == 0) {
      return t;
    }
    long[] strides = new long[rank];
    long step = 2;
    for (int i = 0; i < rank; i++) {
      strides[i] = step;
      step *= t.shape().dim(i);
    }
    Tensor memory = Tensor.empty(t.device(), new TensorSpec(Shape.of(step + 3), t.dtype()));
    Layout layout = new Layout(t.shape(), strides, 3);
    CopyKernels.Copy copy =
        new CopyKernels.Copy(
            t.shape().toList(),
            t.dtype(),
            0,
            t.shape().stridesList(),
            t.dtype(),
            3,
            layout.strideList());
    t.device().kernels().copy().copy(copy, t.buffer(), memory.buffer());
    return memory.view(layout);
  }

  static Result run(Device device, OpRow.Sample sample, boolean strided) {
    long before = device.allocator().usage().used();
    List<float[]> outputs = new ArrayList<>();
    List<float[]> gradients = new ArrayList<>();
    try (MemoryScope scope = MemoryScope.open();
        Tape tape = Tape.open()) {
      Tensor[] in = inputs(device, sample, strided, scope);
      List<Tensor> out = sample.apply().apply(in);
      List<Tensor> reached = new ArrayList<>();
      List<Tensor> arriving = new ArrayList<>();
      for (int i = 0; i < out.size(); i++) {
        if (out.get(i).dtype() == DType.F32) {
          outputs.add(out.get(i).toFloats());
          reached.add(out.get(i));
          arriving.add(weights(device, out.get(i).shape(), i));
        }
      }
      try (Gradients all = tape.gradients(reached, arriving)) {
        for (int i = 0; i < in.length; i++) {
          if (sample.inputs()[i].differentiable()) {
            Tensor g = all.get(in[i]);
            gradients.add(g == null ? new float[(int) in[i].elements()] : g.toFloats());
          }
        }
      }
    }
    assertEquals(before, device.allocator().usage().used(), "bytes still in use");
    return new Result(outputs, gradients);
  }

  /** The random projection: what output {@code number} is multiplied with. */
  private static Tensor weights(Device device, Shape shape, int number) {
    return Tensors.of(device, values(OpRow.In.of(shape.sizes()), 1000 + number), shape.sizes());
  }

  private static void finiteDifferences(OpRow.Sample sample, Result plain) {
    int index = 0;
    for (int i = 0; i < sample.inputs().length; i++) {
      if (!sample.inputs()[i].differentiable()) {
        continue;
      }
      float[] gradient = plain.gradients.get(index++);
      if (gradient.length == 0) {
        continue;
      }
      float[] direction = values(OpRow.In.of(gradient.length), 2000 + i);
      double expected = 0;
      double norm = 0;
      for (int j = 0; j < gradient.length; j++) {
        expected += (double) gradient[j] * direction[j];
        norm += (double) gradient[j] * gradient[j];
      }
      double step = 1e-3 * (sample.inputs()[i].high() - sample.inputs()[i].low());
      double measured =
          (projected(sample, i, direction, step) - projected(sample, i, direction, -step))
              / (2 * step);
      double scale = Math.sqrt(norm) + Math.abs(expected) + 1e-2;
      assertEquals(expected, measured, 2e-2 * scale, "gradient of input " + i);
    }
  }

  private static double projected(OpRow.Sample sample, int moved, float[] direction, double by) {
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor[] in = new Tensor[sample.inputs().length];
      for (int i = 0; i < in.length; i++) {
        float[] values = values(sample.inputs()[i], i);
        if (i == moved) {
          for (int j = 0; j < values.length; j++) {
            values[j] = (float) (values[j] + by * direction[j]);
          }
        }
        in[i] = tensor(REFERENCE, sample.inputs()[i], values);
      }
      List<Tensor> out = sample.apply().apply(in);
      out.forEach(scope::keep);
      double sum = 0;
      for (int o = 0; o < out.size(); o++) {
        if (out.get(o).dtype() == DType.F32) {
          float[] y = out.get(o).toFloats();
          float[] w = values(OpRow.In.of(out.get(o).shape().sizes()), 1000 + o);
          for (int j = 0; j < y.length; j++) {
            sum += (double) y[j] * w[j];
          }
        }
        out.get(o).close();
      }
      return sum;
    }
  }

  static void compare(String what, double tolerance, Result expected, Result actual) {
    compare(what + ", output", tolerance, expected.outputs, actual.outputs);
    compare(what + ", gradient", tolerance, expected.gradients, actual.gradients);
  }

  private static void compare(
      String what, double tolerance, List<float[]> expected, List<float[]> actual) {
    assertEquals(expected.size(), actual.size(), what);
    for (int i = 0; i < expected.size(); i++) {
      float[] e = expected.get(i);
      float[] a = actual.get(i);
      float largest = 1e-3f;
      for (float v : e) {
        largest = Math.max(largest, Math.abs(v));
      }
      for (int j = 0; j < e.length; j++) {
        assertEquals(e[j], a[j], tolerance * largest, what + " " + i + " at " + j);
      }
    }
  }
}
