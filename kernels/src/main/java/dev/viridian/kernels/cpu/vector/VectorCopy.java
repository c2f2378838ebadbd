package dev.viridian.kernels.cpu.vector;

import dev.viridian.kernels.CopyKernels;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Selective;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.cpu.reference.ReferenceCopy;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Copies by {@link CopyPlan}: whole rows where both sides are contiguous, tiles where one side is
 * the other transposed, conversions of half precision in blocks; all in pieces that are shared
 * among threads. What indices guide is left to plain loops.
 */
public final class VectorCopy implements CopyKernels, Selective {
  /** Elements of a piece of work. */
  private static final int PIECE = 1 << 16;

  /** Elements that are converted at a time. */
  private static final int BLOCK = 1024;

  /** Side of a tile that is transposed at a time. */
  private static final int TILE = 64;

  private final Workers workers;
  private final ReferenceCopy plain = new ReferenceCopy();

  /** Kernels that share the given threads. */
  public VectorCopy(Workers workers) {
    this.workers = workers;
  }

  @Override
  public boolean accepts(String operation, Object problem) {
    return switch (operation) {
      case "copy" -> {
        Copy p = (Copy) problem;
        yield p.source() == p.target() || (p.source().isFloat() && p.target().isFloat());
      }
      case "copyAdd", "fill" -> true;
      default -> false;
    };
  }

  /** Copies {@code count} elements from one run to another. */
  @FunctionalInterface
  private interface Run {
    void copy(long source, long target, int count);
  }

  @Override
  public void copy(Copy p, Buffer source, Buffer target) {
    MemorySegment from = HostBuffer.of(source);
    MemorySegment to = HostBuffer.of(target);
    CopyPlan plan = CopyPlan.of(p);
    if (plan.elements() == 0) {
      return;
    }
    if (p.source() != p.target()) {
      if (plan.sourceStep() == 1 && plan.targetStep() == 1) {
        forEachRun(plan, (s, t, n) -> convert(p.source(), from, s, p.target(), to, t, n));
      } else {
        plain.copy(p, source, target);
      }
      return;
    }
    int bytes = p.source().bytes();
    if (plan.sourceStep() == 1 && plan.targetStep() == 1) {
      forEachRun(
          plan, (s, t, n) -> MemorySegment.copy(from, s * bytes, to, t * bytes, (long) n * bytes));
    } else if (bytes == Integer.BYTES && plan.isTransposed(TILE / 4, TILE / 4)) {
      transpose(plan, from, to);
    } else {
      forEachRun(plan, stepping(bytes, plan, from, to));
    }
  }

  /** Runs of the plan's rows, a piece at a time. */
  private void forEachRun(CopyPlan plan, Run run) {
    long length = plan.length();
    long parts = (length + PIECE - 1) / PIECE;
    long rowsAPiece = Math.max(1, PIECE / length);
    long pieces = parts > 1 ? plan.rows() * parts : (plan.rows() + rowsAPiece - 1) / rowsAPiece;
    workers.run(
        Math.toIntExact(pieces),
        piece -> {
          if (parts > 1) {
            CopyPlan.Cursor row = plan.row(piece / parts);
            long start = piece % parts * PIECE;
            int count = (int) Math.min(PIECE, length - start);
            run.copy(
                row.source() + start * plan.sourceStep(),
                row.target() + start * plan.targetStep(),
                count);
          } else {
            CopyPlan.Cursor row = plan.row(piece * rowsAPiece);
            long count = Math.min(rowsAPiece, plan.rows() - piece * rowsAPiece);
            for (long r = 0; r < count; r++, row.next()) {
              run.copy(row.source(), row.target(), (int) length);
            }
          }
        });
  }

