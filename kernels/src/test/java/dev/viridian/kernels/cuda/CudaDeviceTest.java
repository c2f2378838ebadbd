package dev.viridian.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.kernels.memory.CudaBuffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** The device, its memory, its transfers and the checks of launches. */
class CudaDeviceTest extends CudaFamilyTest {
  private static final long MEBIBYTE = 1 << 20;

  @Test
  void saysWhatItIs() {
    assertEquals("cuda:0 (emulated device)", device.toString());
    assertEquals(90, device.capability());
  }

  @Test
  void aDeviceThatIsNotThereIsNamed() {
    CudaFailure e = assertThrows(CudaFailure.class, () -> CudaDevice.open(3));
    assertEquals("CUDA: there is no device 3, there are 1, counted from 0", e.getMessage());
  }

  @Test
  void manyBytesComeBackAsTheyWent() {
    for (long bytes : new long[] {0, 1, 4095, 4 * MEBIBYTE, 13 * MEBIBYTE + 3}) {
      MemorySegment there = Arena.ofAuto().allocate(Math.max(1, bytes)).asSlice(0, bytes);
      for (long i = 0; i < bytes; i += 97) {
        there.set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
      }
      CudaBuffer block = allocator.allocate(bytes + 8);
      device.upload(there, block.slice(8, bytes));
      MemorySegment back = Arena.ofAuto().allocate(Math.max(1, bytes)).asSlice(0, bytes);
      device.download(block.slice(8, bytes), back);
      assertEquals(-1, there.mismatch(back));
      allocator.release(block);
    }
  }

  @Test
  void uploadsFromTheHeapToo() {
    CudaBuffer block = allocator.allocate(12);
    device.upload(MemorySegment.ofArray(new float[] {1, 2, 3}), block);
    float[] back = new float[3];
    device.download(block, MemorySegment.ofArray(back));
    assertEquals(2, back[1]);
    allocator.release(block);
  }

  /** More small ones than there are places for, none waited for. */
  @Test
  void manySmallUploadsInARow() {
    int count = 100;
    CudaBuffer block = allocator.allocate(4 * count);
    for (int i = 0; i < count; i++) {
      device.upload(MemorySegment.ofArray(new float[] {i}), block.slice(4L * i, 4));
    }
    float[] back = new float[count];
    device.download(block, MemorySegment.ofArray(back));
    for (int i = 0; i < count; i++) {
      assertEquals(i, back[i]);
    }
    allocator.release(block);
  }

  @Test
  void argumentsAreCheckedBeforeALaunch() {
    CudaBuffer small = allocator.allocate(16);
    CudaLaunch tooSmall = device.launch("pointwise", "add_to").i64(5).f32(1);
    assertSays("needs a buffer of 20 bytes, got one of 16", () -> tooSmall.floats(small, 5));
    CudaLaunch wrongType = device.launch("pointwise", "add_to");
    assertSays("argument 0 has 4 bytes, expected 8", () -> wrongType.i32(5));
    CudaLaunch tooFew = device.launch("pointwise", "add_to").i64(4).f32(1).floats(small, 4);
    assertSays("takes 4 arguments, got 3", () -> tooFew.each(4));
    assertSays("there is no kernel pointwise_none", () -> device.launch("pointwise", "none"));
    HostBuffer host = new HostBuffer(Arena.ofAuto().allocate(16));
    assertSays("expected memory of cuda:0", () -> tooFew.floats(host, 4));
    CudaLaunch tooMany =
        device.launch("pointwise", "add_to").i64(4).f32(1).floats(small, 4).floats(small, 4);
    assertSays("no device takes a grid", () -> tooMany.blocks(1, 70_000, 32, 1));
    assertSays("no device takes blocks", () -> tooMany.blocks(1, 2048));
    allocator.release(small);
  }

  private static void assertSays(String expected, Executable call) {
    RuntimeException e = assertThrows(RuntimeException.class, call);
    assertTrue(e.getMessage().contains(expected), e.getMessage());
  }

  @Test
  void aClosedDeviceIsNotUsed() {
    CudaDevice other = CudaDevice.open(0);
    other.close();
    other.close();
    assertThrows(IllegalStateException.class, other::synchronize);
  }
}
