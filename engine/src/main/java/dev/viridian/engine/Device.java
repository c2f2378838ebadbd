package dev.viridian.engine;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.cpu.CpuKernels;
import dev.viridian.kernels.cpu.CpuOptions;
import dev.viridian.kernels.cpu.RoundedKernels;
import dev.viridian.kernels.cuda.CudaAllocator;
import dev.viridian.kernels.cuda.CudaDevice;
import dev.viridian.kernels.cuda.CudaGraph;
import dev.viridian.kernels.cuda.CudaKernels;
import dev.viridian.kernels.memory.Allocator;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.CachingAllocator;
import dev.viridian.kernels.memory.Transfers;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Where tensors live and are computed: kernels and an allocator. Two devices are the same only if
 * they are the same object; tensors of different devices do not mix. Thread-safe.
 */
public final class Device implements AutoCloseable {
  private static final class Default {
    static final Device CPU = cpu(CpuOptions.defaults());
  }

  /** How long a thread waits for its turn before it looks whether it is still wanted. */
  private static final long TURN_MILLISECONDS = 50;

  private final String name;
  private final Kernels kernels;
  private final Allocator allocator;
  private final Transfers transfers;
  private final ReentrantLock turns = new ReentrantLock(true);

  private Device(String name, Kernels kernels, Allocator allocator, Transfers transfers) {
    this.name = name;
    this.kernels = kernels;
    this.allocator = allocator;
    this.transfers = transfers;
  }

  /** The CPU with all its processors: one shared device, never closed. */
  public static Device cpu() {
    return Default.CPU;
  }

  /** A device of its own on the CPU, with its own threads and memory. */
  public static Device cpu(CpuOptions options) {
    return cpu(options, new CachingAllocator());
  }

  /**
   * A device of its own on the CPU whose products, convolutions and attention round their factors,
   * forward and backward; tensors and sums stay F32.
   *
   * @param compute F32 (as {@link #cpu(CpuOptions)}) or BF16
   */
  public static Device cpu(CpuOptions options, DType compute) {
    CpuKernels kernels = new CpuKernels(options);
    return cpu(kernels, kernels, compute);
  }

  /**
   * The same through kernels that may be wrapped, to be watched.
   *
   * @param own whose threads round
   */
  public static Device cpu(Kernels kernels, CpuKernels own, DType compute) {
    CachingAllocator allocator = new CachingAllocator();
    return switch (compute) {
      case F32 -> of("cpu", kernels, allocator);
      case BF16 -> of("cpu", new RoundedKernels(kernels, allocator, own.workers()), allocator);
      default -> throw new IllegalArgumentException("the CPU does not round to " + compute);
    };
  }

  /** A device of its own on the CPU, with memory from the given allocator. */
  public static Device cpu(CpuOptions options, Allocator allocator) {
    return of("cpu", new CpuKernels(options), allocator);
  }

  /** A device of its own on the CPU through the given kernels: others wrapped, to be watched. */
  public static Device cpu(Kernels kernels) {
    return of("cpu", kernels, new CachingAllocator());
  }

  /**
   * A CUDA device.
   *
   * @param ordinal 0 for the first
   * @throws dev.viridian.kernels.cuda.CudaFailure if it cannot be used; says what helps
   */
  public static Device cuda(int ordinal) {
    return cuda(ordinal, DType.F32);
  }

  /**
   * A CUDA device whose products, convolutions and attention round their factors to a type of 16
   * bits and use tensor cores; sums stay F32. Networks keep their activations in that type where no
   * gradient is wanted ({@link #activations}).
   *
   * @param ordinal 0 for the first
   * @param compute F32 (as {@link #cuda(int)}), F16 or BF16
   * @throws dev.viridian.kernels.cuda.CudaFailure if it cannot be used or does not multiply that
   *     type; says what helps
   */
  public static Device cuda(int ordinal, DType compute) {
    CudaDevice device = CudaDevice.open(ordinal);
    CudaAllocator allocator = device.allocator();
    try {
      CudaKernels kernels = new CudaKernels(device, allocator, compute);
      return new Device("cuda:" + ordinal, kernels, allocator, device);
    } catch (RuntimeException e) {
      allocator.close();
      device.close();
      throw e;
    }
  }

  /** A device of its own in host memory, made of anything. */
  static Device of(String name, Kernels kernels, Allocator allocator) {
    return new Device(name, kernels, allocator, Transfers.HOST);
  }

  /** Such as {@code "cpu"} or {@code "cuda:0"}. */
  public String name() {
    return name;
  }

  /** The implementations of every kernel family on this device. */
  public Kernels kernels() {
    return kernels;
  }

  /**
   * What networks keep their activations in here between ops, where no gradient is wanted: F32, or
   * the type of 16 bits that the device computes in.
   */
  public DType activations() {
    return kernels.activations();
  }

  /** Hands out this device's memory. */
  public Allocator allocator() {
    return allocator;
  }

  /** Copies all of {@code source} (host memory) to the start of {@code target}. */
  public void upload(MemorySegment source, Buffer target) {
    transfers.upload(source, target);
  }

  /** Copies the start of {@code source} to all of {@code target} (host memory); waits for it. */
  public void download(Buffer source, MemorySegment target) {
    transfers.download(source, target);
  }

  /**
   * Waits until all that was asked for is done; on the CPU it is when a call returns.
   *
   * @throws IndexOutOfBoundsException if a CUDA kernel found an index that is outside
   */
  public void await() {
    if (transfers instanceof CudaDevice cuda) {
      cuda.synchronize();
    }
  }

  /** Bytes of its memory that nobody has taken; 0 where it does not tell, as the CPU. */
  public long freeBytes() {
    return transfers.freeBytes();
  }

  /**
   * Records what {@code work} launches on this device instead of doing it; null on a device that
   * records nothing. Nothing else may use the device meanwhile: see {@link #turn}.
   */
  @Nullable CudaGraph record(Runnable work) {
    return records()
        ? CudaGraph.record((CudaDevice) transfers, (CudaAllocator) allocator, work)
        : null;
  }

  /** Whether a {@link Replay} saves anything here. */
  public boolean records() {
    return transfers instanceof CudaDevice;
  }

  /** The device for one thread alone, until it is closed on that thread. */
  @FunctionalInterface
  public interface Turn extends AutoCloseable {
    @Override
    void close();
  }

  /**
   * Waits until no other thread has the device for itself. On a device that records, what other
   * threads launch meanwhile would become part of the graph: whoever replays steps, and whoever may
   * run beside such a one, takes turns. Elsewhere nobody waits. A thread that has its turn may ask
   * for it again.
   *
   * @param waiting called again and again while it waits; what it throws ends the waiting
   * @throws CancellationException if the thread is interrupted
   */
  public Turn turn(Runnable waiting) {
    if (!records()) {
      return () -> {};
    }
    try {
      while (!turns.tryLock(TURN_MILLISECONDS, TimeUnit.MILLISECONDS)) {
        waiting.run();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CancellationException("interrupted while another thread computes on " + this);
    }
    return turns::unlock;
  }

  /** Whether mapped files can be used where they lie. */
  public boolean readsHostMemory() {
    return transfers.readsHostMemory();
  }

  @Override
  public String toString() {
    return name;
  }

  /** Ends the device's threads and frees cached memory. Its tensors must not be used any more. */
  @Override
  public void close() {
    if (this == Default.CPU) {
      throw new IllegalStateException("the shared CPU device is never closed");
    }
    kernels.close();
    allocator.close();
    transfers.close();
  }
}
