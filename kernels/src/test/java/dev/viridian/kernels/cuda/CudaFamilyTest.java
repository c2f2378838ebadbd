package dev.viridian.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.cpu.CpuKernels;
import dev.viridian.kernels.cpu.CpuOptions;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.CudaBuffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** Holds a family on the emulated device against the plain loops. */
abstract class CudaFamilyTest {
  static final CpuKernels REFERENCE = new CpuKernels(CpuOptions.reference(1));
  private static final float UNWRITTEN = -7e30f;

  final Random random = new Random(7);
  EmulatedDevice emulated;
  private int blocks;
  CudaDevice device;
  CudaAllocator allocator;
  CudaKernels kernels;

  @BeforeEach
  void open() {
    emulated = EmulatedDevice.load();
    emulated.reset();
    blocks = emulated.blocks();
    device = CudaDevice.open(0);
    allocator = device.allocator();
    kernels = new CudaKernels(device, allocator);
  }

  @AfterEach
  void close() {
    if (kernels != null) {
      assertEquals(0, allocator.usage().used(), "bytes still in use");
      kernels.close();
      allocator.close();
      device.close();
      assertEquals("", emulated.report());
      assertEquals(blocks, emulated.blocks(), "blocks of device memory that are left");
    }
  }

  /** Numbers in memory, of a type. */
  record Numbers(DType type, MemorySegment memory) {
    long count() {
      return memory.byteSize() / type.bytes();
    }

    Numbers copy() {
      MemorySegment copy = Arena.ofAuto().allocate(Math.max(1, memory.byteSize()), 64);
      copy.copyFrom(memory);
      return new Numbers(type, copy.asSlice(0, memory.byteSize()));
    }

    float f32(long i) {
      return memory.get(ValueLayout.JAVA_FLOAT_UNALIGNED, 4 * i);
    }
  }

  Numbers empty(DType type, long count) {
    MemorySegment memory = Arena.ofAuto().allocate(Math.max(1, count * type.bytes()), 64);
    memory.fill((byte) 0x55);
    return new Numbers(type, memory.asSlice(0, count * type.bytes()));
  }

  /** F32 that is to be written. */
  Numbers unwritten(long count) {
    return floats(count, i -> UNWRITTEN);
  }

  /** F32, standard normal. */
  Numbers normal(long count) {
    return floats(count, i -> random.nextGaussian());
  }

  /** F32 in a range. */
  Numbers uniform(long count, double low, double high) {
    return floats(count, i -> low + (high - low) * random.nextDouble());
  }

  interface Value {
    double at(long i);
  }

  Numbers floats(long count, Value value) {
    Numbers numbers = empty(DType.F32, count);
    for (long i = 0; i < count; i++) {
      numbers.memory.set(ValueLayout.JAVA_FLOAT_UNALIGNED, 4 * i, (float) value.at(i));
    }
    return numbers;
  }

  /** F32, F16 or BF16, standard normal. */
  Numbers normal(DType type, long count) {
    Numbers numbers = empty(type, count);
    for (long i = 0; i < count; i++) {
      float value = (float) random.nextGaussian();
      switch (type) {
        case F32 -> numbers.memory.set(ValueLayout.JAVA_FLOAT_UNALIGNED, 4 * i, value);
        case F16 ->
            numbers.memory.set(
                ValueLayout.JAVA_SHORT_UNALIGNED, 2 * i, Float.floatToFloat16(value));
        case BF16 ->
            numbers.memory.set(
                ValueLayout.JAVA_SHORT_UNALIGNED,
                2 * i,
                (short) (Float.floatToIntBits(value) >>> 16));
        default -> throw new IllegalArgumentException(type.toString());
      }
    }
    return numbers;
  }

