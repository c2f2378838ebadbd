package dev.viridian.bench;

import dev.viridian.bench.profile.Profile;
import java.io.PrintWriter;
import java.util.List;

/** A profile for people. */
final class ProfileText {
  private static final int LONGEST = 40;

  private ProfileText() {}

  /**
   * Prints the operations, then the problems that took longest.
   *
   * @param total seconds of the whole run, in kernels and between them
   */
  static void print(PrintWriter out, Profile profile, double total) {
    out.printf("one run: %.3f s, of it in kernels %.3f s%n", total, profile.seconds());
    lines(out, profile.operations(), total);
    out.println();
    List<Profile.Line> all = profile.lines();
    lines(out, all.subList(0, Math.min(LONGEST, all.size())), total);
    out.flush();
  }

  private static void lines(PrintWriter out, List<Profile.Line> lines, double total) {
    out.println(" seconds  share  calls  GFLOP/s  operation");
    for (Profile.Line line : lines) {
      out.printf(
          "%8.4f %5.1f%% %6d %8s  %s %s%n",
          line.seconds(),
          100 * line.seconds() / total,
          line.calls(),
          line.flops() == 0 ? "" : String.format("%.1f", line.gigaflops()),
          line.operation(),
          line.problem());
    }
  }
}
