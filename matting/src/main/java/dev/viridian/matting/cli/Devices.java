package dev.viridian.matting.cli;

import dev.viridian.engine.Device;
import dev.viridian.engine.InputException;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.cuda.CudaFailure;
import dev.viridian.kernels.cuda.CudaReport;
import java.io.PrintStream;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** What {@code --device} names. */
public final class Devices {
  /** A CUDA device, else the CPU. */
  public static final String AUTO = "auto";

  /** Nothing named: as auto, but silent where the machine has no CUDA at all. */
  public static final String NONE = "";

  /** The CPU. */
  public static final String CPU = "cpu";

  /** What the flag's help says. */
  public static final String HELP =
      "auto (the default: a CUDA device, else the CPU), cpu, cuda or cuda:N.";

  private static final String CUDA = "cuda";

  private Devices() {}

  /** The flag's value as {@link #open} takes it; refuses what is no device's name. */
  public static String check(Checks checks, String value) {
    String name = value.toLowerCase(Locale.ROOT);
    return name.equals(NONE) || name.matches("cuda:\\d{1,3}")
        ? name
        : checks.choice("--device", name, List.of(AUTO, CPU, CUDA, "cuda:N"));
  }

  /**
   * Opens a device. Under {@code auto} it is the first CUDA device, or the CPU where that cannot be
   * used, which is said in one line. Where no device is named, a machine without CUDA is no news.
   *
   * @param name as {@link #check} gave it
   * @param compute what a CUDA device rounds factors to: F32, F16 or BF16
   * @param cpu makes that of the CPU
   * @throws InputException if a CUDA device is asked for that this machine does not have
   * @throws CudaFailure if the driver is broken
   */
  static Device open(String name, DType compute, Supplier<Device> cpu, PrintStream err) {
    return open(name, compute, cpu, (Consumer<String>) err::println);
  }

  /**
   * The same.
   *
   * @param say told in one line where {@code auto} is the CPU
   */
  public static Device open(
      String name, DType compute, Supplier<Device> cpu, Consumer<String> say) {
    if (name.equals(CPU)) {
      return cpu.get();
    }
    int ordinal = name.contains(":") ? Integer.parseInt(name.substring(CUDA.length() + 1)) : 0;
    String problem = CudaReport.problem(ordinal);
    if (problem.isEmpty()) {
      return Device.cuda(ordinal, compute);
    }
    if (name.equals(AUTO) || name.equals(NONE)) {
      Device device = cpu.get(); // which may refuse what is asked for, and that alone is said then
      if (name.equals(AUTO) || CudaReport.isThere()) {
        say.accept("viridian: computing on the CPU; " + problem);
      }
      return device;
    }
    String line = "--device " + name + ": " + problem;
    throw CudaReport.isBroken() ? new CudaFailure(line) : new InputException(line);
  }
}
