package dev.viridian.kernels.cpu;

import dev.viridian.kernels.Selective;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The ordered list of implementations of one family, the fastest first, plain loops last. A problem
 * goes to the first entry that accepts it. Each entry but the last is checked against the last
 * before its first use and dropped, with a warning, if it is wrong or absurdly slow on this JVM.
 *
 * @param <K> the family's contract
 */
public final class Candidates<K> {
  /** Which implementation an operation went to. */
  public record Choice(String family, String operation, String implementation) {}

  /**
   * A check of an implementation against the plain loops.
   *
   * @param <K> the family's contract
   */
  @FunctionalInterface
  public interface SelfCheck<K> {
    /** Null if all is well, else what is wrong. */
    @Nullable String fault(K candidate, K reference);
  }

  /**
   * One entry of a list.
   *
   * @param name such as {@code "vector"}
   * @param check run once before the first use
   * @param <K> the family's contract
   */
  public record Entry<K>(String name, K kernels, SelfCheck<K> check) {
    /** An entry that needs no check: the plain loops. */
    public static <K> Entry<K> reference(K kernels) {
      return new Entry<>("reference", kernels, (a, b) -> null);
    }
  }

  private static final System.Logger LOG = System.getLogger(Candidates.class.getName());

  private static final class Slot<K> {
    final Entry<K> entry;
    volatile @Nullable Boolean usable;

    Slot(Entry<K> entry) {
      this.entry = entry;
    }
  }

  private final String family;
  private final List<Slot<K>> slots;
  private final Set<Choice> choices = ConcurrentHashMap.newKeySet();

  /**
   * A list of entries, the fastest first.
   *
   * @param forced name of the only entry to use beside the last; null to choose freely. A name that
   *     the list lacks leaves the list as it is.
   */
  public Candidates(String family, @Nullable String forced, List<Entry<K>> entries) {
    this.family = family;
    boolean known = entries.stream().anyMatch(e -> e.name().equals(forced));
    Entry<K> last = entries.getLast();
    this.slots =
        entries.stream()
            .filter(e -> !known || e.name().equals(forced) || e == last)
            .map(e -> new Slot<K>(e))
            .toList();
  }

  /** The first entry that accepts the problem. */
  public K pick(String operation, Object problem) {
    for (int i = 0; i < slots.size() - 1; i++) {
      Slot<K> slot = slots.get(i);
      boolean accepts =
          !(slot.entry.kernels() instanceof Selective s) || s.accepts(operation, problem);
      if (accepts && usable(slot)) {
        note(operation, slot);
        return slot.entry.kernels();
      }
    }
    Slot<K> last = slots.getLast();
    note(operation, last);
    return last.entry.kernels();
  }

  private void note(String operation, Slot<K> slot) {
    choices.add(new Choice(family, operation, slot.entry.name()));
  }

  private boolean usable(Slot<K> slot) {
    Boolean known = slot.usable;
    return known != null ? known : check(slot);
  }

  /**
   * Under no lock: a trial waits for the threads, and who has those may wait for this answer. Two
   * that come first may both try.
   */
  private boolean check(Slot<K> slot) {
    String fault;
    try {
      fault = slot.entry.check().fault(slot.entry.kernels(), slots.getLast().entry.kernels());
    } catch (RuntimeException | LinkageError e) {
      fault = e.toString();
    }
    if (fault != null) {
      LOG.log(
          System.Logger.Level.WARNING,
          "{0}: the {1} kernels are not used: {2}",
          family,
          slot.entry.name(),
          fault);
    }
    slot.usable = fault == null;
    return fault == null;
  }

  /** What has been chosen so far. */
  public Set<Choice> choices() {
    return Set.copyOf(choices);
  }
}
