package dev.viridian.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.kernels.cuda.EmulatedDevice.Order;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The fixture finds what is planted, and runs what is right, through the driver's interface. */
class EmulatedDeviceTest {
  private static final int ILLEGAL_ADDRESS = 700;
  private static final int LAUNCH_FAILED = 719;
  private static final int NON_BLOCKING = 1;
  private static final MemorySegment NONE = MemorySegment.NULL;

  private EmulatedDevice device;
  private Arena arena;
  private MemorySegment module;

  @BeforeEach
  void open() {
    device = EmulatedDevice.load();
    device.reset();
    arena = Arena.ofConfined();
    ok("cuInit", 0);
    MemorySegment context = arena.allocate(ValueLayout.ADDRESS);
    ok("cuDevicePrimaryCtxRetain", context, 0);
    ok("cuCtxSetCurrent", context.get(ValueLayout.ADDRESS, 0));
    StringBuilder image = new StringBuilder(".version 6.3\n");
    for (String name :
        new String[] {
          "barrier",
          "missing_barrier",
          "warp_barrier_only",
          "divergent_barrier",
          "leaves_early",
          "fill",
          "off_by_one",
          "before_start",
          "part_of_a_warp",
          "warp",
          "tensor_cores",
          "fragments",
          "copies",
          "crooked",
          "dynamic"
        }) {
      image.append(".entry planted_").append(name).append("()\n");
    }
    MemorySegment handle = arena.allocate(ValueLayout.ADDRESS);
    ok("cuModuleLoadData", handle, arena.allocateFrom(image.toString()));
    module = handle.get(ValueLayout.ADDRESS, 0);
  }

  @AfterEach
  void close() {
    if (device != null) {
      device.reset();
      arena.close();
    }
  }

  private void ok(String function, Object... arguments) {
    assertEquals(0, device.call(function, arguments), () -> function + " " + device.report());
  }

  private long allocate(long bytes) {
    MemorySegment address = arena.allocate(ValueLayout.JAVA_LONG);
    ok("cuMemAlloc_v2", address, bytes);
    return address.get(ValueLayout.JAVA_LONG, 0);
  }

  private long upload(float... values) {
    long at = allocate(4L * values.length);
    MemorySegment host = arena.allocateFrom(ValueLayout.JAVA_FLOAT, values);
    ok("cuMemcpyHtoD_v2", at, host, 4L * values.length);
    return at;
  }

  private float[] download(long at, int count) {
    MemorySegment host = arena.allocate(4L * count, 4);
    ok("cuMemcpyDtoH_v2", host, at, 4L * count);
    return host.toArray(ValueLayout.JAVA_FLOAT);
  }

  private int launch(String name, int blocks, int threads, int shared, Object... arguments) {
    return launch(NONE, name, blocks, threads, shared, arguments);
  }

  private int launch(
      MemorySegment stream, String name, int blocks, int threads, int shared, Object... arguments) {
    MemorySegment function = arena.allocate(ValueLayout.ADDRESS);
    ok("cuModuleGetFunction", function, module, arena.allocateFrom("planted_" + name));
    MemorySegment pointers = arena.allocate(8L * Math.max(1, arguments.length), 8);
    for (int i = 0; i < arguments.length; i++) {
      MemorySegment value = arena.allocate(8, 8);
      if (arguments[i] instanceof Long l) {
        value.set(ValueLayout.JAVA_LONG, 0, l);
      } else if (arguments[i] instanceof Integer n) {
        value.set(ValueLayout.JAVA_INT, 0, n);
      } else {
        value.set(ValueLayout.JAVA_FLOAT, 0, (Float) arguments[i]);
      }
      pointers.setAtIndex(ValueLayout.ADDRESS, i, value);
    }
    return device.call(
        "cuLaunchKernel",
        function.get(ValueLayout.ADDRESS, 0),
        blocks,
        1,
        1,
        threads,
        1,
        1,
        shared,
        stream,
        pointers,
        NONE);
  }

  private MemorySegment stream() {
    MemorySegment stream = arena.allocate(ValueLayout.ADDRESS);
    ok("cuStreamCreate", stream, NON_BLOCKING);
    return stream.get(ValueLayout.ADDRESS, 0);
  }

