package dev.viridian.kernels.cuda;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import jcuda.driver.CUdevice;
import jcuda.driver.JCudaDriver;

/**
 * What CUDA offers on this machine, for people and for choosing a device before one is opened.
 * Nothing here fails, or harms the process, where driver, devices or libraries are missing, old or
 * broken.
 */
public final class CudaReport {
  private static final int CAPABILITY_MAJOR = 75;
  private static final int CAPABILITY_MINOR = 76;

  /** The oldest compute capability that our kernels are made for. */
  private static final int OLDEST = 75;

  private CudaReport() {}

  /**
   * A device.
   *
   * @param ordinal its number, from 0
   * @param name what its maker calls it
   * @param capability compute capability, 10 · major + minor
   * @param bytes of memory in all
   */
  public record Gpu(int ordinal, String name, int capability, long bytes) {
    /** Such as {@code cuda:0 NVIDIA H200, compute capability 9.0, 139.8 GiB}. */
    @Override
    public String toString() {
      return String.format(
          Locale.ROOT,
          "cuda:%d %s, compute capability %d.%d, %.1f GiB",
          ordinal,
          name,
          capability / 10,
          capability % 10,
          bytes / (double) (1L << 30));
    }

    /** Whether our kernels run on it. */
    public boolean isSupported() {
      return capability >= OLDEST;
    }
  }

  /** The devices that the driver has; none where it does not work. */
  public static List<Gpu> devices() {
    List<Gpu> found = new ArrayList<>();
    for (int i = 0; i < CudaLibraries.driver().devices(); i++) {
      CUdevice device = new CUdevice();
      long[] bytes = new long[1];
      int[] major = new int[1];
      int[] minor = new int[1];
      byte[] text = new byte[256];
      if (JCudaDriver.cuDeviceGet(device, i) == 0
          && JCudaDriver.cuDeviceGetName(text, text.length, device) == 0
          && JCudaDriver.cuDeviceGetAttribute(major, CAPABILITY_MAJOR, device) == 0
          && JCudaDriver.cuDeviceGetAttribute(minor, CAPABILITY_MINOR, device) == 0
          && JCudaDriver.cuDeviceTotalMem(bytes, device) == 0) {
        String name = new String(text, StandardCharsets.UTF_8);
        int end = name.indexOf(0);
        found.add(
            new Gpu(
                i, end < 0 ? name : name.substring(0, end), 10 * major[0] + minor[0], bytes[0]));
      }
    }
    return found;
  }

  /**
   * What keeps a device from being used: the driver, its number, its age, or cuBLAS.
   *
   * @return one line that says what helps; empty if nothing does
   */
  public static String problem(int ordinal) {
    CudaLibraries.Driver driver = CudaLibraries.driver();
    if (driver.devices() == 0) {
      return driver.problem();
    }
    if (ordinal < 0 || ordinal >= driver.devices()) {
      return "CUDA: there is no device cuda:"
          + ordinal
          + ", the last is cuda:"
          + (driver.devices() - 1);
    }
    for (Gpu gpu : devices()) {
      if (gpu.ordinal() == ordinal && !gpu.isSupported()) {
        return "CUDA: "
            + gpu
            + " is too old: compute capability "
            + OLDEST / 10
            + "."
            + OLDEST % 10
            + " (Turing) is needed at least";
      }
    }
    return CudaLibraries.blas();
  }

  /** Whether the machine has CUDA, whole or not: that it is not used is news then. */
  public static boolean isThere() {
    CudaLibraries.Driver driver = CudaLibraries.driver();
    return driver.broken() || driver.devices() > 0;
  }

  /** Whether a driver is there that does not work: that is not the user's command line. */
  public static boolean isBroken() {
    return CudaLibraries.driver().broken();
  }
}
