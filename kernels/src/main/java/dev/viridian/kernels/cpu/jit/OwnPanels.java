package dev.viridian.kernels.cpu.jit;

import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Panels of which each task copies what it needs just before it multiplies. */
final class OwnPanels extends CopiedPanels {
  /** What is fetched while the multipliers work; null if that is left to who copies. */
  private final @Nullable RightMatrix source;

  private final int threads;

  /** Panels of a stored matrix, or of what is not fetched ahead, for so many threads. */
  OwnPanels(
      Kit kit,
      RightFactor factor,
      List<ProductPart> parts,
      int column,
      int columns,
      boolean paired,
      int threads) {
    super(kit, factor, parts, column, columns, paired);
    source = factor instanceof RightMatrix matrix && !matrix.fetches() ? matrix : null;
    this.threads = threads;
  }

  @Override
  long values(int panel, int part) {
    return copyOwn(panel, part).address();
  }

  @Override
  long pairs(int panel, int part) {
    MemorySegment own = copyOwn(panel, part);
    boolean usual = scale(panel, parts.get(part), own.address(), numbers(panel, part));
    return usual ? own.address() : 0;
  }

  @Override
  long numbers(int panel, int part) {
    ProductPart p = parts.get(part);
    return Range.address(own(p), valueBytes(p), numberBytes(p));
  }

  @Override
  @Nullable FetchTable fetches(long entries) {
    return source == null ? null : source.places(panelColumns(), longest(), entries);
  }

  @Override
  long next(int panel, int part, int from, int to) {
    if (source == null) {
      return 0;
    }
    int after = nextPanel(panel, part, from, to, threads);
    return source.place(column(0) + (long) after * panelColumns(), nextPart(panel, part, to).k());
  }
}