  private static float[] reversed(int blocks) {
    float[] expected = new float[64 * blocks];
    IntStream.range(0, expected.length).forEach(i -> expected[i] = 63 - i % 64);
    return expected;
  }

  @ParameterizedTest
  @EnumSource(Order.class)
  void aBarrierMakesTheOrderOfThreadsMeaningless(Order order) {
    device.order(order, 5);
    long out = allocate(4 * 64 * 3);
    assertEquals(0, launch("barrier", 3, 64, 0, out));
    assertArrayEquals(reversed(3), download(out, 64 * 3));
    ok("cuMemFree_v2", out);
  }

  @ParameterizedTest
  @EnumSource(Order.class)
  void aMissingBarrierShows(Order order) {
    device.order(order, 5);
    long out = allocate(4 * 64 * 16);
    assertEquals(0, launch("missing_barrier", 16, 64, 0, out));
    assertFalse(Arrays.equals(reversed(16), download(out, 64 * 16)));
    assertEquals(0, launch("warp_barrier_only", 16, 64, 0, out));
    assertFalse(Arrays.equals(reversed(16), download(out, 64 * 16)));
    ok("cuMemFree_v2", out);
  }

  @Test
  void aBarrierThatNotAllReachIsAnError() {
    long out = allocate(4 * 64);
    assertEquals(LAUNCH_FAILED, launch("divergent_barrier", 1, 32, 0, out));
    assertTrue(device.report().contains("planted_divergent_barrier: block (0, 0, 0)"));
    assertEquals(LAUNCH_FAILED, device.call("cuCtxSynchronize"), "the error stays");
    device.reset();
    assertEquals(LAUNCH_FAILED, launch("leaves_early", 1, 64, 0, out));
    assertTrue(device.report().contains("63 of 64 threads"), device.report());
    device.reset();
    ok("cuMemFree_v2", out);
  }

  @Test
  void warpFunctionsAreForWholeWarps() {
    long out = allocate(4 * 32);
    launch("part_of_a_warp", 1, 32, 0, out);
    assertTrue(device.report().contains("mask"), device.report());
    device.reset();
    ok("cuMemFree_v2", out);
  }

  @Test
  void aWriteOutsideOfABlockIsFound() {
    long out = allocate(4 * 33);
    assertEquals(0, launch("fill", 2, 32, 0, out, 2f, 33L));
    ok("cuCtxSynchronize");
    assertEquals(0, launch("off_by_one", 2, 32, 0, out, 2f, 33L));
    assertEquals(ILLEGAL_ADDRESS, device.call("cuCtxSynchronize"));
    assertEquals("written past the end of a block of 132 bytes", device.report());
    device.reset();
    assertEquals(ILLEGAL_ADDRESS, device.call("cuMemFree_v2", out));
    device.reset();

    long other = allocate(4 * 8);
    assertEquals(0, launch("before_start", 1, 1, 0, other));
    assertEquals(ILLEGAL_ADDRESS, device.call("cuCtxSynchronize"));
    assertTrue(device.report().contains("before the start"), device.report());
    device.reset();
    assertEquals(ILLEGAL_ADDRESS, device.call("cuMemFree_v2", other));
  }

  @Test
  void aWriteAfterReleaseIsFound() {
    long out = allocate(4 * 8);
    ok("cuMemFree_v2", out);
    assertEquals(0, launch("fill", 1, 8, 0, out, 2f, 8L));
    assertEquals(ILLEGAL_ADDRESS, device.call("cuCtxSynchronize"));
    assertTrue(device.report().contains("after its release"), device.report());
    device.reset();
    assertNotEquals(0, device.call("cuMemFree_v2", out), "released twice");
    assertTrue(device.report().contains("twice"), device.report());
  }

  @Test
  void freshMemoryIsNotANumberAndBlocksAreCounted() {
    int before = device.blocks();
    long out = allocate(4 * 8);
    assertEquals(before + 1, device.blocks(), "a buffer that is not freed shows");
    for (float value : download(out, 8)) {
      assertTrue(Float.isNaN(value));
    }
    ok("cuMemFree_v2", out);
    assertEquals(before, device.blocks());
  }