  /** The same numbers, as near as another type comes to them; changed in place. */
  static Numbers rounded(DType to, Numbers numbers) {
    boolean wide = numbers.type == DType.F32;
    for (long i = 0; i < numbers.count(); i++) {
      short bits = wide ? 0 : numbers.memory.get(ValueLayout.JAVA_SHORT_UNALIGNED, 2 * i);
      float value =
          wide
              ? numbers.f32(i)
              : numbers.type == DType.F16
                  ? Float.float16ToFloat(bits)
                  : Float.intBitsToFloat(bits << 16);
      float near =
          to == DType.F16
              ? Float.float16ToFloat(Float.floatToFloat16(value))
              : Float.intBitsToFloat(Float.floatToIntBits(value) & 0xffff0000);
      if (wide) {
        numbers.memory.set(ValueLayout.JAVA_FLOAT_UNALIGNED, 4 * i, near);
      } else if (numbers.type == DType.F16) {
        numbers.memory.set(ValueLayout.JAVA_SHORT_UNALIGNED, 2 * i, Float.floatToFloat16(near));
      } else {
        short near16 = (short) (Float.floatToIntBits(near) >>> 16);
        numbers.memory.set(ValueLayout.JAVA_SHORT_UNALIGNED, 2 * i, near16);
      }
    }
    return numbers;
  }

  /** I64 from 0 to before a limit. */
  Numbers indices(long count, int limit) {
    Numbers numbers = empty(DType.I64, count);
    for (long i = 0; i < count; i++) {
      numbers.memory.set(ValueLayout.JAVA_LONG_UNALIGNED, 8 * i, random.nextInt(limit));
    }
    return numbers;
  }

  /** What is compared. */
  interface Call {
    void run(Kernels kernels, Buffer... buffers);
  }

  /**
   * Runs a call by the plain loops and on the device, on copies of the same numbers, and compares
   * all of them afterwards: floating point to a part of the largest, others exactly. On the device
   * the numbers begin somewhere in a block.
   */
  void agree(String what, double tolerance, Call call, Numbers... arguments) {
    Numbers[] expected = new Numbers[arguments.length];
    Buffer[] host = new Buffer[arguments.length];
    Buffer[] blocks = new Buffer[arguments.length];
    CudaBuffer[] own = new CudaBuffer[arguments.length];
    for (int i = 0; i < arguments.length; i++) {
      expected[i] = arguments[i].copy();
      host[i] = new HostBuffer(expected[i].memory);
      long bytes = expected[i].memory.byteSize();
      long offset = random.nextInt(5) * (long) Math.max(4, arguments[i].type.bytes());
      CudaBuffer block = allocator.allocate(bytes + offset);
      blocks[i] = block;
      own[i] = block.slice(offset, bytes);
      device.upload(arguments[i].memory, own[i]);
    }
    try {
      call.run(REFERENCE, host);
      call.run(kernels, own);
      for (int i = 0; i < arguments.length; i++) {
        Numbers actual = empty(arguments[i].type, arguments[i].count());
        device.download(own[i], actual.memory);
        compare(what + ", argument " + i, tolerance, expected[i], actual);
      }
    } finally {
      for (Buffer block : blocks) {
        allocator.release(block);
      }
    }
  }

  static void compare(String what, double tolerance, Numbers expected, Numbers actual) {
    if (expected.type != DType.F32) {
      long differs = expected.memory.mismatch(actual.memory);
      if (differs >= 0) {
        fail(what + " differs at byte " + differs);
      }
      return;
    }
    double largest = 1e-3;
    for (long i = 0; i < expected.count(); i++) {
      float value = Math.abs(expected.f32(i));
      largest = Float.isInfinite(value) || value == -UNWRITTEN ? largest : Math.max(largest, value);
    }
    for (long i = 0; i < expected.count(); i++) {
      float e = expected.f32(i);
      float a = actual.f32(i);
      boolean same = Float.compare(e, a) == 0 || Math.abs((double) e - a) <= tolerance * largest;
      if (!same) {
        fail(what + " at " + i + ": expected " + e + ", got " + a);
      }
    }
  }
}
