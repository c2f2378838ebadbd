package dev.viridian.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.AttentionKernels.Inputs;
import dev.viridian.kernels.AttentionKernels.Results;
import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.AttentionProblem.Strides;
import dev.viridian.kernels.BroadcastProblem;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.GemmProblem;
import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.NormKernels;
import dev.viridian.kernels.NormKernels.Forward;
import dev.viridian.kernels.NormKernels.Running;
import dev.viridian.kernels.PointwiseKernels.Binary;
import dev.viridian.kernels.PointwiseKernels.Unary;
import dev.viridian.kernels.ResampleKernels;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Activations of 16 bits against the plain loops in F32 on the same numbers: results differ by what
 * rounding them brings.
 */
class CudaActivationsTest extends CudaFamilyTest {
  private DType type;
  private CudaKernels wide;
  private Kernels narrow;

  @EnumSource(
      value = DType.class,
      names = {"F16", "BF16"})
  @Retention(RetentionPolicy.RUNTIME)
  @ParameterizedTest
  private @interface OfBothTypes {}

  private void use(DType wanted) {
    type = wanted;
    wide = new CudaKernels(device, allocator, type);
    narrow = wide.of(type);
    assertEquals(type, wide.activations());
    assertEquals(type, narrow.activations());
  }

  @AfterEach
  @Override
  void close() {
    if (wide != null) {
      wide.close();
    }
    super.close();
  }

  /** Half a unit of the type, and a little for what is computed in another order. */
  private double tolerance(int roundings) {
    return roundings * (type == DType.F16 ? 5.5e-4 : 4.4e-3);
  }

  /** An argument; activations are F32 for the plain loops and of the type on the device. */
  private record Argument(Numbers numbers, boolean activation) {}

  private Argument own(Numbers numbers) {
    return new Argument(numbers, false);
  }

  private Argument activations(long count) {
    return new Argument(rounded(type, normal(count)), true);
  }

  private Argument result(long count) {
    return new Argument(rounded(type, unwritten(count)), true);
  }

  private Numbers narrowed(Numbers from) {
    Numbers to = empty(type, from.count());
    for (long i = 0; i < from.count(); i++) {
      float value = from.f32(i);
      short bits =
          type == DType.F16
              ? Float.floatToFloat16(value)
              : (short) (Float.floatToIntBits(value) >>> 16);
      to.memory().set(ValueLayout.JAVA_SHORT_UNALIGNED, 2 * i, bits);
    }
    return to;
  }

  private Numbers widened(Numbers from) {
    return floats(
        from.count(),
        i -> {
          short bits = from.memory().get(ValueLayout.JAVA_SHORT_UNALIGNED, 2 * i);
          return type == DType.F16 ? Float.float16ToFloat(bits) : Float.intBitsToFloat(bits << 16);
        });
  }

  /** Twice: with all blocks aligned, and with all beginning somewhere. */
  private void agree(String what, Call call, Argument... arguments) {
    agree(what, 1, call, arguments);
  }

  private void agree(String what, int roundings, Call call, Argument... arguments) {
    for (boolean aligned : new boolean[] {true, false}) {
      agree(what + (aligned ? "" : ", not aligned"), roundings, aligned, call, arguments);
    }
  }

  private void agree(
      String what, int roundings, boolean aligned, Call call, Argument... arguments) {
    int count = arguments.length;
    Numbers[] expected = new Numbers[count];
    Numbers[] sent = new Numbers[count];
    Buffer[] host = new Buffer[count];
    Buffer[] blocks = new Buffer[count];
    Buffer[] own = new Buffer[count];
    for (int i = 0; i < count; i++) {
      expected[i] = arguments[i].numbers.copy();
      host[i] = new HostBuffer(expected[i].memory());
      Numbers given = arguments[i].numbers;
      sent[i] = arguments[i].activation ? narrowed(given) : given;
      long bytes = sent[i].memory().byteSize();
      long offset = aligned ? 0 : (1 + random.nextInt(5)) * (long) sent[i].type().bytes();
      blocks[i] = allocator.allocate(bytes + offset);
      own[i] = blocks[i].slice(offset, bytes);
      device.upload(sent[i].memory(), own[i]);
    }
    try {
      call.run(REFERENCE, host);
      call.run(narrow, own);
      for (int i = 0; i < count; i++) {
        Numbers actual = empty(sent[i].type(), sent[i].count());
        device.download(own[i], actual.memory());
        boolean activation = arguments[i].activation;
        compare(
            type + " " + what + ", argument " + i,
            tolerance(roundings),
            expected[i],
            activation ? widened(actual) : actual);
      }
    } finally {
      for (Buffer block : blocks) {
        allocator.release(block);
      }
    }
  }