  @Test
  void memoryEnds() {
    MemorySegment address = arena.allocate(ValueLayout.JAVA_LONG);
    device.totalBytes(1 << 20);
    try {
      assertEquals(2, device.call("cuMemAlloc_v2", address, 2L << 20));
    } finally {
      device.totalBytes(8L << 30);
    }
  }

  @Test
  void aMissingWaitBetweenStreamsShows() {
    MemorySegment first = stream();
    MemorySegment second = stream();
    long out = allocate(4 * 8);
    assertEquals(0, launch(first, "fill", 1, 8, 0, out, 3f, 8L));
    MemorySegment host = arena.allocate(4 * 8, 4);
    ok("cuMemcpyDtoHAsync_v2", host, out, 32L, second);
    ok("cuStreamSynchronize", second);
    assertTrue(Float.isNaN(host.get(ValueLayout.JAVA_FLOAT, 0)), "read before it was written");

    MemorySegment event = arena.allocate(ValueLayout.ADDRESS);
    ok("cuEventCreate", event, 0);
    MemorySegment e = event.get(ValueLayout.ADDRESS, 0);
    ok("cuEventRecord", e, first);
    ok("cuStreamWaitEvent", second, e, 0);
    ok("cuMemcpyDtoHAsync_v2", host, out, 32L, second);
    ok("cuEventDestroy_v2", e);
    assertTrue(Float.isNaN(host.get(ValueLayout.JAVA_FLOAT, 0)), "nobody has waited yet");
    ok("cuStreamSynchronize", second);
    assertEquals(3f, host.get(ValueLayout.JAVA_FLOAT, 0));
    ok("cuStreamDestroy_v2", first);
    ok("cuStreamDestroy_v2", second);
    ok("cuMemFree_v2", out);
  }

  @Test
  void aRecordedGraphRunsAsOftenAsItIsLaunched() {
    MemorySegment stream = stream();
    long out = upload(0, 0, 0, 0);
    ok("cuStreamBeginCapture_v2", stream, 1);
    assertEquals(0, launch(stream, "fill", 1, 4, 0, out, 4f, 4L));
    MemorySegment graph = arena.allocate(ValueLayout.ADDRESS);
    ok("cuStreamEndCapture", stream, graph);
    MemorySegment executable = arena.allocate(ValueLayout.ADDRESS);
    ok("cuGraphInstantiateWithFlags", executable, graph.get(ValueLayout.ADDRESS, 0), 0L);
    ok("cuStreamSynchronize", stream);
    assertArrayEquals(new float[4], download(out, 4), "recording runs nothing");
    ok("cuGraphLaunch", executable.get(ValueLayout.ADDRESS, 0), stream);
    ok("cuStreamSynchronize", stream);
    assertArrayEquals(new float[] {4, 4, 4, 4}, download(out, 4));
    ok("cuGraphDestroy", graph.get(ValueLayout.ADDRESS, 0));
    ok("cuGraphExecDestroy", executable.get(ValueLayout.ADDRESS, 0));
    ok("cuStreamDestroy_v2", stream);
    ok("cuMemFree_v2", out);
  }

  @ParameterizedTest
  @EnumSource(Order.class)
  void warpsTensorCoresAndDynamicMemory(Order order) {
    device.order(order, 9);
    float[] numbers = new float[32];
    IntStream.range(0, 32).forEach(i -> numbers[i] = i);
    long in = upload(numbers);
    long out = allocate(4 * 128);
    assertEquals(0, launch("warp", 1, 32, 0, in, out));
    assertArrayEquals(new float[] {496, 16}, download(out, 2));

    assertEquals(0, launch("dynamic", 1, 32, 4 * 100, out, 100));
    float[] turned = download(out, 100);
    assertEquals(99, turned[0]);
    assertEquals(0, turned[99]);

    short[] a = new short[256];
    short[] b = new short[128];
    IntStream.range(0, 256).forEach(i -> a[i] = Float.floatToFloat16((i * 7 % 13 - 6) / 4f));
    IntStream.range(0, 128).forEach(i -> b[i] = Float.floatToFloat16((i * 5 % 11 - 5) / 8f));
    long left = allocate(512);
    long right = allocate(256);
    ok("cuMemcpyHtoD_v2", left, arena.allocateFrom(ValueLayout.JAVA_SHORT, a), 512L);
    ok("cuMemcpyHtoD_v2", right, arena.allocateFrom(ValueLayout.JAVA_SHORT, b), 256L);
    assertEquals(0, launch("tensor_cores", 1, 32, 0, left, right, out));
    float[] c = download(out, 128);
    for (int i = 0; i < 16; i++) {
      for (int j = 0; j < 8; j++) {
        float sum = 0;
        for (int k = 0; k < 16; k++) {
          sum += Float.float16ToFloat(a[i * 16 + k]) * Float.float16ToFloat(b[j * 16 + k]);
        }
        assertEquals(sum, c[i * 8 + j], 1e-5f);
      }
    }
    for (long at : new long[] {in, out, left, right}) {
      ok("cuMemFree_v2", at);
    }
  }

