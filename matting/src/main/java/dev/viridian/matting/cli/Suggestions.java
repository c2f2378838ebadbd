package dev.viridian.matting.cli;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The word that somebody most likely meant. */
final class Suggestions {
  private Suggestions() {}

  /**
   * The candidate nearest to {@code typed}, or null where none is near: more than a third of its
   * letters (and more than one) would have to change. Case does not count. Of equally near ones the
   * first is taken.
   */
  static @Nullable String nearest(String typed, Iterable<String> candidates) {
    String wanted = typed.toLowerCase(Locale.ROOT);
    String best = null;
    int bestDistance = Integer.MAX_VALUE;
    for (String candidate : candidates) {
      int distance = distance(wanted, candidate.toLowerCase(Locale.ROOT));
      if (distance < bestDistance) {
        best = candidate;
        bestDistance = distance;
      }
    }
    if (best != null && bestDistance > Math.max(1, Math.max(wanted.length(), best.length()) / 3)) {
      return startsWith(wanted, candidates);
    }
    return best;
  }

  private static @Nullable String startsWith(String wanted, Iterable<String> candidates) {
    if (wanted.replace("-", "").length() < 2) {
      return null;
    }
    for (String candidate : candidates) {
      if (candidate.toLowerCase(Locale.ROOT).startsWith(wanted)) {
        return candidate;
      }
    }
    return null;
  }

  /**
   * Least number of letters put in, taken out, changed or swapped with their neighbour (optimal
   * string alignment) that makes {@code a} into {@code b}.
   */
  static int distance(String a, String b) {
    int[][] d = new int[a.length() + 1][b.length() + 1];
    for (int i = 0; i <= a.length(); i++) {
      d[i][0] = i;
    }
    for (int j = 0; j <= b.length(); j++) {
      d[0][j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      for (int j = 1; j <= b.length(); j++) {
        int change = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
        d[i][j] = Math.min(Math.min(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + change);
        if (i > 1
            && j > 1
            && a.charAt(i - 1) == b.charAt(j - 2)
            && a.charAt(i - 2) == b.charAt(j - 1)) {
          d[i][j] = Math.min(d[i][j], d[i - 2][j - 2] + 1);
        }
      }
    }
    return d[a.length()][b.length()];
  }
}
