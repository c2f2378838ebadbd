package dev.viridian.kernels.cpu.jit;

import dev.viridian.kernels.CopyKernels;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Selective;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.cpu.vector.CopyPlan;
import dev.viridian.kernels.memory.Buffer;
import java.lang.ref.Reference;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Copies of numbers of 16 and 32 bits whose source lies turned, on generated code: filters on
 * loading, [out, in, kh, kw] to [out, kh, kw, in], and maps. Everything else is declined.
 */
public final class JitCopy implements CopyKernels, Selective {
  /** Columns of a tile: each goes to another row of the target, and mostly to another page. */
  private static final int WIDE = 64;

  /** Numbers of a tile, about. */
  private static final int TILE = 1 << 14;

  private final Workers workers;
  private final boolean here;

  /** Kernels that share the given threads; they decline everything if no code is generated here. */
  public JitCopy(Workers workers) {
    this.workers = workers;
    here = CodePage.supported() && VectorLevel.best() != null;
  }

  @Override
  public boolean accepts(String operation, Object problem) {
    return operation.equals("copy") && plan((Copy) problem) != null;
  }

  /** How a copy goes; null if it is declined. */
  private @Nullable CopyPlan plan(Copy p) {
    int bytes = p.source().bytes();
    if (!here
        || p.source() != p.target()
        || bytes != Short.BYTES && bytes != Integer.BYTES
        || p.shape().size() < 2) {
      return null;
    }
    TransposeCode code = new TransposeCode(bytes);
    CopyPlan plan = CopyPlan.of(p);
    return plan.isTransposed(code.rows(), TransposeCode.COLUMNS) && CodeCache.get(code) != null
        ? plan
        : null;
  }

  /** A side of a matrix in parts of one size, of which the last is longer by what is left over. */
  private record Cut(int size, int part) {
    int parts() {
      return Math.max(1, size / part);
    }

    int begin(int index) {
      return index * part;
    }

    int size(int index) {
      return index == parts() - 1 ? size - begin(index) : part;
    }
  }

  /** Matrices of one layout; addresses and distances in bytes. */
  private record Matrices(TransposeCode code, CodePage page, long fromRow, long toRow) {
    /** Copies rows of a matrix that begins at the given addresses. */
    void turn(long from, long to, int first, int rows, int columns) {
      long source = from + first * fromRow;
      long target = to + (long) first * code.bytes();
      code.run(page, NativeScratch.frame(), source, fromRow, target, toRow, rows, columns);
    }
  }

  /**
   * {@inheritDoc}
   *
   * @throws IndexOutOfBoundsException if a buffer is shorter than it should be
   */
  @Override
  public void copy(Copy p, Buffer source, Buffer target) {
    CopyPlan plan = plan(p);
    if (plan == null) {
      throw declined("copy of " + p);
    }
    if (p.elements() == 0) {
      return;
    }
    long from = address("copy: source", source, p, p.sourceOffset(), p.sourceStrides());
    long to = address("copy: target", target, p, p.targetOffset(), p.targetStrides());
    int bytes = p.source().bytes();
    TransposeCode code = new TransposeCode(bytes);
    CopyPlan around = plan.withoutLastOuter();
    long toRow = plan.lastOuterTargetStride() * bytes;
    Matrices matrices =
        new Matrices(code, CodeCache.require(code), plan.sourceStep() * bytes, toRow);
    Cut across = new Cut(Math.toIntExact(plan.lastOuterSize()), WIDE);
    int width = Math.min(WIDE, across.size);
    Cut down = new Cut(Math.toIntExact(plan.length()), TILE / width / code.rows() * code.rows());
    int tiles = Math.multiplyExact(across.parts(), down.parts());
    workers.run(
        Math.toIntExact(around.rows() * tiles),
        index -> {
          CopyPlan.Cursor at = around.row(index / tiles);
          int column = index % tiles / down.parts();
          int row = index % tiles % down.parts();
          int columns = across.size(column);
          int rows = down.size(row);
          int whole = rows / code.rows() * code.rows();
          long begin = across.begin(column);
          long matrix = from + (at.source() + begin) * bytes;
          long turned = to + at.target() * bytes + begin * toRow;
          matrices.turn(matrix, turned, down.begin(row), whole, columns);
          if (whole < rows) { // the last of them again, as many as a group has
            int last = down.begin(row) + rows - code.rows();
            matrices.turn(matrix, turned, last, code.rows(), columns);
          }
        });
    Reference.reachabilityFence(source);
    Reference.reachabilityFence(target);
  }

  /** The address of a buffer, all that is touched of it being there. */
  private static long address(String what, Buffer buffer, Copy p, long offset, List<Long> strides) {
    long first = offset;
    long last = offset;
    for (int d = 0; d < strides.size(); d++) {
      long span = Math.multiplyExact(p.shape().get(d) - 1, strides.get(d));
      first = Math.addExact(first, Math.min(0, span));
      last = Math.addExact(last, Math.max(0, span));
    }
    if (first < 0) {
      throw new IndexOutOfBoundsException(what + ": begins at element " + first);
    }
    return Range.address(what, buffer, p.source(), Math.addExact(last, 1));
  }

  @Override
  public void copyAdd(Copy p, Buffer source, Buffer target) {
    throw declined("copyAdd");
  }

  @Override
  public void fill(DType type, long n, double value, Buffer x) {
    throw declined("fill");
  }

  @Override
  public void select(Indexed p, DType values, Buffer x, Buffer index, Buffer y) {
    throw declined("select");
  }

  @Override
  public void selectAdd(Indexed p, Buffer y, Buffer index, Buffer x) {
    throw declined("selectAdd");
  }

  @Override
  public void gather(Indexed p, Buffer x, Buffer index, Buffer y) {
    throw declined("gather");
  }

  @Override
  public void scatterAdd(Indexed p, Buffer y, Buffer index, Buffer x) {
    throw declined("scatterAdd");
  }

  private static IllegalArgumentException declined(String operation) {
    return new IllegalArgumentException("JitCopy: does not take " + operation);
  }
}
