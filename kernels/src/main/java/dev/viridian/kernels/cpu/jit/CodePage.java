package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.viridian.kernels.memory.SystemMemory;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * One generated function {@code void f(void* arguments)} in memory of its own. The memory can be
 * written until the code is complete and executed from then on, never both.
 *
 * <p>{@link #call} may be used from any thread. Nothing can move while a call lasts (the garbage
 * collector waits for its end), so a call should take less than about a millisecond.
 */
final class CodePage implements Code, AutoCloseable {
  private static final long PAGE = 4096;

  /** Calls any generated code: the address comes first. One for all, since making one is slow. */
  private static final class Native {
    static final MethodHandle CALL = call();

    private Native() {}

    @SuppressWarnings("restricted")
    private static MethodHandle call() {
      return Linker.nativeLinker()
          .downcallHandle(FunctionDescriptor.ofVoid(JAVA_LONG), Linker.Option.critical(false));
    }
  }

  private final MemorySegment entry;
  private final long bytes;
  private volatile boolean closed;

  private CodePage(MemorySegment entry, long bytes) {
    this.entry = entry;
    this.bytes = bytes;
  }

  /** Whether this is a system for which code can be generated. */
  static boolean supported() {
    return SystemMemory.supported();
  }

  /**
   * Makes code executable.
   *
   * @throws IllegalStateException if the system does not allow that
   */
  static CodePage of(byte[] code) {
    if (!supported()) {
      throw new IllegalStateException("code is generated for x86-64 Linux only");
    }
    if (code.length == 0) {
      throw new IllegalArgumentException("no code");
    }
    long bytes = (code.length + PAGE - 1) / PAGE * PAGE;
    long address = SystemMemory.map(bytes);
    MemorySegment entry = MemorySegment.ofAddress(address);
    CodePage page = new CodePage(entry, bytes);
    write(entry, bytes, code);
    if (!SystemMemory.makeExecutable(address, bytes)) {
      page.close();
      throw new IllegalStateException("the system does not allow memory to become executable");
    }
    return page;
  }

  @SuppressWarnings("restricted")
  private static void write(MemorySegment entry, long bytes, byte[] code) {
    MemorySegment.copy(code, 0, entry.reinterpret(bytes), JAVA_BYTE, 0, code.length);
  }

  /** Where the code lies. */
  long address() {
    return entry.address();
  }

  /**
   * {@inheritDoc}
   *
   * @throws IllegalStateException if closed
   */
  @Override
  public void call(long arguments) {
    if (closed) {
      throw new IllegalStateException("code was called after its memory was given back");
    }
    try {
      Native.CALL.invokeExact(entry, arguments);
    } catch (Throwable t) {
      throw new IllegalStateException("generated code could not be called", t);
    }
  }

  /** Gives the memory back; no call may be running or come later. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    SystemMemory.unmap(entry.address(), bytes);
  }
}