  /** Elements of equal size at any distance. */
  private static Run stepping(int bytes, CopyPlan plan, MemorySegment from, MemorySegment to) {
    long sourceStep = plan.sourceStep() * bytes;
    long targetStep = plan.targetStep() * bytes;
    return switch (bytes) {
      case 1 ->
          (s, t, n) -> {
            for (int i = 0; i < n; i++) {
              to.set(
                  ValueLayout.JAVA_BYTE,
                  t + i * targetStep,
                  from.get(ValueLayout.JAVA_BYTE, s + i * sourceStep));
            }
          };
      case 2 ->
          (s, t, n) -> {
            for (int i = 0; i < n; i++) {
              to.set(
                  ValueLayout.JAVA_SHORT_UNALIGNED,
                  2 * t + i * targetStep,
                  from.get(ValueLayout.JAVA_SHORT_UNALIGNED, 2 * s + i * sourceStep));
            }
          };
      case 4 ->
          (s, t, n) -> {
            for (int i = 0; i < n; i++) {
              to.set(
                  ValueLayout.JAVA_INT_UNALIGNED,
                  4 * t + i * targetStep,
                  from.get(ValueLayout.JAVA_INT_UNALIGNED, 4 * s + i * sourceStep));
            }
          };
      case 8 ->
          (s, t, n) -> {
            for (int i = 0; i < n; i++) {
              to.set(
                  ValueLayout.JAVA_LONG_UNALIGNED,
                  8 * t + i * targetStep,
                  from.get(ValueLayout.JAVA_LONG_UNALIGNED, 8 * s + i * sourceStep));
            }
          };
      default -> throw new IllegalArgumentException("elements of " + bytes + " bytes");
    };
  }

  /**
   * Tiles of elements of four bytes: the source is contiguous along the plan's last outer axis, the
   * target along its rows.
   */
  private void transpose(CopyPlan plan, MemorySegment from, MemorySegment to) {
    CopyPlan matrices = plan.withoutLastOuter();
    int across = Math.toIntExact(plan.lastOuterSize());
    long targetStride = plan.lastOuterTargetStride();
    int down = Math.toIntExact(plan.length());
    long sourceStride = plan.sourceStep();
    int tilesAcross = (across + TILE - 1) / TILE;
    int tilesDown = (down + TILE - 1) / TILE;
    int tiles = tilesAcross * tilesDown;
    workers.run(
        Math.toIntExact(matrices.rows() * tiles),
        index -> {
          CopyPlan.Cursor at = matrices.row(index / tiles);
          int e = index % tiles / tilesDown * TILE;
          int d = index % tilesDown * TILE;
          int columns = Math.min(TILE, across - e);
          int rows = Math.min(TILE, down - d);
          int[] tile = new int[TILE * TILE];
          int[] row = new int[TILE];
          for (int i = 0; i < rows; i++) {
            long source = at.source() + (d + i) * sourceStride + e;
            MemorySegment.copy(
                from, ValueLayout.JAVA_INT_UNALIGNED, 4 * source, tile, i * TILE, columns);
          }
          for (int j = 0; j < columns; j++) {
            for (int i = 0; i < rows; i++) {
              row[i] = tile[i * TILE + j];
            }
            long target = at.target() + (e + j) * targetStride + d;
            MemorySegment.copy(row, 0, to, ValueLayout.JAVA_INT_UNALIGNED, 4 * target, rows);
          }
        });
  }

  /** A run from one floating-point type to another. */
  private static void convert(
      DType a, MemorySegment from, long source, DType b, MemorySegment to, long target, int n) {
    float[] values = new float[Math.min(n, BLOCK)];
    short[] halves = new short[values.length];
    for (int i = 0; i < n; i += BLOCK) {
      int count = Math.min(BLOCK, n - i);
      FloatRuns.read(from, a, source + i, values, 0, count);
      if (b == DType.F32) {
        MemorySegment.copy(values, 0, to, Numbers.FLOAT, 4 * (target + i), count);
        continue;
      }
      if (b == DType.F16) {
        for (int j = 0; j < count; j++) {
          halves[j] = Float.floatToFloat16(values[j]);
        }
      } else {
        for (int j = 0; j < count; j++) {
          halves[j] = Numbers.floatToBf16(values[j]);
        }
      }
      MemorySegment.copy(halves, 0, to, Numbers.SHORT, 2 * (target + i), count);
    }
  }

  @Override
  public void copyAdd(Copy p, Buffer source, Buffer target) {
    if (p.source() != DType.F32 || p.target() != DType.F32) {
      plain.copyAdd(p, source, target); // refuses
      return;
    }
    MemorySegment from = HostBuffer.of(source);
    MemorySegment to = HostBuffer.of(target);
    CopyPlan plan = CopyPlan.of(p);
    if (plan.elements() == 0) {
      return;
    }
    if (plan.sourceStep() == 1 && plan.targetStep() == 1) {
      forEachRun(plan, (s, t, n) -> add(from, s, to, t, n));
    } else {
      forEachRun(
          plan,
          (s, t, n) -> {
            for (int i = 0; i < n; i++) {
              long at = t + i * plan.targetStep();
              Numbers.set(
                  to, at, Numbers.get(to, at) + Numbers.get(from, s + i * plan.sourceStep()));
            }
          });
    }
  }