  @OfBothTypes
  void elementByElement(DType of) {
    use(of);
    for (long n : new long[] {1, 8, 1003}) {
      for (Unary f : List.of(Unary.SILU, Unary.GELU, Unary.QUICK_GELU, Unary.TANH)) {
        agree(
            f + " " + n,
            (k, b) -> k.pointwise().unary(f, n, 0, 0, b[0], b[1]),
            activations(n),
            result(n));
      }
      BroadcastProblem flat = new BroadcastProblem(List.of(n), List.of(1L), List.of(1L));
      for (Binary f : List.of(Binary.ADD, Binary.MUL)) {
        agree(
            f + " " + n,
            (k, b) -> k.pointwise().binary(f, flat, b[0], b[1], b[2]),
            activations(n),
            activations(n),
            result(n));
      }
    }
    BroadcastProblem rows =
        new BroadcastProblem(List.of(5L, 3L, 7L), List.of(21L, 7L, 1L), List.of(0L, 0L, 1L));
    agree(
        "a row repeated",
        (k, b) -> k.pointwise().binary(Binary.SUB, rows, b[0], b[1], b[2]),
        activations(105),
        activations(7),
        result(105));
    sums();
    for (int cols : new int[] {8, 7, 48}) {
      agree(
          "GEGLU " + cols,
          (k, b) -> k.pointwise().geglu(5, cols, b[0], b[1]),
          activations(10L * cols),
          result(5L * cols));
    }
  }

  /** What the plain loops do in two steps. */
  private void sums() {
    for (int cols : new int[] {5, 16}) {
      for (DType bias : List.of(DType.F32, type)) {
        BroadcastProblem flat = new BroadcastProblem(List.of(6L * cols), List.of(1L), List.of(1L));
        Numbers plain = normal(bias, cols);
        agree(
            "x + bias + residual",
            (k, b) -> {
              if (k != REFERENCE) {
                k.pointwise().addBias(6, cols, bias, b[0], b[1], b[2], b[3]);
                return;
              }
              Buffer wide = wide(plain, 6);
              k.pointwise().binary(Binary.ADD, flat, b[0], wide, b[3]);
              k.pointwise().binary(Binary.ADD, flat, b[3], b[2], b[3]);
            },
            activations(6L * cols),
            own(plain),
            activations(6L * cols),
            result(6L * cols));
        Numbers both = normal(bias, 2L * cols);
        BroadcastProblem twice =
            new BroadcastProblem(List.of(12L * cols), List.of(1L), List.of(1L));
        agree(
            "GEGLU of x + bias",
            (k, b) -> {
              if (k != REFERENCE) {
                k.pointwise().geglu(6, cols, bias, b[1], b[0], b[2]);
                return;
              }
              Buffer sum = new HostBuffer(empty(DType.F32, 12L * cols).memory());
              k.pointwise().binary(Binary.ADD, twice, b[0], wide(both, 6), sum);
              k.pointwise().geglu(6, cols, sum, b[2]);
            },
            activations(12L * cols),
            own(both),
            result(6L * cols));
      }
    }
  }

  /** A row of any type, so many times, in F32. */
  private Buffer wide(Numbers row, int times) {
    Numbers once = row.type() == DType.F32 ? row : widened(row);
    return new HostBuffer(floats(times * row.count(), i -> once.f32(i % row.count())).memory());
  }

