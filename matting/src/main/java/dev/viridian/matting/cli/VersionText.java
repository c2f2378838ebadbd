package dev.viridian.matting.cli;

import dev.viridian.matting.doctor.Checkup;
import java.util.OptionalInt;
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

  @Override
  public String[] getVersion() {
    OptionalInt bits = Checkup.vectorBits();
    String system = System.getProperty("os.name") + " " + System.getProperty("os.arch");
    return new String[] {
      "viridian " + viridian(),
      "java     " + java() + ", " + system,
      "vectors  "
          + (bits.isPresent() ? bits.getAsInt() + " bit" : "width unknown")
          + (Checkup.vectorApi()
              ? ""
              : ", but the Vector API is off (--add-modules jdk.incubator.vector)")
    };
  }
}
