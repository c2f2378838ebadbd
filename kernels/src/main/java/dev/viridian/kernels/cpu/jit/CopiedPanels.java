package dev.viridian.kernels.cpu.jit;

import java.lang.foreign.MemorySegment;
import java.util.List;

/** Panels that are copied from a factor as it is stored. */
abstract class CopiedPanels extends Panels {
  private final RightFactor factor;
  private final int column;

  /** Whether they are for {@link PairTile}. */
  final boolean paired;

  /** Panels of {@code columns} columns from {@code column} on. */
  CopiedPanels(
      Kit kit,
      RightFactor factor,
      List<ProductPart> parts,
      int column,
      int columns,
      boolean paired) {
    super(kit, parts, columns, kit.level.columns());
    this.factor = factor;
    this.column = column;
    this.paired = paired;
  }

  /** Column of the factor where a panel begins. */
  final int column(int panel) {
    return column + panel * panelColumns();
  }

  /** Copies values {@code k} to {@code k + count − 1} of a panel. */
  final void copy(int panel, int k, int count, MemorySegment to, long at) {
    factor.pack(kit, column(panel), present(panel), k, count, to, at, width(panel));
  }

  /** Bytes of the numbers of a part of a panel. */
  final long numberBytes(ProductPart part) {
    return paired ? PairColumnsCode.numberBytes(panelColumns(), part.values()) : 0;
  }

  /** Bytes of a part of a panel. */
  final long valueBytes(ProductPart part) {
    return 4L * panelColumns() * part.values();
  }

  /** The calling thread's memory for a part of a panel and its numbers. */
  final MemorySegment own(ProductPart part) {
    return NativeScratch.get(NativeScratch.Part.PANEL, valueBytes(part) + numberBytes(part));
  }

  /** Copies a part of a panel into the calling thread's memory. */
  final MemorySegment copyOwn(int panel, int part) {
    ProductPart p = parts.get(part);
    MemorySegment own = own(p);
    copy(panel, p.k(), p.values(), own, 0);
    return own;
  }

  /** Scales a part of a panel where it lies; false if it is nothing for pairs. */
  final boolean scale(int panel, ProductPart part, long values, long numbers) {
    int k = part.values();
    return PairColumnsCode.scale(
        kit, values, 0, 1, width(panel), k, PairTile.partChunks(k), numbers);
  }
}
