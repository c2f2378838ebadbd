package dev.viridian.kernels.cuda;

import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.CudaBuffer;
import dev.viridian.kernels.memory.Transfers;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUstream;
import jcuda.driver.CUstream_flags;
import jcuda.driver.JCudaDriver;

/**
 * One CUDA device: its primary context, one stream in which everything happens in order, and our
 * kernels. Thread-safe. To be closed after all that was made of it, in the order kernels,
 * allocator, device.
 */
public final class CudaDevice implements Transfers {
  private final int ordinal;
  private final String name;
  private final int capability;
  private final CUdevice device = new CUdevice();
  private final CUcontext context = new CUcontext();
  private final Stream stream = new Stream();
  private final CudaModules modules;
  private final CudaStaging staging;
  private final CudaFaults faults;
  private boolean closed;
  private volatile boolean recording;

  /** A stream whose address can be told to others than JCuda. */
  private static final class Stream extends CUstream {
    long address() {
      return getNativePointer();
    }
  }

  private CudaDevice(int ordinal) {
    this.ordinal = ordinal;
    CudaCheck.driver(JCudaDriver.cuDeviceGet(device, ordinal), "cuDeviceGet " + ordinal);
    byte[] text = new byte[256];
    CudaCheck.driver(JCudaDriver.cuDeviceGetName(text, text.length, device), "cuDeviceGetName");
    int length = 0;
    while (length < text.length && text[length] != 0) {
      length++;
    }
    name = new String(text, 0, length, StandardCharsets.UTF_8);
    capability = 10 * attribute(CAPABILITY_MAJOR) + attribute(CAPABILITY_MINOR);
    CudaModules.target(capability);
    CudaCheck.driver(
        JCudaDriver.cuDevicePrimaryCtxRetain(context, device), "cuDevicePrimaryCtxRetain");
    try {
      bind();
      CudaCheck.driver(
          JCudaDriver.cuStreamCreate(stream, CUstream_flags.CU_STREAM_NON_BLOCKING),
          "cuStreamCreate");
      staging = new CudaStaging(this);
      faults = new CudaFaults(this);
    } catch (RuntimeException | Error e) {
      JCudaDriver.cuDevicePrimaryCtxRelease(device);
      throw e;
    }
    modules = new CudaModules(this);
  }

  private static final int CAPABILITY_MAJOR = 75;
  private static final int CAPABILITY_MINOR = 76;

  private int attribute(int number) {
    int[] value = new int[1];
    CudaCheck.driver(
        JCudaDriver.cuDeviceGetAttribute(value, number, device), "cuDeviceGetAttribute " + number);
    return value[0];
  }

  /**
   * Opens a device.
   *
   * @param ordinal 0 for the first
   * @throws CudaFailure if there is none, or it or its driver cannot be used; says what helps
   */
  public static CudaDevice open(int ordinal) {
    CudaLibraries.Driver driver = CudaLibraries.driver();
    if (driver.devices() == 0) {
      throw new CudaFailure(driver.problem());
    }
    if (ordinal < 0 || ordinal >= driver.devices()) {
      throw new CudaFailure(
          "CUDA: there is no device "
              + ordinal
              + ", there are "
              + driver.devices()
              + ", counted from 0");
    }
    return new CudaDevice(ordinal);
  }

  /** The device's number. */
  public int ordinal() {
    return ordinal;
  }

  /** What its maker calls it. */
  public String name() {
    return name;
  }

  /** Compute capability, 10 · major + minor. */
  public int capability() {
    return capability;
  }

  /** An allocator of this device's memory, to be closed before the device. */
  public CudaAllocator allocator() {
    return allocator(Long.MAX_VALUE);
  }

  /** The same, holding {@code limit} bytes at most. */
  public CudaAllocator allocator(long limit) {
    return new CudaAllocator(this, limit);
  }

  /** Whether a graph is being recorded: nothing may be waited for then. */
  boolean isRecording() {
    return recording;
  }

  void recording(boolean now) {
    recording = now;
  }

  CUstream stream() {
    return stream;
  }

  long streamAddress() {
    return stream.address();
  }

  /** Makes the context that of the calling thread: before every call of the driver. */
  void bind() {
    if (closed) {
      throw new IllegalStateException(this + " is closed");
    }
    CudaCheck.driver(JCudaDriver.cuCtxSetCurrent(context), "cuCtxSetCurrent");
  }

  /** Where kernels say what was wrong with the numbers they found. */
  CudaFaults faults() {
    return faults;
  }

  /** Begins a launch of the kernel {@code family_kernel}. */
  CudaLaunch launch(String family, String kernel) {
    return new CudaLaunch(this, modules.kernel(family, kernel));
  }

  /** A buffer that must be of this device. */
  CudaBuffer own(Buffer buffer) {
    if (buffer instanceof CudaBuffer own && own.device() == ordinal) {
      return own;
    }
    throw new IllegalArgumentException("expected memory of " + this + ", got " + buffer);
  }

  /**
   * Waits until all is done. Errors of earlier work appear here.
   *
   * @throws IndexOutOfBoundsException if an index was found to be outside
   */
  public void synchronize() {
    await();
    faults.raise(staging);
  }

  /** Waits until all is done. */
  void await() {
    bind();
    CudaCheck.driver(JCudaDriver.cuStreamSynchronize(stream), "cuStreamSynchronize");
  }

  /** Fills the start of a buffer with a byte. */
  void clear(Buffer target, long bytes) {
    if (bytes == 0) {
      return;
    }
    CudaBuffer own = own(target).slice(0, bytes);
    bind();
    CudaCheck.driver(
        JCudaDriver.cuMemsetD8Async(Address.of(own.address()), (byte) 0, bytes, stream),
        "cuMemsetD8Async");
  }

  /** Copies from buffer to buffer. */
  void copy(CudaBuffer from, CudaBuffer to, long bytes) {
    Objects.checkFromIndexSize(0, bytes, Math.min(from.bytes(), to.bytes()));
    if (bytes > 0) {
      bind();
      CudaCheck.driver(
          JCudaDriver.cuMemcpyDtoDAsync(
              Address.of(own(to).address()), Address.of(own(from).address()), bytes, stream),
          "cuMemcpyDtoDAsync");
    }
  }

  @Override
  public void upload(MemorySegment source, Buffer target) {
    requireNotRecording("an upload");
    staging.upload(source, own(target));
  }

  @Override
  public void download(Buffer source, MemorySegment target) {
    requireNotRecording("a download");
    staging.download(own(source), target);
    faults.raise(staging);
  }

  void requireNotRecording(String what) {
    if (recording) {
      throw new IllegalStateException(what + " cannot be part of a graph that is recorded");
    }
  }

  @Override
  public boolean readsHostMemory() {
    return false;
  }

  @Override
  public long freeBytes() {
    long[] free = new long[1];
    long[] total = new long[1];
    bind();
    CudaCheck.driver(JCudaDriver.cuMemGetInfo(free, total), "cuMemGetInfo");
    return free[0];
  }

  @Override
  public String toString() {
    return "cuda:" + ordinal + " (" + name + ")";
  }

  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    try {
      await();
      modules.close();
      faults.close();
      staging.close();
      CudaCheck.driver(JCudaDriver.cuStreamDestroy(stream), "cuStreamDestroy");
    } finally {
      closed = true;
      JCudaDriver.cuDevicePrimaryCtxRelease(device);
    }
  }
}
