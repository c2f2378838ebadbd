package dev.viridian.kernels.cuda;

import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.CudaBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jcuda.Pointer;
import jcuda.driver.JCudaDriver;
import org.jspecify.annotations.Nullable;

/**
 * A launch in the making. Arguments are given in the kernel's order; each is checked against the
 * kernel's parameter, each buffer against what the kernel reaches, sizes against the device's
 * limits. Used once, by one thread.
 */
final class CudaLaunch {
  private static final int MOST_ARGUMENTS = 64;
  private static final int THREADS = 256;

  /** Grids of one dimension loop: more blocks than fill any device serve nobody. */
  private static final long MOST_BLOCKS = 1 << 16;

  private static final long LARGEST_X = Integer.MAX_VALUE;
  private static final long LARGEST_Y = 65535;
  private static final int MOST_THREADS = 1024;

  /** Values, then the addresses of the values; off the heap, so that nothing moves. */
  private static final ThreadLocal<MemorySegment> SCRATCH =
      ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(16L * MOST_ARGUMENTS, 8));

  private final CudaDevice device;
  private final CudaModules.Kernel kernel;
  private final MemorySegment scratch = SCRATCH.get();
  private int count;

  CudaLaunch(CudaDevice device, CudaModules.Kernel kernel) {
    this.device = device;
    this.kernel = kernel;
  }

  private void next(int bytes) {
    int[] parameters = kernel.parameters();
    if (count == parameters.length || parameters[count] != bytes) {
      throw new IllegalArgumentException(
          kernel.name()
              + ": argument "
              + count
              + " has "
              + bytes
              + " bytes, expected "
              + (count == parameters.length ? "no more" : String.valueOf(parameters[count])));
    }
    MemorySegment value = scratch.asSlice(8L * count, 8);
    scratch.setAtIndex(ValueLayout.JAVA_LONG, MOST_ARGUMENTS + count, value.address());
    count++;
  }

  /** A whole number of 32 bits. */
  CudaLaunch i32(int value) {
    next(4);
    scratch.set(ValueLayout.JAVA_INT, 8L * (count - 1), value);
    return this;
  }

  /** A whole number of 64 bits. */
  CudaLaunch i64(long value) {
    next(8);
    scratch.set(ValueLayout.JAVA_LONG, 8L * (count - 1), value);
    return this;
  }

  /** Several of them. */
  CudaLaunch i64s(long... values) {
    for (long value : values) {
      i64(value);
    }
    return this;
  }

  /** A number of binary32. */
  CudaLaunch f32(float value) {
    next(4);
    scratch.set(ValueLayout.JAVA_FLOAT, 8L * (count - 1), value);
    return this;
  }

  /** A number of binary64. */
  CudaLaunch f64(double value) {
    next(8);
    scratch.set(ValueLayout.JAVA_DOUBLE, 8L * (count - 1), value);
    return this;
  }

  /** Memory of which the kernel reaches the first {@code bytes}. */
  CudaLaunch buffer(Buffer buffer, long bytes) {
    CudaBuffer own = device.own(buffer);
    if (bytes < 0 || bytes > own.bytes()) {
      throw new IllegalArgumentException(
          kernel.name()
              + ": argument "
              + count
              + " needs a buffer of "
              + bytes
              + " bytes, got one of "
              + own.bytes());
    }
    return i64(own.address());
  }

  /** The same for F32 numbers. */
  CudaLaunch floats(Buffer buffer, long numbers) {
    return buffer(buffer, Math.multiplyExact(numbers, Float.BYTES));
  }

  /** Memory that may be absent: then the kernel gets a null pointer. */
  CudaLaunch optional(@Nullable Buffer buffer, long bytes) {
    return buffer == null ? i64(0) : buffer(buffer, bytes);
  }

  /** A thread an element, in a loop over the grid. Nothing is launched for no elements. */
  void each(long elements) {
    if (elements > 0) {
      blocks(Math.min((elements + THREADS - 1) / THREADS, MOST_BLOCKS), 1, THREADS, 1);
    }
  }

  /** A block of {@code threads} for each of {@code blocks}. Nothing is launched for no blocks. */
  void blocks(long blocks, int threads) {
    blocks(blocks, 1, threads, 1);
  }

  /** A grid of two dimensions. Nothing is launched if it is empty. */
  void blocks(long gridX, long gridY, int threadsX, int threadsY) {
    if (count != kernel.parameters().length) {
      throw new IllegalArgumentException(
          kernel.name() + " takes " + kernel.parameters().length + " arguments, got " + count);
    }
    if (gridX == 0 || gridY == 0) {
      return;
    }
    int threads = Math.multiplyExact(threadsX, threadsY);
    if (gridX < 0 || gridX > LARGEST_X || gridY < 0 || gridY > LARGEST_Y) {
      throw new IllegalArgumentException(
          kernel.name() + ": no device takes a grid of " + gridX + " by " + gridY + " blocks");
    }
    if (threadsX < 1 || threadsY < 1 || threads > MOST_THREADS) {
      throw new IllegalArgumentException(
          kernel.name() + ": no device takes blocks of " + threadsX + " by " + threadsY);
    }
    device.bind();
    MemorySegment addresses = scratch.asSlice(8L * MOST_ARGUMENTS);
    CudaCheck.driver(
        JCudaDriver.cuLaunchKernel(
            kernel.function(),
            (int) gridX,
            (int) gridY,
            1,
            threadsX,
            threadsY,
            1,
            0,
            device.stream(),
            Pointer.to(addresses.asByteBuffer()),
            null),
        "cuLaunchKernel " + kernel.name());
  }
}
