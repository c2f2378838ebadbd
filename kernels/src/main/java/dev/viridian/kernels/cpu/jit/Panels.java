package dev.viridian.kernels.cpu.jit;

import dev.viridian.kernels.cpu.threads.Workers;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Some columns of a product's right factor, cut into panels that generated code reads: part by part
 * of K, a row of a panel's columns for each value. Panels are read by any threads once they are
 * {@link #prepare prepared}.
 */
abstract class Panels {
  final Kit kit;

  /** The parts of K, without gaps. */
  final List<ProductPart> parts;

  private final int columns;
  private final int panelColumns;

  Panels(Kit kit, List<ProductPart> parts, int columns, int panelColumns) {
    this.kit = kit;
    this.parts = parts;
    this.columns = columns;
    this.panelColumns = panelColumns;
  }

  /** How many there are. */
  final int count() {
    return Math.ceilDiv(columns, panelColumns);
  }

  /** Columns of all panels but perhaps the last. */
  final int panelColumns() {
    return panelColumns;
  }

  /** Columns of a panel that are the factor's; the others are zeros. */
  final int present(int panel) {
    return Math.min(panelColumns, columns - panel * panelColumns);
  }

  /** Columns of a panel: whole vectors. */
  int width(int panel) {
    int lanes = kit.level.lanes();
    return Math.ceilDiv(present(panel), lanes) * lanes;
  }

  /** Most values of a part. */
  final int longest() {
    return parts.stream().mapToInt(ProductPart::values).max().orElse(0);
  }

  /** Copies what all threads share, before any of them reads. */
  void prepare(Workers workers) {}

  /**
   * A part of a panel as it is.
   *
   * @return its address; the calling thread may read there until it asks for another
   */
  abstract long values(int panel, int part);

  /**
   * A part of a panel for {@link PairTile}, as {@link PairColumnsCode} leaves it.
   *
   * @return its address, as above; 0 if it is nothing for pairs
   */
  abstract long pairs(int panel, int part);

  /** Address of a part's numbers, once {@link #pairs} was asked. */
  abstract long numbers(int panel, int part);

  /**
   * What code shall fetch while it multiplies by another part of a panel, as offsets from {@link
   * #next}.
   *
   * @param entries how many it will read
   * @return null for nothing
   */
  abstract @Nullable FetchTable fetches(long entries);

  /**
   * Where the values lie that a thread needs next after a part of a panel: those of the next panel,
   * then of the next part of K; at the end, of the task that it will likely get. Nothing need be
   * there.
   *
   * @param from first panel of its task
   * @param to the panel after the last
   */
  abstract long next(int panel, int part, int from, int to);

  /** The part of K that {@link #next} is about. */
  final ProductPart nextPart(int panel, int part, int to) {
    return parts.get(panel + 1 < to ? part : (part + 1) % parts.size());
  }

  /** The panel that {@link #next} is about, given how many threads share the panels. */
  final int nextPanel(int panel, int part, int from, int to, int threads) {
    if (panel + 1 < to) {
      return panel + 1;
    }
    return part + 1 < parts.size() ? from : from + threads * (to - from);
  }
}
