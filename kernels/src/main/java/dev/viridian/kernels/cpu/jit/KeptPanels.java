package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.PackedWeight;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Panels that were packed with the model: an F32 {@link PackedWeight}. */
final class KeptPanels extends Panels {
  private static final int ROW_BYTES = 4 * PackedWeight.PANEL;

  private final PackedWeight weight;
  private final MemorySegment packed;
  private final int threads;

  /**
   * Panels of a whole weight.
   *
   * @param parts of K: for pairs its pieces, else what lies within one
   */
  KeptPanels(
      Kit kit, PackedWeight weight, MemorySegment packed, List<ProductPart> parts, int threads) {
    super(kit, parts, weight.out(), PackedWeight.PANEL);
    this.weight = weight;
    this.packed = packed;
    this.threads = threads;
  }

  /** All columns, zeros among them. */
  @Override
  int width(int panel) {
    return PackedWeight.PANEL;
  }

  private long address(int panel, int part) {
    ProductPart p = parts.get(part);
    long at = weight.at(panel * PackedWeight.PANEL, p.k());
    return Range.address(packed, at, (long) ROW_BYTES * p.values());
  }

  /**
   * What is nothing for pairs where it lies. What is scaled goes to the calling thread's memory
   * without that: slow, and hardly ever needed.
   */
  @Override
  long values(int panel, int part) {
    if (!scaled(panel, part)) {
      return address(panel, part);
    }
    ProductPart p = parts.get(part);
    MemorySegment own = NativeScratch.get(NativeScratch.Part.PANEL, (long) ROW_BYTES * p.values());
    for (int k = p.k(); k < p.k() + p.values(); k++) {
      long from = weight.at(panel * PackedWeight.PANEL, k);
      long factors = weight.numbersAt(panel, k) + ROW_BYTES;
      long to = (long) ROW_BYTES * (k - p.k());
      for (int j = 0; j < ROW_BYTES; j += Float.BYTES) {
        own.set(
            JAVA_FLOAT,
            to + j,
            packed.get(JAVA_FLOAT, from + j) * packed.get(JAVA_FLOAT, factors + j));
      }
    }
    return own.address();
  }

  @Override
  long pairs(int panel, int part) {
    return scaled(panel, part) ? address(panel, part) : 0;
  }

  private boolean scaled(int panel, int part) {
    float sum = packed.get(JAVA_FLOAT, weight.numbersAt(panel, parts.get(part).k()));
    return !Float.isNaN(sum);
  }

  @Override
  long numbers(int panel, int part) {
    ProductPart p = parts.get(part);
    long bytes = PairColumnsCode.numberBytes(PackedWeight.PANEL, p.values());
    return Range.address(packed, weight.numbersAt(panel, p.k()), bytes);
  }

  /**
   * A part lies in one piece. Its numbers are behind it where that is the whole piece, as for
   * pairs.
   */
  @Override
  @Nullable FetchTable fetches(long entries) {
    int k = longest();
    long bytes = (long) ROW_BYTES * k + PairColumnsCode.numberBytes(PackedWeight.PANEL, k);
    return FetchTable.straight(bytes);
  }

  @Override
  long next(int panel, int part, int from, int to) {
    int after = nextPanel(panel, part, from, to, threads);
    int k = nextPart(panel, part, to).k();
    return packed.address() + weight.at(after * PackedWeight.PANEL, k);
  }
}