  /** Fragments through shared memory, in both layouts, by the instructions of both generations. */
  @Test
  void fragmentsComeAsTheyAreDocumented() {
    short[] a = new short[256];
    short[] b = new short[256];
    for (int i = 0; i < 256; i++) {
      a[i] = Float.floatToFloat16(i * 7 % 31 - 15);
      b[i] = Float.floatToFloat16(i * 5 % 23 - 11);
    }
    long left = allocate(512);
    long right = allocate(512);
    long out = allocate(4 * 256);
    ok("cuMemcpyHtoD_v2", left, arena.allocateFrom(ValueLayout.JAVA_SHORT, a), 512L);
    ok("cuMemcpyHtoD_v2", right, arena.allocateFrom(ValueLayout.JAVA_SHORT, b), 512L);
    for (int variant = 0; variant < 4; variant++) {
      boolean turned = (variant & 1) != 0;
      assertEquals(0, launch("fragments", 1, 32, 0, left, right, out, variant & 1, variant >> 1));
      float[] c = download(out, 256);
      for (int i = 0; i < 256; i++) {
        float sum = 0;
        for (int k = 0; k < 16; k++) {
          int at = turned ? k * 16 + i % 16 : i % 16 * 16 + k;
          sum += Float.float16ToFloat(a[i / 16 * 16 + k]) * Float.float16ToFloat(b[at]);
        }
        assertEquals(sum, c[i], "variant " + variant + ", number " + i);
      }
    }
    for (long at : new long[] {left, right, out}) {
      ok("cuMemFree_v2", at);
    }
  }

  @Test
  void copiesThatNobodyWaitsForAreNotThere() {
    float[] numbers = new float[256];
    IntStream.range(0, 256).forEach(i -> numbers[i] = i);
    long in = upload(numbers);
    long out = allocate(4 * 256);
    assertEquals(0, launch("copies", 1, 64, 0, in, out, 1));
    float[] expected = new float[256];
    IntStream.range(0, 256)
        .forEach(i -> expected[i] = i / 4 == 63 - 7 ? 0 : 4 * (63 - i / 4) + i % 4);
    assertArrayEquals(expected, download(out, 256));
    assertEquals(0, launch("copies", 1, 64, 0, in, out, 0));
    float[] early = download(out, 256);
    assertTrue(IntStream.range(0, 256).anyMatch(i -> Float.isNaN(early[i])));
    ok("cuMemFree_v2", in);
    ok("cuMemFree_v2", out);
  }

  @Test
  void crookedRowsOfMatricesAreReported() {
    long in = allocate(512);
    long out = allocate(128);
    assertEquals(0, launch("crooked", 1, 32, 0, in, out));
    download(out, 32);
    assertTrue(device.report().contains("ldmatrix"), device.report());
    device.reset();
    ok("cuMemFree_v2", in);
    ok("cuMemFree_v2", out);
  }

  @Test
  void launchesThatNoDeviceTakesAreRefused() {
    long out = allocate(32);
    assertNotEquals(0, launch("fill", 0, 8, 0, out, 1f, 8L));
    assertNotEquals(0, launch("fill", 1, 2048, 0, out, 1f, 8L));
    assertNotEquals(0, launch("fill", 1, 8, 100_000, out, 1f, 8L));
    device.reset();
    ok("cuMemFree_v2", out);
  }