  @OfBothTypes
  void norms(DType of) {
    use(of);
    int[][] maps = {
      {2, 35, 64, 8}, {1, 49, 40, 4}, {2, 6, 6, 2}, {1, 300, 96, 3}, {0, 5, 8, 2}, {1, 21, 2560, 32}
    };
    for (int[] s : maps) {
      for (Activation activation : List.of(Activation.NONE, Activation.SILU)) {
        DType parameters = s[2] == 96 ? DType.F32 : type;
        NormKernels.GroupNorm p =
            new NormKernels.GroupNorm(s[0], s[1], s[2], s[3], 1e-5f, parameters, activation);
        long n = (long) s[0] * s[1] * s[2];
        agree(
            p.toString(),
            (k, b) -> k.norm().groupNorm(p, new Forward(b[0], b[1], b[2], b[3], b[4], b[5])),
            activations(n),
            own(normal(parameters, s[2])),
            own(normal(parameters, s[2])),
            result(n),
            own(unwritten((long) s[0] * s[3])),
            own(unwritten((long) s[0] * s[3])));
      }
    }
    for (int cols : new int[] {1, 7, 40, 320, 1000}) {
      NormKernels.LayerNorm p = new NormKernels.LayerNorm(11, cols, 1e-5f, type);
      agree(
          p.toString(),
          (k, b) -> k.norm().layerNorm(p, new Forward(b[0], b[1], b[2], b[3])),
          activations(11L * cols),
          own(normal(type, cols)),
          own(normal(type, cols)),
          result(11L * cols));
    }
    NormKernels.BatchNorm stored = new NormKernels.BatchNorm(33, 24, 1e-5f, 0.1f);
    agree(
        stored.toString(),
        (k, b) ->
            k.norm()
                .batchNormInference(
                    stored, new Forward(b[0], b[1], b[2], b[5]), new Running(b[3], b[4])),
        activations(33 * 24),
        own(normal(24)),
        own(normal(24)),
        own(normal(24)),
        own(uniform(24, 0.5, 2)),
        result(33 * 24));
  }

  @OfBothTypes
  void softmaxAndResizes(DType of) {
    use(of);
    for (int cols : new int[] {1, 77, 1500}) {
      agree(
          "softmax " + cols,
          (k, b) -> k.softmax().softmax(9, cols, b[0], b[1]),
          activations(9L * cols),
          result(9L * cols));
    }
    for (ResampleKernels.Mode mode : ResampleKernels.Mode.values()) {
      for (int channels : new int[] {3, 16}) {
        ResampleKernels.Resize p =
            new ResampleKernels.Resize(2, 5, 7, channels, 10, 14, mode, 0.5, 0.5, false, false);
        agree(
            p.toString(),
            (k, b) -> k.resample().resize(p, b[0], b[1]),
            activations(2L * 5 * 7 * channels),
            result(2L * 10 * 14 * channels));
      }
    }
  }

  @OfBothTypes
  void products(DType of) {
    use(of);
    int[][] sizes = {{1, 1, 1}, {9, 24, 40}, {7, 5, 13}, {4, 3, 0}};
    for (int[] s : sizes) {
      for (Activation activation : List.of(Activation.NONE, Activation.GELU)) {
        DType bias = s[0] == 7 ? DType.F32 : type;
        GemmProblem plain =
            GemmProblem.of(s[0], s[1], s[2], false, true).epilogue(true, bias, activation);
        agree(
            plain.toString(),
            2, // the product, then with its bias
            (k, b) -> k.gemm().gemm(plain.types(k.activations(), type), b[0], b[1], b[2], b[3]),
            activations((long) s[0] * s[2]),
            own(rounded(type, normal(type, (long) s[1] * s[2]))),
            own(normal(bias, s[1])),
            result((long) s[0] * s[1]));
      }
    }
    GemmProblem apart =
        GemmProblem.of(3, 5, 4, false, false)
            .leading(6, 7, 9)
            .batched(2, 20, 0, 30)
            .epilogue(true, DType.F32, Activation.SILU);
    agree(
        apart.toString(),
        2,
        (k, b) -> k.gemm().gemm(apart.types(k.activations(), type), b[0], b[1], b[2], b[3]),
        activations(40),
        own(rounded(type, normal(type, 28))),
        own(normal(5)),
        result(60));
  }

