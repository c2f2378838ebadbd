package dev.viridian.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.CopyKernels.Indexed;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.NormKernels.Backward;
import dev.viridian.kernels.NormKernels.BatchNorm;
import dev.viridian.kernels.NormKernels.Forward;
import dev.viridian.kernels.NormKernels.GroupNorm;
import dev.viridian.kernels.NormKernels.Running;
import dev.viridian.kernels.PointwiseKernels.Term;
import dev.viridian.kernels.ReduceKernels.Problem;
import dev.viridian.kernels.ResampleKernels.Mode;
import dev.viridian.kernels.ResampleKernels.Resize;
import dev.viridian.kernels.memory.CudaBuffer;
import dev.viridian.kernels.memory.DeviceMemoryException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Memory: reuse, fragments, its end, and what is left after a call that fails. */
class CudaAllocatorTest extends CudaFamilyTest {
  private static final long MEBIBYTE = 1 << 20;

  @AfterEach
  void allMemoryAgain() {
    if (emulated != null) {
      emulated.totalBytes(8L << 30);
    }
  }

  @Test
  void releasedMemoryIsHandedOutAgain() {
    CudaBuffer first = allocator.allocate(1000);
    allocator.release(first);
    CudaBuffer second = allocator.allocate(1010);
    assertEquals(first.address(), second.address());
    assertEquals(1, allocator.usage().fresh());
    allocator.release(second);
    assertThrows(IllegalStateException.class, () -> allocator.release(second));
  }

  @Test
  void aStepAfterTheFirstTakesNothingFresh() {
    List<CudaBuffer> taken = new ArrayList<>();
    long fresh = 0;
    for (int step = 0; step < 3; step++) {
      for (long bytes : new long[] {100, 5000, 3 * MEBIBYTE, 70_000, 9 * MEBIBYTE, 100}) {
        taken.add(allocator.allocate(bytes));
      }
      taken.forEach(allocator::release);
      taken.clear();
      fresh = step == 0 ? allocator.usage().fresh() : fresh;
    }
    assertEquals(fresh, allocator.usage().fresh());
  }

  /** The block is another's at once; what was told before is done before. Nothing is waited for. */
  @Test
  void reuseIsInTheOrderOfTheStream() {
    CudaBuffer result = allocator.allocate(4);
    CudaBuffer first = allocator.allocate(4);
    kernels.copy().fill(DType.F32, 1, 1, first);
    device.copy(first, result, 4);
    allocator.release(first);
    CudaBuffer second = allocator.allocate(4);
    assertEquals(first.address(), second.address());
    kernels.copy().fill(DType.F32, 1, 2, second);
    assertEquals(1, one(result));
    assertEquals(2, one(second));
    allocator.release(second);
    allocator.release(result);
  }

  private float one(CudaBuffer buffer) {
    float[] value = new float[1];
    device.download(buffer, MemorySegment.ofArray(value));
    return value[0];
  }

  @Test
  void cachedMemoryMakesRoomForAnotherSize() {
    emulated.totalBytes(100 * MEBIBYTE);
    allocator.release(allocator.allocate(60 * MEBIBYTE));
    CudaBuffer block = allocator.allocate(90 * MEBIBYTE);
    assertEquals(0, allocator.usage().cached());
    DeviceMemoryException e =
        assertThrows(DeviceMemoryException.class, () -> allocator.allocate(20 * MEBIBYTE));
    assertEquals(
        "out of memory on cuda:0 (emulated device): requested 20 MiB, used 90 MiB, cached 0 MiB,"
            + " free 10 MiB of 100 MiB; a smaller --width, --height or --batch-size, or a model"
            + " in f16, needs less",
        e.getMessage());
    CudaBuffer small = allocator.allocate(8 * MEBIBYTE); // it goes on
    allocator.release(small);
    allocator.release(block);
  }

