package dev.viridian.engine.testing;

import dev.viridian.engine.Device;
import dev.viridian.kernels.cpu.CpuOptions;
import dev.viridian.kernels.cuda.EmulatedDevice;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Assertions;

/**
 * What golden tests compute on. The system property {@code viridian.test.kernels} forces one
 * implementation of every family that has it: {@code reference}, {@code vector}, {@code jit-avx2}
 * or {@code jit-avx512}; or a device: {@code cuda} is the machine's first, {@code cuda-emulated}
 * the emulated one. Without it the fastest kernels of the CPU are chosen, as in a program.
 */
public final class GoldenDevices {
  private static final String FORCED = System.getProperty("viridian.test.kernels", "");
  private static final String CUDA = "cuda";
  private static final String EMULATED = "cuda-emulated";
  private static final int THREADS = CpuOptions.defaults().threads();

  private GoldenDevices() {}

  private static final class Default {
    static final Device DEVICE =
        FORCED.isEmpty() ? Device.cpu() : Device.cpu(CpuOptions.path(THREADS, FORCED));
  }

  private static final class Cuda {
    static final Device DEVICE = Device.cuda(0);
  }

  /** The device of whole networks; never closed. */
  public static Device device() {
    return switch (FORCED) {
      case CUDA -> Cuda.DEVICE;
      case EMULATED -> emulated();
      default -> Default.DEVICE;
    };
  }

  /** Whether one implementation or device is forced, so that others are left out. */
  public static boolean forced() {
    return !FORCED.isEmpty();
  }

  /** Whether a device is the emulated one, which is slow. */
  public static boolean isEmulated(Device device) {
    return device.name().startsWith("cuda") && !ownCuda();
  }

  /** Whether tests of CUDA are to run on the machine's own device. */
  public static boolean ownCuda() {
    return FORCED.equals(CUDA);
  }

  /**
   * Before a test opens CUDA devices of its own: makes the emulated one the machine's, as new,
   * unless the machine's own is asked for. Skips the test where there can be no emulated one.
   */
  public static void prepareCuda() {
    if (!ownCuda()) {
      EmulatedDevice.load().reset();
    }
  }

  /** After such a test has closed them: what went wrong on the emulated device; then it is gone. */
  public static String cudaReport() {
    if (ownCuda()) {
      return "";
    }
    EmulatedDevice emulated = EmulatedDevice.load();
    String report = emulated.report();
    emulated.devices(0);
    return report;
  }

  /** Fails if the device is emulated and something went wrong on it. */
  public static void requireSound(Device device) {
    if (isEmulated(device)) {
      EmulatedDevice emulated = EmulatedDevice.load();
      Assertions.assertEquals("", emulated.report(), "the emulated device");
      emulated.devices(0);
    }
  }

  /**
   * The emulated CUDA device, never closed; skips the test where there can be none. Programs that
   * look for a device while it is there find none.
   */
  public static Device emulated() {
    EmulatedDevice emulated = EmulatedDevice.load();
    Device device = Cuda.DEVICE;
    emulated.devices(0);
    return device;
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
