package dev.viridian.matting.cli;

import com.sun.management.HotSpotDiagnosticMXBean;
import java.lang.management.ManagementFactory;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.IVersionProvider;

/** What {@code --version} says, also for others who need a part of it. */
final class VersionText implements IVersionProvider {
  /** Of Viridian: from the jar's manifest, so "development" when run from class folders. */
  static String viridian() {
    String version = VersionText.class.getPackage().getImplementationVersion();
    return version == null ? "development" : version;
  }

  /** Of Java, with its vendor's build number. */
  static String java() {
    return System.getProperty("java.vm.name") + " " + System.getProperty("java.vm.version");
  }

  /** Width of a SIMD register that the JIT compiler uses, in bits; null if the JVM does not say. */
  static @Nullable Integer vectorBits() {
    HotSpotDiagnosticMXBean hotspot =
        ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
    if (hotspot == null) {
      return null;
    }
    try {
      return 8 * Integer.parseInt(hotspot.getVMOption("MaxVectorSize").getValue());
    } catch (IllegalArgumentException e) {
      return null; // a JVM whose compiler has no such option
    }
  }

  /** Whether the Vector API was asked for when the JVM was started. */
  static boolean vectorApi() {
    return ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
  }

  @Override
  public String[] getVersion() {
    Integer bits = vectorBits();
    return new String[] {
      "viridian " + viridian(),
      "java     "
          + java()
          + ", "
          + System.getProperty("os.name")
          + " "
          + System.getProperty("os.arch"),
      "vectors  "
          + (bits == null ? "width unknown" : bits + " bit")
          + (vectorApi() ? "" : ", but the Vector API is off (--add-modules jdk.incubator.vector)")
    };
  }
}
