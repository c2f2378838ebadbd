package dev.viridian.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.viridian.kernels.CopyKernels.Indexed;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.GemmProblem;
import dev.viridian.kernels.PointwiseKernels.Unary;
import dev.viridian.kernels.ResampleKernels.Mode;
import dev.viridian.kernels.ResampleKernels.Resize;
import dev.viridian.kernels.memory.CudaBuffer;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class CudaGraphTest extends CudaFamilyTest {
  private static final int N = 16;

  /** y = relu(x · x) − 1 for x of 4 by 4, through memory that is taken and given back. */
  private void work(CudaBuffer x, CudaBuffer y) {
    try (CudaAllocator.Scratch product = allocator.scratch(4 * N)) {
      kernels.gemm().gemm(GemmProblem.of(4, 4, 4, false, false), x, x, null, product.buffer());
      kernels.pointwise().unary(Unary.RELU, N, 0, 0, product.buffer(), product.buffer());
      kernels.pointwise().unary(Unary.AFFINE, N, 1, -1, product.buffer(), y);
    }
  }

  private float[] values(float first) {
    float[] values = new float[N];
    for (int i = 0; i < N; i++) {
      values[i] = first + i % 5 - 2;
    }
    return values;
  }

  private float[] result(CudaBuffer y) {
    float[] values = new float[N];
    device.download(y, MemorySegment.ofArray(values));
    return values;
  }

  @Test
  void doesAgainWhatWasRecorded() {
    CudaBuffer x = allocator.allocate(4 * N);
    CudaBuffer y = allocator.allocate(4 * N);
    device.upload(MemorySegment.ofArray(values(0)), x);
    work(x, y);
    float[] first = result(y);
    try (CudaGraph graph = CudaGraph.record(device, allocator, () -> work(x, y))) {
      device.clear(y, 4 * N);
      assertArrayEquals(new float[N], result(y), "recording does nothing");
      // What others take meanwhile is not what the graph works in.
      CudaBuffer other = allocator.allocate(4 * N);
      device.upload(MemorySegment.ofArray(values(7)), other);
      graph.launch();
      assertArrayEquals(first, result(y));
      assertArrayEquals(values(7), result(other));
      allocator.release(other);
      device.upload(MemorySegment.ofArray(values(3)), x);
      graph.launch();
      float[] second = result(y);
      work(x, y);
      assertArrayEquals(result(y), second);
      assertNotEquals(first[0], second[0]);
    }
    allocator.release(x);
    allocator.release(y);
  }

  @Test
  void aTransferCannotBeRecorded() {
    CudaBuffer x = allocator.allocate(4 * N);
    IllegalStateException e =
        assertThrows(
            IllegalStateException.class,
            () -> CudaGraph.record(device, allocator, () -> result(x)));
    assertEquals("a download cannot be part of a graph that is recorded", e.getMessage());
    device.clear(x, 4 * N);
    assertArrayEquals(new float[N], result(x), "the device goes on");
    allocator.release(x);
  }

  @Test
  void whatAGraphLeavesInUseIsReleasedLater() {
    CudaBuffer[] kept = new CudaBuffer[1];
    CudaGraph graph = CudaGraph.record(device, allocator, () -> kept[0] = allocator.allocate(1000));
    graph.close();
    assertThrows(IllegalStateException.class, graph::launch);
    allocator.release(kept[0]);
    assertEquals(0, allocator.usage().used());
  }

  /** What a step may hold: a resize, whose taps are there from the run before, and indices. */
  @Test
  void aResizeAndIndicesCanBeRecorded() {
    Resize p = Resize.toSize(1, 2, 2, 4, 4, 4, Mode.BILINEAR);
    Indexed rows = new Indexed(1, 4, 2, 4);
    CudaBuffer x = allocator.allocate(4 * N);
    CudaBuffer index = allocator.allocate(8 * 2);
    CudaBuffer y = allocator.allocate(16 * N);
    Runnable work =
        () -> {
          try (CudaAllocator.Scratch chosen = allocator.scratch(4 * N)) {
            kernels.copy().select(rows, DType.F32, x, index, chosen.buffer());
            kernels.copy().select(rows, DType.F32, x, index, chosen.buffer().slice(32, 32));
            kernels.resample().resize(p, chosen.buffer(), y);
          }
        };
    device.upload(MemorySegment.ofArray(values(1)), x);
    device.upload(MemorySegment.ofArray(new long[] {3, 1}), index);
    assertThrows(
        IllegalStateException.class,
        () -> CudaGraph.record(device, allocator, work),
        "the taps are not there yet");
    work.run();
    float[] expected = result(y);
    try (CudaGraph graph = CudaGraph.record(device, allocator, work)) {
      device.clear(y, 4 * N);
      graph.launch();
      assertArrayEquals(expected, result(y));
      device.upload(MemorySegment.ofArray(new long[] {3, 4}), index);
      graph.launch();
      IndexOutOfBoundsException e = assertThrows(IndexOutOfBoundsException.class, () -> result(y));
      assertEquals("Copy.select: index number 1 must be from 0 to 3, got 4", e.getMessage());
    }
    allocator.release(x);
    allocator.release(index);
    allocator.release(y);
  }
}