  @OfBothTypes
  void convolutions(DType of) {
    use(of);
    List<ConvProblem> all =
        List.of(
            ConvProblem.of(2, 7, 6, 16, 24, 3, 1, 1),
            ConvProblem.of(1, 5, 8, 3, 5, 3, 2, 1),
            ConvProblem.of(1, 4, 4, 12, 6, 1, 1, 0),
            // padded below alone, and in groups: products of patches
            new ConvProblem(
                1,
                6,
                8,
                4,
                6,
                3,
                3,
                2,
                2,
                0,
                1,
                0,
                1,
                1,
                1,
                2,
                DType.F32,
                false,
                DType.F32,
                Activation.NONE));
    for (ConvProblem p : all) {
      for (DType weight : List.of(DType.F32, type)) {
        ConvProblem typed = weights(p, weight);
        long taps = (long) p.kh() * p.kw() * p.c() / p.groups();
        agree(
            typed.toString(),
            2,
            (k, b) -> k.conv().forward(typed, b[0], b[1], b[2], b[3]),
            activations((long) p.n() * p.h() * p.w() * p.c()),
            own(rounded(type, normal(weight, p.outC() * taps))),
            own(normal(weight, p.outC())),
            result((long) p.n() * p.outH() * p.outW() * p.outC()));
      }
    }
  }

  private static ConvProblem weights(ConvProblem p, DType weight) {
    return new ConvProblem(
        p.n(),
        p.h(),
        p.w(),
        p.c(),
        p.outC(),
        p.kh(),
        p.kw(),
        p.strideH(),
        p.strideW(),
        p.padTop(),
        p.padBottom(),
        p.padLeft(),
        p.padRight(),
        p.dilationH(),
        p.dilationW(),
        p.groups(),
        weight,
        true,
        weight,
        Activation.NONE);
  }

  /** What is read where it lies, and what is packed. */
  @OfBothTypes
  void attention(DType of) {
    use(of);
    attend(AttentionProblem.blhd(2, 2, 37, 77, 40), true);
    attend(AttentionProblem.blhd(1, 1, 70, 130, 80), false);
    attend(AttentionProblem.blhd(1, 2, 65, 66, 64), true);
    attend(AttentionProblem.blhd(1, 2, 66, 20, 160), true);
    attend(AttentionProblem.blhd(1, 1, 9, 70, 512), false);
    attend(AttentionProblem.blhd(1, 3, 5, 9, 5), true);
    attend(AttentionProblem.blhd(1, 1, 1, 1, 8), true);
    attend(AttentionProblem.blhd(1, 2, 0, 4, 8), false);
    Strides strides = Strides.bhld(35, 2, 16);
    attend(
        new AttentionProblem(
            2, 2, 35, 35, 16, 0.4f, true, strides, strides, strides, strides, Strides.NONE),
        false);
  }

  private void attend(AttentionProblem p, boolean column) {
    long ofQueries = (long) p.batch() * p.queries() * p.heads() * p.headDim();
    long ofKeys = (long) p.batch() * p.keys() * p.heads() * p.headDim();
    agree(
        p + (column ? " with a column" : ""),
        (k, b) ->
            k.attention()
                .forward(
                    p,
                    new Inputs(b[0], b[1], b[2], null, column ? b[3] : null),
                    new Results(b[4], b[5], column ? b[6] : null)),
        activations(ofQueries),
        activations(ofKeys),
        activations(ofKeys),
        own(uniform((long) p.batch() * p.keys(), 0, 1)),
        result(ofQueries),
        own(unwritten((long) p.batch() * p.heads() * p.queries())),
        own(unwritten((long) p.batch() * p.queries())));
  }

  @Test
  void whatIsNotThereIsRefused() {
    use(DType.F16);
    Buffer b = allocator.allocate(64);
    assertEquals(
        "CUDA: there are no reductions of activations of F16",
        assertThrows(UnsupportedOperationException.class, narrow::reduce).getMessage());
    assertEquals(
        "CUDA: pointwise add_to is there for F32 alone, not for activations of F16",
        assertThrows(
                UnsupportedOperationException.class, () -> narrow.pointwise().addTo(4, 1, b, b))
            .getMessage());
    assertThrows(UnsupportedOperationException.class, () -> wide.of(DType.BF16));
    assertThrows(UnsupportedOperationException.class, () -> kernels.of(DType.F16));
    assertThrows(UnsupportedOperationException.class, () -> REFERENCE.of(DType.F16));
    assertEquals(kernels, kernels.of(DType.F32));
    allocator.release(b);
  }
}
