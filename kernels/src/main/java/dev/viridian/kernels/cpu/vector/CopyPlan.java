package dev.viridian.kernels.cpu.vector;

import dev.viridian.kernels.CopyKernels;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * A copy as rows: its axes in the order of the target's memory, the largest stride first, and those
 * merged that lie alike in source and target. The last axis is the row.
 */
public final class CopyPlan {
  /** Offsets of one row after the other. */
  public static final class Cursor {
    private final CopyPlan plan;
    private final long[] at;
    private long source;
    private long target;

    private Cursor(CopyPlan plan, long row) {
      this.plan = plan;
      int outer = plan.axes.size();
      this.at = new long[outer];
      source = plan.sourceOffset;
      target = plan.targetOffset;
      long rest = row;
      for (int d = outer - 1; d >= 0; d--) {
        Axis axis = plan.axes.get(d);
        at[d] = rest % axis.size;
        rest /= axis.size;
        source += at[d] * axis.source;
        target += at[d] * axis.target;
      }
    }

    /** Where the row begins in the source, in elements. */
    public long source() {
      return source;
    }

    /** Where the row begins in the target, in elements. */
    public long target() {
      return target;
    }

    /** Goes on to the next row. */
    public void next() {
      for (int d = at.length - 1; d >= 0; d--) {
        Axis axis = plan.axes.get(d);
        source += axis.source;
        target += axis.target;
        if (++at[d] < axis.size) {
          return;
        }
        source -= axis.size * axis.source;
        target -= axis.size * axis.target;
        at[d] = 0;
      }
    }
  }

  private record Axis(long size, long source, long target) {}

  private static final Axis POINT = new Axis(1, 1, 1);

  private final List<Axis> axes;
  private final Axis row;
  private final long sourceOffset;
  private final long targetOffset;

  private CopyPlan(List<Axis> axes, Axis row, long sourceOffset, long targetOffset) {
    this.axes = axes;
    this.row = row;
    this.sourceOffset = sourceOffset;
    this.targetOffset = targetOffset;
  }

  /** The plan of a copy. */
  public static CopyPlan of(CopyKernels.Copy p) {
    List<Axis> axes = new ArrayList<>();
    for (int d = 0; d < p.shape().size(); d++) {
      if (p.shape().get(d) != 1) {
        axes.add(new Axis(p.shape().get(d), p.sourceStrides().get(d), p.targetStrides().get(d)));
      }
    }
    axes.sort(Comparator.comparingLong((Axis a) -> Math.abs(a.target)).reversed());
    List<Axis> merged = new ArrayList<>();
    for (Axis axis : axes) {
      Axis last = merged.isEmpty() ? POINT : merged.getLast();
      if (!merged.isEmpty()
          && last.source == axis.size * axis.source
          && last.target == axis.size * axis.target) {
        merged.set(merged.size() - 1, new Axis(last.size * axis.size, axis.source, axis.target));
      } else {
        merged.add(axis);
      }
    }
    Axis row = merged.isEmpty() ? POINT : merged.removeLast();
    // The axis along which the source is contiguous last, next to the rows: so tiles are near.
    for (int d = 0; d < merged.size(); d++) {
      if (merged.get(d).source == 1) {
        merged.add(merged.remove(d));
        break;
      }
    }
    return new CopyPlan(merged, row, p.sourceOffset(), p.targetOffset());
  }

  /** Number of rows. */
  public long rows() {
    long n = 1;
    for (Axis axis : axes) {
      n *= axis.size;
    }
    return n;
  }

  /** Elements of a row. */
  public long length() {
    return row.size;
  }

  /** Elements in all. */
  public long elements() {
    return rows() * length();
  }

  /** Distance of neighbours of a row in the source. */
  public long sourceStep() {
    return row.source;
  }

  /** Distance of neighbours of a row in the target. */
  public long targetStep() {
    return row.target;
  }

  /** Row number {@code index}. */
  public Cursor row(long index) {
    return new Cursor(this, index);
  }

  /**
   * Whether the target is contiguous along the rows and the source along the last outer axis, and
   * both are long.
   *
   * @param length the least length of a row
   * @param outer the least size of the last outer axis
   */
  public boolean isTransposed(int length, int outer) {
    return !axes.isEmpty()
        && row.target == 1
        && row.size >= length
        && axes.getLast().source == 1
        && axes.getLast().size >= outer;
  }

  /** Size of the last outer axis. */
  public long lastOuterSize() {
    return axes.getLast().size;
  }

  /** Distance of neighbours along the last outer axis in the target. */
  public long lastOuterTargetStride() {
    return axes.getLast().target;
  }

  /** The plan of what lies around the matrices of the last outer axis and the rows. */
  public CopyPlan withoutLastOuter() {
    return new CopyPlan(axes.subList(0, axes.size() - 1), row, sourceOffset, targetOffset);
  }
}