  private static void add(MemorySegment from, long s, MemorySegment to, long t, int n) {
    float[] sums = new float[Math.min(n, BLOCK)];
    float[] values = new float[sums.length];
    for (int i = 0; i < n; i += BLOCK) {
      int count = Math.min(BLOCK, n - i);
      MemorySegment.copy(to, Numbers.FLOAT, 4 * (t + i), sums, 0, count);
      MemorySegment.copy(from, Numbers.FLOAT, 4 * (s + i), values, 0, count);
      for (int j = 0; j < count; j++) {
        sums[j] += values[j];
      }
      MemorySegment.copy(sums, 0, to, Numbers.FLOAT, 4 * (t + i), count);
    }
  }

  @Override
  public void fill(DType type, long n, double value, Buffer x) {
    int bytes = type.bytes();
    workers.run(
        Math.toIntExact((n + PIECE - 1) / PIECE),
        piece -> {
          long start = (long) piece * PIECE;
          long size = Math.min(PIECE, n - start) * bytes;
          MemorySegment part = HostBuffer.of(x).asSlice(start * bytes, size);
          if (value == 0 && Double.doubleToRawLongBits(value) == 0) {
            part.fill((byte) 0);
            return;
          }
          long done = Math.min(size, (long) BLOCK * bytes);
          plain.fill(type, done / bytes, value, new HostBuffer(part));
          while (done < size) {
            long more = Math.min(done, size - done);
            MemorySegment.copy(part, 0, part, done, more);
            done += more;
          }
        });
  }

  @Override
  public void select(Indexed p, DType values, Buffer x, Buffer index, Buffer y) {
    plain.select(p, values, x, index, y);
  }

  @Override
  public void selectAdd(Indexed p, Buffer y, Buffer index, Buffer x) {
    plain.selectAdd(p, y, index, x);
  }

  @Override
  public void gather(Indexed p, Buffer x, Buffer index, Buffer y) {
    plain.gather(p, x, index, y);
  }

  @Override
  public void scatterAdd(Indexed p, Buffer y, Buffer index, Buffer x) {
    plain.scatterAdd(p, y, index, x);
  }

  /** What is wrong with a candidate, if anything: rows that are added, and a transposed map. */
  public static @Nullable String fault(CopyKernels candidate, CopyKernels reference) {
    Copy rows =
        new Copy(
            List.of(29L, 300L), DType.F32, 5, List.of(301L, 1L), DType.F32, 0, List.of(300L, 1L));
    Copy widened = new Copy(List.of(8700L), DType.F16, 3, List.of(1L), DType.F32, 0, List.of(1L));
    HostBuffer x = new HostBuffer(SelfTest.numbers(DType.F32, 9000));
    HostBuffer half = new HostBuffer(SelfTest.numbers(DType.F16, 8703));
    String fault =
        SelfTest.fault(
            29 * 300, y -> added(candidate, rows, x, y), y -> added(reference, rows, x, y));
    if (fault == null) {
      fault = turnedFault(candidate, reference);
    }
    return fault != null
        ? fault
        : SelfTest.fault(
            8700, y -> candidate.copy(widened, half, y), y -> reference.copy(widened, half, y));
  }

  /** What is wrong with a candidate, if anything: a transposed map. */
  public static @Nullable String turnedFault(CopyKernels candidate, CopyKernels reference) {
    Copy turned =
        new Copy(
            List.of(67L, 131L), DType.F32, 5, List.of(1L, 67L), DType.F32, 0, List.of(131L, 1L));
    HostBuffer x = new HostBuffer(SelfTest.numbers(DType.F32, 9000));
    return SelfTest.fault(
        67 * 131, y -> candidate.copy(turned, x, y), y -> reference.copy(turned, x, y));
  }

  /** Added to zeros, so that it can be done again and again. */
  private static void added(CopyKernels kernels, Copy p, Buffer x, Buffer y) {
    kernels.fill(DType.F32, p.elements(), 0, y);
    kernels.copyAdd(p, x, y);
  }
}
