package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;

/**
 * Asks the system for the tiles of AMX, once, for all threads: without permission their first use
 * ends the process.
 */
final class TilePermission {
  private static final long ARCH_PRCTL = 158;
  private static final long REQUEST_PERMISSION = 0x1023;
  private static final long TILE_DATA = 18;

  private static final class Holder {
    static final boolean GRANTED = ask();
  }

  private TilePermission() {}

  /** Whether this process may use them; on x86-64 Linux only. */
  static boolean granted() {
    return Holder.GRANTED;
  }

  @SuppressWarnings("restricted")
  private static boolean ask() {
    Linker linker = Linker.nativeLinker();
    MethodHandle systemCall =
        linker.downcallHandle(
            linker.defaultLookup().findOrThrow("syscall"),
            FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
            Linker.Option.firstVariadicArg(1));
    try {
      return (long) systemCall.invokeExact(ARCH_PRCTL, REQUEST_PERMISSION, TILE_DATA) == 0;
    } catch (Throwable t) {
      throw new IllegalStateException("syscall could not be called", t);
    }
  }
}
