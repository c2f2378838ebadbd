package dev.viridian.bench;

import dev.viridian.bench.profile.Profile;
import java.io.PrintWriter;
import java.util.List;
import java.util.OptionalDouble;

/** A profile for people. */
final class ProfileText {
  private static final int LONGEST = 40;

  private ProfileText() {}

  /**
   * Prints the operations, then the problems that took longest.
   *
   * @param total seconds of the whole run, in kernels and between them
   * @param peak operations a second that the machine does at best; empty where that is not known
   */
  static void print(PrintWriter out, Profile profile, double total, OptionalDouble peak) {
    out.printf("one run: %.3f s, of it in kernels %.3f s%n", total, profile.seconds());
    peak.ifPresent(
        p -> out.printf("the peak is %.0f GFLOP/s: multiply-adds alone, measured now%n", p / 1e9));
    lines(out, profile.operations(), total, peak);
    out.println();
    List<Profile.Line> all = profile.lines();
    lines(out, all.subList(0, Math.min(LONGEST, all.size())), total, peak);
    out.flush();
  }

  private static void lines(
      PrintWriter out, List<Profile.Line> lines, double total, OptionalDouble peak) {
    out.println(" seconds  share  calls  GFLOP/s  peak  operation");
    for (Profile.Line line : lines) {
      out.printf(
          "%8.4f %5.1f%% %6d %8s %5s  %s %s%n",
          line.seconds(),
          100 * line.seconds() / total,
          line.calls(),
          line.flops() == 0 ? "" : String.format("%.1f", line.gigaflops()),
          line.flops() == 0 || peak.isEmpty()
              ? ""
              : String.format("%.0f%%", 1e11 * line.gigaflops() / peak.getAsDouble()),
          line.operation(),
          line.problem());
    }
  }
}
