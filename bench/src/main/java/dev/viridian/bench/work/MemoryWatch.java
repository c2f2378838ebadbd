package dev.viridian.bench.work;

import com.sun.management.ThreadMXBean;
import dev.viridian.engine.Device;
import dev.viridian.kernels.cpu.jit.NativeMemory;
import dev.viridian.kernels.memory.Allocator;
import java.lang.management.ManagementFactory;
import java.util.LinkedHashMap;
import java.util.Map;

/** Work that is complete when it returns, also on a CUDA device, and says what memory it took. */
public final class MemoryWatch implements Work {
  private final Work work;
  private final Device device;
  private long activations;
  private long fresh;
  private long scratch;
  private long garbage;

  /** Watches work on a device of its own. */
  public MemoryWatch(Work work, Device device) {
    this.work = work;
    this.device = device;
  }

  @Override
  public String name() {
    return work.name();
  }

  @Override
  public void run() {
    Allocator allocator = device.allocator();
    allocator.resetPeak();
    Allocator.Usage before = allocator.usage();
    long taken = NativeMemory.scratchTaken();
    long heap = heapAllocated();
    work.run();
    device.await();
    garbage = heapAllocated() - heap;
    scratch = NativeMemory.scratchTaken() - taken;
    Allocator.Usage after = allocator.usage();
    long most = after.peak() - before.used();
    // What a recorded graph keeps for itself does not count as taken when it runs: its first runs
    // do.
    activations = device.records() ? Math.max(activations, most) : most;
    fresh = after.fresh() - before.fresh();
  }

  /** Bytes that all threads have allocated on the Java heap so far; 0 where the JVM hides it. */
  private static long heapAllocated() {
    return ManagementFactory.getThreadMXBean() instanceof ThreadMXBean threads
        ? Math.max(0, threads.getTotalThreadAllocatedBytes())
        : 0;
  }

  /**
   * Of the last run: {@code activation_bytes}, the most of the device's memory that it held at once
   * beyond what was there before (on a CUDA device: that any run held); {@code fresh_blocks} and
   * {@code fresh_scratch}, how often memory was taken from the system; {@code java_bytes},
   * allocated on the Java heap.
   */
  public Map<String, Object> taken() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("activation_bytes", activations);
    json.put("fresh_blocks", fresh);
    json.put("fresh_scratch", scratch);
    json.put("java_bytes", garbage);
    return json;
  }

  /** The same for people. */
  @Override
  public String toString() {
    return String.format(
        "activations %.1f MB at most; %d blocks and %d times scratch memory taken from the system,"
            + " %.2f MB on the Java heap in the last run",
        activations / 1e6, fresh, scratch, garbage / 1e6);
  }

  @Override
  public void close() {
    work.close();
  }
}
