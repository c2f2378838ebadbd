package dev.viridian.engine.testing;

import dev.viridian.engine.Device;
import dev.viridian.kernels.cpu.CpuOptions;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What golden tests compute on. The system property {@code viridian.test.kernels} forces one
 * implementation of every family that has it: {@code reference}, {@code vector}, {@code jit-avx2}
 * or {@code jit-avx512}; without it the fastest are chosen, as in a program.
 */
public final class GoldenDevices {
  private static final String FORCED = System.getProperty("viridian.test.kernels", "");
  private static final int THREADS = CpuOptions.defaults().threads();

  private GoldenDevices() {}

  private static final class Default {
    static final Device DEVICE =
        FORCED.isEmpty() ? Device.cpu() : Device.cpu(CpuOptions.path(THREADS, FORCED));
  }

  /** The device of whole networks; never closed. */
  public static Device device() {
    return Default.DEVICE;
  }

  /** A device for each implementation that this machine can run, and {@code chosen}; or one. */
  public static Map<String, Device> all() {
    Map<String, Device> all = new LinkedHashMap<>();
    if (!FORCED.isEmpty()) {
      all.put(FORCED, device());
      return all;
    }
    for (String path : CpuOptions.paths()) {
      all.put(path, Device.cpu(CpuOptions.path(THREADS, path)));
    }
    all.put("chosen", device());
    return all;
  }
}