  @Test
  void productsRunInTheOrderOfTheirStream() {
    MemorySegment stream = stream();
    MemorySegment handle = arena.allocate(ValueLayout.ADDRESS);
    assertEquals(0, device.call("cublasCreate_v2", handle));
    MemorySegment h = handle.get(ValueLayout.ADDRESS, 0);
    assertEquals(0, device.call("cublasSetStream_v2", h, stream));
    long a = upload(1, 2, 3, 4, 5, 6); // 2 x 3, column by column
    long b = upload(1, 0, 2, 0, 1, 1); // 3 x 2
    long c = allocate(16);
    MemorySegment one = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1f);
    MemorySegment zero = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 0f);
    Object[] product = {h, 0, 0, 2, 2, 3, one, a, 0, 2, b, 0, 3, zero, c, 0, 2, 68, -1};
    assertEquals(0, device.call("cublasGemmEx", product));
    assertTrue(Float.isNaN(download(c, 4)[0]), "nobody has waited for the stream");
    ok("cuStreamSynchronize", stream);
    assertArrayEquals(new float[] {11, 14, 8, 10}, download(c, 4));
    product[9] = 1; // fewer than the rows
    assertEquals(7, device.call("cublasGemmEx", product));
    product[9] = 2;
    product[3] = 3; // more rows than there are
    product[9] = 3;
    product[16] = 3;
    assertEquals(0, device.call("cublasGemmEx", product));
    assertEquals(ILLEGAL_ADDRESS, device.call("cuStreamSynchronize", stream));
    assertTrue(device.report().contains("cublas"), device.report());
    device.reset();
    device.call("cublasDestroy_v2", h);
    for (long at : new long[] {a, b, c}) {
      ok("cuMemFree_v2", at);
    }
  }

  @Test
  void aConvolutionOfChannelsLast() {
    MemorySegment handle = arena.allocate(ValueLayout.ADDRESS);
    assertEquals(0, device.call("cudnnCreate", handle));
    MemorySegment[] descriptors = new MemorySegment[4];
    String[] kinds = {"Tensor", "Filter", "Tensor", "Convolution"};
    for (int i = 0; i < 4; i++) {
      MemorySegment d = arena.allocate(ValueLayout.ADDRESS);
      assertEquals(0, device.call("cudnnCreate" + kinds[i] + "Descriptor", d));
      descriptors[i] = d.get(ValueLayout.ADDRESS, 0);
    }
    // a map of 1 x 3 x 3 pixels and 2 channels, one filter of 3 x 3, the border padded
    assertEquals(0, device.call("cudnnSetTensor4dDescriptor", descriptors[0], 1, 0, 1, 2, 3, 3));
    assertEquals(0, device.call("cudnnSetFilter4dDescriptor", descriptors[1], 0, 1, 1, 2, 3, 3));
    assertEquals(0, device.call("cudnnSetTensor4dDescriptor", descriptors[2], 1, 0, 1, 1, 3, 3));
    Object[] settings = {descriptors[3], 1, 1, 1, 1, 1, 1, 1, 0};
    assertEquals(0, device.call("cudnnSetConvolution2dDescriptor", settings));
    float[] map = new float[18];
    float[] filter = new float[18];
    IntStream.range(0, 18).forEach(i -> map[i] = i);
    Arrays.fill(filter, 1);
    filter[9] = 2; // the centre's second channel
    long x = upload(map);
    long w = upload(filter);
    long y = allocate(36);
    long workspace = allocate(4096);
    MemorySegment one = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1f);
    MemorySegment zero = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 0f);
    Object[] forward = {
      handle.get(ValueLayout.ADDRESS, 0),
      one,
      descriptors[0],
      x,
      descriptors[1],
      w,
      descriptors[3],
      1,
      workspace,
      4096L,
      zero,
      descriptors[2],
      y
    };
    assertEquals(0, device.call("cudnnConvolutionForward", forward));
    float[] out = download(y, 9);
    assertEquals(IntStream.range(0, 18).sum() + 9, out[4], "the middle sees all, its centre twice");
    assertEquals(0 + 1 + 2 + 3 + 6 + 7 + 8 + 9 + 1, out[0]);
    for (long at : new long[] {x, w, y, workspace}) {
      ok("cuMemFree_v2", at);
    }
  }
}