  /** Ten blocks, every other one given back: none of them is large enough for what comes. */
  @Test
  void fragmentsMakeRoomForALargerBlock() {
    emulated.totalBytes(101 * MEBIBYTE);
    List<CudaBuffer> taken = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      taken.add(allocator.allocate(9 * MEBIBYTE)); // 10 MiB each
    }
    for (int i = 0; i < 10; i += 2) {
      allocator.release(taken.get(i));
    }
    assertEquals(50 * MEBIBYTE, allocator.usage().cached());
    CudaBuffer large = allocator.allocate(45 * MEBIBYTE);
    assertEquals(0, allocator.usage().cached());
    assertThrows(DeviceMemoryException.class, () -> allocator.allocate(6 * MEBIBYTE));
    allocator.release(large);
    for (int i = 1; i < 10; i += 2) {
      allocator.release(taken.get(i));
    }
  }

  @Test
  void aLimitIsKept() {
    try (CudaAllocator small = device.allocator(8 * MEBIBYTE)) {
      CudaBuffer block = small.allocate(6 * MEBIBYTE);
      assertThrows(DeviceMemoryException.class, () -> small.allocate(4 * MEBIBYTE));
      small.release(block);
      small.release(small.allocate(8 * MEBIBYTE));
    }
  }

  /**
   * Thousands of blocks of all sizes come and go: none overlaps another, what fits by its size
   * rounded up is never refused, and no more than the limit is held.
   */
  @Test
  void aLongLifeUnderALimit() {
    long limit = 64 * MEBIBYTE;
    try (CudaAllocator small = device.allocator(limit)) {
      List<CudaBuffer> live = new ArrayList<>();
      int refused = 0;
      for (int i = 0; i < 5000; i++) {
        if (live.size() > 20 || (!live.isEmpty() && random.nextInt(5) < 2)) {
          Collections.swap(live, random.nextInt(live.size()), live.size() - 1);
          small.release(live.removeLast());
          continue;
        }
        long bytes = (long) Math.exp(random.nextDouble() * Math.log(16.0 * MEBIBYTE));
        long rounded = bytes < 2 * MEBIBYTE ? 2 * bytes + 512 : bytes + 2 * MEBIBYTE;
        boolean fits = small.usage().used() + rounded <= limit;
        try {
          live.add(small.allocate(bytes));
        } catch (DeviceMemoryException e) {
          assertTrue(!fits, e.getMessage());
          refused++;
        }
        assertTrue(small.usage().used() + small.usage().cached() <= limit);
      }
      assertNotEquals(0, refused, "the limit was never reached");
      TreeMap<Long, Long> ends = new TreeMap<>();
      live.forEach(b -> ends.put(b.address(), b.address() + b.bytes()));
      long last = 0;
      for (var block : ends.entrySet()) {
        assertTrue(block.getKey() >= last, "two blocks overlap");
        last = block.getValue();
      }
      live.forEach(small::release);
      assertEquals(0, small.usage().used());
    }
  }

  /** Every call whose result does not fit, after it took memory for itself. */
  @Test
  void aLaunchThatIsRefusedLeavesNothingInUse() {
    CudaBuffer big = allocator.allocate(4 * 4096);
    CudaBuffer tiny = allocator.allocate(4);
    device.clear(big, big.bytes());
    GroupNorm group = new GroupNorm(2, 9, 8, 2, 1e-5f, DType.F32, Activation.NONE);
    BatchNorm batch = new BatchNorm(9, 8, 1e-5f, 0.1f);
    Problem rows = new Problem(3, 300, 1);
    Resize resize = Resize.toSize(1, 4, 4, 2, 8, 8, Mode.BILINEAR);
    List<Executable> calls =
        List.of(
            () -> kernels.norm().groupNorm(group, new Forward(big, null, null, tiny)),
            () -> kernels.norm().groupNorm(group, new Forward(big, null, null, big, tiny, big)),
            () ->
                kernels
                    .norm()
                    .groupNormBackward(
                        group, new Backward(big, null, null, big, big, big, tiny, null, null)),
            () ->
                kernels
                    .norm()
                    .groupNormBackward(
                        group, new Backward(big, big, big, big, big, big, big, tiny, null)),
            () ->
                kernels
                    .norm()
                    .batchNormInference(
                        batch, new Forward(big, big, big, tiny), new Running(big, big)),
            () ->
                kernels
                    .norm()
                    .batchNormTraining(
                        batch, new Forward(big, big, big, tiny, big, big), new Running(big, big)),
            () -> kernels.reduce().sum(rows, 1, big, tiny),
            () -> kernels.reduce().variance(rows, 1, big, big, tiny),
            () -> kernels.reduce().max(rows, big, tiny, null),
            () -> kernels.reduce().cumulativeProductBackward(rows, big, big, tiny),
            () -> kernels.resample().resize(resize, big, tiny),
            () -> kernels.resample().resizeBackward(resize, big, tiny),
            () -> kernels.image().kMeansStep(50, 3, 4, big, big, big, tiny),
            () -> kernels.optimizer().sumOfSquares(100, tiny),
            () -> kernels.copy().select(new Indexed(1, 5, 7, 9), DType.F32, big, big, tiny),
            () ->
                kernels
                    .pointwise()
                    .linearCombination(100, Collections.nCopies(10, new Term(1, big)), tiny));
    long before = allocator.usage().used();
    for (int i = 0; i < calls.size(); i++) {
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, calls.get(i), "call " + i);
      assertTrue(e.getMessage().contains("needs a buffer of"), e.getMessage());
      assertEquals(before, allocator.usage().used(), "call " + i);
    }
    allocator.release(big);
    allocator.release(tiny);
  }

  /** What is uploaded once lies apart from what comes and goes, and counts against the limit. */
  @Test
  void keptMemoryStays() {
    try (CudaAllocator small = device.allocator(8 * MEBIBYTE)) {
      CudaBuffer kept = small.keep(4 * MEBIBYTE);
      device.upload(MemorySegment.ofArray(new float[] {5}), kept);
      small.trim();
      assertEquals(4 * MEBIBYTE, small.usage().cached());
      assertEquals(0, small.usage().used());
      assertThrows(DeviceMemoryException.class, () -> small.allocate(6 * MEBIBYTE));
      CudaBuffer other = small.allocate(4 * MEBIBYTE);
      device.clear(other, other.bytes());
      float[] back = new float[1];
      device.download(kept, MemorySegment.ofArray(back));
      assertArrayEquals(new float[] {5}, back);
      small.release(other);
    }
  }
}
