package dev.viridian.kernels.cpu;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What the families of the CPU share: the ordered list. A subclass implements its contract by
 * sending each call to {@code pick("operation", problem)}.
 *
 * @param <K> the family's contract
 */
abstract class CpuFamily<K> {
  private final Candidates<K> candidates;

  CpuFamily(String family, @Nullable String forced, List<Candidates.Entry<K>> entries) {
    candidates = new Candidates<>(family, forced, entries);
  }

  final K pick(String operation, Object problem) {
    return candidates.pick(operation, problem);
  }

  final Set<String> choices() {
    return candidates.choices().stream()
        .map(c -> c.family() + "." + c.operation() + ": " + c.implementation())
        .collect(Collectors.toSet());
  }
}
