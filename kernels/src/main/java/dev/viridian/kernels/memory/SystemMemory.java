package dev.viridian.kernels.memory;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Locale;

/**
 * Memory straight from the system (x86-64 Linux): for code, for maps and weights, and in large
 * pages for scratch. Using this class where it is not {@link #supported} or native access is denied
 * to the JVM fails with an error of linkage.
 */
public final class SystemMemory {
  private static final int READ_WRITE = 3;
  private static final int READ_EXECUTE = 5;
  private static final int PRIVATE_ANONYMOUS = 0x22;
  private static final int HUGE_PAGES = 14;
  private static final long HUGE_PAGE = 2 << 20;

  private static final MethodHandle MMAP =
      function(
          "mmap",
          FunctionDescriptor.of(
              JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
  private static final MethodHandle MPROTECT =
      function("mprotect", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT));
  private static final MethodHandle MUNMAP =
      function("munmap", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));
  private static final MethodHandle MADVISE =
      function("madvise", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT));

  private SystemMemory() {}

  /** Whether this is a system that it is written for. */
  public static boolean supported() {
    return Known.SUPPORTED;
  }

  /** Apart, so that asking links nothing. */
  private static final class Known {
    static final boolean SUPPORTED =
        System.getProperty("os.arch").equals("amd64")
            && System.getProperty("os.name").toLowerCase(Locale.ROOT).equals("linux");
  }

  @SuppressWarnings("restricted")
  private static MethodHandle function(String name, FunctionDescriptor descriptor) {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), descriptor);
  }

  private static IllegalStateException failed(String name, Throwable t) {
    return new IllegalStateException(name + " could not be called", t);
  }

  /**
   * Takes zeroed memory that can be written; give it back by {@link #unmap}.
   *
   * @throws IllegalStateException if the system gives none
   */
  public static long map(long bytes) {
    long address;
    try {
      address = (long) MMAP.invokeExact(0L, bytes, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0L);
    } catch (Throwable t) {
      throw failed("mmap", t);
    }
    if (address == -1) {
      throw new IllegalStateException("the system gave no memory");
    }
    return address;
  }

  /** Makes memory executable and no longer writable; false if the system does not allow that. */
  public static boolean makeExecutable(long address, long bytes) {
    try {
      return (int) MPROTECT.invokeExact(address, bytes, READ_EXECUTE) == 0;
    } catch (Throwable t) {
      throw failed("mprotect", t);
    }
  }

  /** Gives memory back. */
  public static void unmap(long address, long bytes) {
    int result;
    try {
      result = (int) MUNMAP.invokeExact(address, bytes);
    } catch (Throwable t) {
      throw failed("munmap", t);
    }
    if (result != 0) {
      throw new IllegalStateException("munmap failed");
    }
  }

  /**
   * Zeroed memory in pages of 2 MiB where the system has them: products walk through it in steps of
   * many small pages, and would wait for the tables of those. Given back once unreachable.
   *
   * @param bytes rounded up to whole large pages
   */
  @SuppressWarnings("restricted")
  public static MemorySegment large(long bytes) {
    long size = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    MemorySegment memory = pages(size, Arena.ofAuto());
    inLargePages(memory);
    return memory;
  }

  /**
   * Asks for pages of 2 MiB for {@link #pages memory} that has not been touched yet. The last one
   * is taken whole if most of it is needed; else the rest stays in small pages. Nothing happens to
   * what was touched, to less than a large page, or where the system has no such pages. Of other
   * memory what follows may be taken so, too.
   */
  public static void inLargePages(MemorySegment memory) {
    if (!supported() || memory.byteSize() < HUGE_PAGE) {
      return;
    }
    long start = (memory.address() + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    long end = (memory.address() + memory.byteSize() + HUGE_PAGE / 4) / HUGE_PAGE * HUGE_PAGE;
    try {
      if (start < end) {
        int ignored = (int) MADVISE.invokeExact(start, end - start, HUGE_PAGES); // small ones do
      }
    } catch (Throwable t) {
      throw failed("madvise", t);
    }
  }

  /**
   * Zeroed memory in small pages unless {@link #inLargePages others} are asked for, given back with
   * the arena. What would fill a large page begins at one. (A virtual machine may take longer for a
   * gigabyte of large pages than for small ones: 2 s instead of 1 s was seen.)
   *
   * @throws IllegalStateException if the system gives none
   */
  @SuppressWarnings("restricted")
  public static MemorySegment pages(long bytes, Arena arena) {
    // The first and the last large page are its own then.
    long whole = bytes < HUGE_PAGE ? bytes : bytes + 2 * HUGE_PAGE;
    long start = map(whole);
    long address = whole == bytes ? start : (start + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    return MemorySegment.ofAddress(address).reinterpret(bytes, arena, s -> unmap(start, whole));
  }
}
