package dev.viridian.kernels.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jcuda.driver.CUfunction;
import jcuda.driver.CUmodule;
import jcuda.driver.JCudaDriver;

/**
 * Our kernels on one device: the PTX of a family is a resource of the jar, once for each kind of
 * device that it differs for; the driver compiles it when the family is first used.
 */
final class CudaModules implements AutoCloseable {
  /** What PTX there is for, best last: 10 · major + minor of the compute capability. */
  static final int[] TARGETS = {75, 80, 90};

  private static final Pattern ENTRY =
      Pattern.compile("\\.entry\\s+(\\w+)\\s*\\(([^)]*)\\)", Pattern.DOTALL);
  private static final Pattern PARAMETER = Pattern.compile("\\.param\\s+\\.[a-z](\\d+)");

  /**
   * A kernel.
   *
   * @param parameters bytes of each parameter
   */
  record Kernel(String name, CUfunction function, int[] parameters) {}

  private final CudaDevice device;
  private final Map<String, CUmodule> modules = new HashMap<>();
  private final Map<String, Kernel> kernels = new HashMap<>();

  CudaModules(CudaDevice device) {
    this.device = device;
  }

  /** The kernel {@code family_name}. */
  synchronized Kernel kernel(String family, String name) {
    String full = family + "_" + name;
    if (!modules.containsKey(family)) {
      load(family);
    }
    Kernel kernel = kernels.get(full);
    if (kernel == null) {
      throw new IllegalArgumentException("there is no kernel " + full);
    }
    return kernel;
  }

  private void load(String family) {
    int target = target(device.capability());
    String text = ptx(family, target);
    CUmodule module = new CUmodule();
    device.bind();
    byte[] image = text.getBytes(StandardCharsets.US_ASCII);
    CudaCheck.driver(
        JCudaDriver.cuModuleLoadData(module, Arrays.copyOf(image, image.length + 1)),
        "cuModuleLoadData of " + family + " for sm_" + target);
    modules.put(family, module);
    Matcher entries = ENTRY.matcher(text);
    while (entries.find()) {
      String name = entries.group(1);
      CUfunction function = new CUfunction();
      CudaCheck.driver(
          JCudaDriver.cuModuleGetFunction(function, module, name), "cuModuleGetFunction " + name);
      int[] sizes =
          PARAMETER
              .matcher(entries.group(2))
              .results()
              .mapToInt(m -> Integer.parseInt(m.group(1)) / 8)
              .toArray();
      kernels.put(name, new Kernel(name, function, sizes));
    }
  }

  /** The best PTX for a device. */
  static int target(int capability) {
    int best = 0;
    for (int target : TARGETS) {
      if (target <= capability) {
        best = target;
      }
    }
    if (best == 0) {
      throw new CudaFailure(
          "CUDA: a device of compute capability "
              + capability / 10
              + "."
              + capability % 10
              + " is too old: at least 7.5 is needed (Turing)");
    }
    return best;
  }

  /**
   * The text of a family for devices of {@code target}: that of an older target where it is the
   * same.
   */
  static String ptx(String family, int target) {
    for (int i = TARGETS.length - 1; i >= 0; i--) {
      if (TARGETS[i] > target) {
        continue;
      }
      String name = family + ".sm_" + TARGETS[i] + ".ptx";
      try (InputStream in = CudaModules.class.getResourceAsStream(name)) {
        if (in != null) {
          return new String(in.readAllBytes(), StandardCharsets.US_ASCII);
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    throw new CudaFailure(
        "CUDA: there is no " + family + " for devices of compute capability " + target / 10.0);
  }

  @Override
  public synchronized void close() {
    device.bind();
    for (CUmodule module : modules.values()) {
      CudaCheck.driver(JCudaDriver.cuModuleUnload(module), "cuModuleUnload");
    }
    modules.clear();
    kernels.clear();
  }
}
