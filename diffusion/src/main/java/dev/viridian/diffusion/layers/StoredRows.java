package dev.viridian.diffusion.layers;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.ops.Cat;
import dev.viridian.engine.ops.Slice;
import org.jspecify.annotations.Nullable;

/**
 * The rows of a map in memory. They can be replaced from the top downwards while the new rows are
 * computed from the old ones, of which the last few that went are kept aside.
 */
public final class StoredRows implements Rows {
  /** As far as two 3×3 convolutions in a row look back. */
  private static final int KEPT = 2;

  private final Tensor map;
  private int replaced;
  private @Nullable Tensor kept;

  /**
   * The rows of a map, which stays the caller's.
   *
   * @param map [1, h, w, c], contiguous
   */
  public StoredRows(Tensor map) {
    if (map.shape().rank() != 4 || map.size(0) != 1 || !map.isContiguous()) {
      throw new IllegalArgumentException("StoredRows: expected one map [1, h, w, c], got " + map);
    }
    this.map = map;
  }

  @Override
  public int height() {
    return map.size(1);
  }

  @Override
  public int width() {
    return map.size(2);
  }

  @Override
  public int channels() {
    return map.size(3);
  }

  /**
   * {@inheritDoc}
   *
   * @throws IllegalStateException if they were replaced and are not kept any more
   */
  @Override
  public Tensor rows(int from, int to) {
    if (from >= replaced) {
      return Slice.of(map, 1, from, to);
    }
    Tensor aside = kept;
    int first = aside == null ? replaced : replaced - aside.size(1);
    if (aside == null || from < first) {
      throw new IllegalStateException("row " + from + " was replaced; kept from " + first + " on");
    }
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor old = Slice.of(aside, 1, from - first, Math.min(to, replaced) - first);
      return scope.keep(to <= replaced ? old : Cat.of(1, old, Slice.of(map, 1, replaced, to)));
    }
  }

  /** Replaces the rows that follow the last ones replaced; {@link #done} must come at the end. */
  void replace(Tensor rows) {
    int end = replaced + rows.size(1);
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor old = rows(Math.max(0, end - KEPT), end);
      Tensor aside = Tensor.empty(map.device(), old.spec());
      Tensors.copy(old, aside);
      Tensors.copy(rows, Slice.of(map, 1, replaced, end));
      done();
      kept = scope.detach(aside);
    }
    replaced = end;
  }

  /** The new rows are the map's from here on. */
  void done() {
    if (kept != null) {
      kept.close();
    }
    kept = null;
    replaced = 0;
  }
}
