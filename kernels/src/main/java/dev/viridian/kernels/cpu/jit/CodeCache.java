package dev.viridian.kernels.cpu.jit;

import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Generated functions by what they do. Each is made and tried once; one that is wrong on this
 * machine is dropped with a warning. Thread-safe.
 */
final class CodeCache {
  private static final System.Logger LOG = System.getLogger(CodeCache.class.getName());

  /** Code is small (a few kilobytes a function) and the keys are few: kept for good. */
  private static final ConcurrentHashMap<Generated, Optional<CodePage>> PAGES =
      new ConcurrentHashMap<>();

  private CodeCache() {}

  /** The function, or null if it cannot be had here. */
  static @Nullable CodePage get(Generated key) {
    Optional<CodePage> known = PAGES.get(key);
    return (known != null ? known : PAGES.computeIfAbsent(key, CodeCache::make)).orElse(null);
  }

  /**
   * The function.
   *
   * @throws IllegalArgumentException if it cannot be had here
   */
  static CodePage require(Generated key) {
    CodePage page = get(key);
    if (page == null) {
      throw new IllegalArgumentException("not available here: " + key);
    }
    return page;
  }

  private static Optional<CodePage> make(Generated key) {
    try {
      CodePage page = CodePage.of(key.code());
      String fault = key.fault(page);
      if (fault == null) {
        return Optional.of(page);
      }
      page.close();
      LOG.log(System.Logger.Level.WARNING, "generated code is not used: {0}: {1}", key, fault);
    } catch (IllegalStateException | IllegalCallerException | LinkageError e) {
      LOG.log(System.Logger.Level.DEBUG, "no generated code here", e);
    }
    return Optional.empty();
  }
}
