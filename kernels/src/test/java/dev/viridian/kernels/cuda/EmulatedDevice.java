package dev.viridian.kernels.cuda;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;

/**
 * The CUDA device that is emulated on the CPU: it takes the place of the driver, cuBLAS and cuDNN
 * in this process. {@link #load} comes before anything touches JCuda. What it finds wrong (writes
 * outside of a block, barriers that are not reached by all) fails the call that waits for it, and
 * {@link #report} says more.
 */
@SuppressWarnings("restricted") // loads and calls libraries: that is its purpose
public final class EmulatedDevice {
  /** In which order the threads of a block take turns. */
  public enum Order {
    FORWARD,
    REVERSED,
    RANDOM
  }

  private static final class Loaded {
    static final EmulatedDevice DEVICE = new EmulatedDevice(EmulatedBuild.folder());
  }

  private final SymbolLookup driver;
  private final SymbolLookup cublas;
  private final SymbolLookup cudnn;

  private EmulatedDevice(Path folder) {
    try {
      List<Path> libraries = new ArrayList<>();
      for (String name : List.of("libcuda.so.1", "libcublas.so.12", "libcudnn.so.9")) {
        libraries.add(folder.resolve(name));
      }
      libraries.addAll(EmulatedBuild.parts(folder));
      libraries.addAll(EmulatedBuild.kernels(folder));
      libraries.forEach(library -> System.load(library.toString()));
      driver = SymbolLookup.libraryLookup(libraries.get(0), Arena.global());
      cublas = SymbolLookup.libraryLookup(libraries.get(1), Arena.global());
      cudnn = SymbolLookup.libraryLookup(libraries.get(2), Arena.global());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Builds the device if need be and takes it into this process; skips the test if it cannot. */
  public static EmulatedDevice load() {
    String missing = EmulatedBuild.missing();
    Assumptions.assumeTrue(missing == null, missing);
    Loaded.DEVICE.devices(1);
    return Loaded.DEVICE;
  }

  /**
   * Calls a function of the driver, cuBLAS or cuDNN, or of the device itself.
   *
   * @param arguments Integer, Long, Float and MemorySegment (an address)
   * @return its result code
   */
  public int call(String function, Object... arguments) {
    SymbolLookup library =
        function.startsWith("cublas") ? cublas : function.startsWith("cudnn") ? cudnn : driver;
    MemorySegment address = library.find(function).orElseThrow();
    MemoryLayout[] layouts = new MemoryLayout[arguments.length];
    for (int i = 0; i < layouts.length; i++) {
      Object a = arguments[i];
      layouts[i] =
          a instanceof Integer
              ? ValueLayout.JAVA_INT
              : a instanceof Long
                  ? ValueLayout.JAVA_LONG
                  : a instanceof Float ? ValueLayout.JAVA_FLOAT : ValueLayout.ADDRESS;
    }
    try {
      return (int)
          Linker.nativeLinker()
              .downcallHandle(address, FunctionDescriptor.of(ValueLayout.JAVA_INT, layouts))
              .invokeWithArguments(arguments);
    } catch (Throwable e) {
      throw new IllegalStateException(function, e);
    }
  }

  /** Sets the order of threads from here on; the seed is that of the random order. */
  public void order(Order order, long seed) {
    call("emulatedSetOrder", order.ordinal(), seed);
  }

  /** The first thing that went wrong since the last {@link #reset}; empty if nothing did. */
  public String report() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocate(1000);
      call("emulatedReport", text, 1000);
      return text.getString(0);
    }
  }

  /** Forgets errors, and operations that wait. Memory stays allocated. */
  public void reset() {
    call("emulatedClearReport"); // which still looks at what was released
    call("emulatedReset");
    order(Order.FORWARD, 0);
  }

  /** How many blocks of device memory are in use. */
  public int blocks() {
    return call("emulatedBlocks");
  }

  /**
   * How many devices there seem to be until the next {@link #load}: with 0 those that are open go
   * on, and {@code --device auto} takes the CPU.
   */
  public void devices(int count) {
    call("emulatedSetDevices", count);
  }

  /** How often a graph was launched in this process. */
  public int graphLaunches() {
    return call("emulatedGraphLaunches");
  }

  /** Whether a stream can be recorded; it can unless this says otherwise. */
  public void recordable(boolean yes) {
    call("emulatedSetRecordable", yes ? 1 : 0);
  }

  /** How much memory the device has; 8 GiB unless this says otherwise. */
  public void totalBytes(long bytes) {
    call("emulatedSetTotalBytes", bytes);
  }
}
