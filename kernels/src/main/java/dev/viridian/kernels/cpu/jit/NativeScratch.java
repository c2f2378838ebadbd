package dev.viridian.kernels.cpu.jit;

import dev.viridian.kernels.memory.SystemMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.atomic.LongAdder;

/**
 * Native memory of one thread that is kept between tasks, with undefined content. A part belongs to
 * the caller of {@link #get} until it asks for the same part again, and lives as long as its thread
 * or whoever refers to it.
 */
final class NativeScratch {
  /** What memory is for. */
  enum Part {
    /** Panels of the right factor, read by all threads that work on a product. */
    PANELS,
    /** A panel, or a part of one, of the calling thread alone. */
    PANEL,
    /** Addresses of the rows of the left factor, or of its tiles. */
    ROWS,
    /** Where the next panel's values lie. */
    FETCHES,
    /** A tile of the result. */
    TILE,
    /** Numbers of the rows of attention's scores, read by all threads that work on them. */
    STATISTICS,
    /** A bias as floats. */
    BIAS,
    /** A copy of the left factor, read by all threads that work on a product. */
    LEFT,
    /** What scaling tells of a tile or a panel. */
    GREATEST,
    /** Rows of the left factor that had to be turned. */
    TURNED,
    /** Activations in lower precision; for vectors read by all threads that work on a product. */
    NARROW,
    /** A row of a map in lower precision. */
    ROW,
    /** Scale and zero point of each of their rows. */
    QUANTA,
    /** Zeros; never written. */
    ZEROS,
    /** A map with its border. */
    BORDERED,
    /** Patches of a map, read by all threads that work on a product. */
    PATCHES,
    /** Filters in another order. */
    FILTERS,
    /** What each tap of a kernel makes of pixels, read by all threads that add it up. */
    TAPS,
    /** Transformed squares of a map. */
    SQUARES,
    /** Numbers that are less than a vector. */
    TAIL,
    /** What belongs to the channels of a map, read by all threads that normalise it. */
    CHANNELS,
    /** Sums that may not go where they belong yet. */
    SUMS,
    /** Scores and weights of attention between its two products. */
    WEIGHTS,
    /** Where pixels go that are not there; never read. */
    OUTSIDE
  }

  /** From here on memory comes in large pages. */
  private static final long LARGE = 1 << 20;

  private static final ThreadLocal<NativeScratch> OF_THREAD =
      ThreadLocal.withInitial(NativeScratch::new);

  private static final LongAdder TAKEN = new LongAdder();

  private final MemorySegment[] parts = new MemorySegment[Part.values().length];
  private final Frame frame = new Frame();

  private NativeScratch() {
    Arrays.fill(parts, MemorySegment.NULL);
  }

  /** Memory of the calling thread of at least the given size. */
  static MemorySegment get(Part part, long bytes) {
    MemorySegment[] parts = OF_THREAD.get().parts;
    MemorySegment memory = parts[part.ordinal()];
    if (memory.byteSize() < bytes) {
      memory =
          bytes >= LARGE && CodePage.supported()
              ? SystemMemory.large(bytes)
              : Arena.ofAuto().allocate((bytes + 4095) / 4096 * 4096, 4096);
      parts[part.ordinal()] = memory;
      TAKEN.increment();
    }
    return memory;
  }

  /** How often memory was taken from the system, by all threads so far. */
  static long taken() {
    return TAKEN.sum();
  }

  /** The calling thread's arguments. */
  static Frame frame() {
    return OF_THREAD.get().frame;
  }
}
