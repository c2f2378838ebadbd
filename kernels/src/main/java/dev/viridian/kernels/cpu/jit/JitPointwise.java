package dev.viridian.kernels.cpu.jit;

import dev.viridian.kernels.BroadcastProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.PointwiseKernels;
import dev.viridian.kernels.Selective;
import dev.viridian.kernels.cpu.jit.RunCode.Function;
import dev.viridian.kernels.cpu.reference.ReferencePointwise;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.cpu.vector.BroadcastRuns;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Element by element on generated code, forward: what networks compute in every step. Functions of
 * few numbers that no code is generated for (sines, say) are computed by plain loops, which are
 * there at once; everything else is declined.
 */
public final class JitPointwise implements PointwiseKernels, Selective {
  /** Numbers of a task. */
  private static final int TASK = 32_768;

  private final Workers workers;
  private final @Nullable VectorLevel best;
  private final ReferencePointwise plain = new ReferencePointwise();

  /** Kernels that share the given threads, for the best instructions of this machine. */
  public JitPointwise(Workers workers) {
    this(workers, VectorLevel.best());
  }

  /** The same on given instructions; null declines everything. */
  JitPointwise(Workers workers, @Nullable VectorLevel best) {
    this.workers = workers;
    this.best = best;
  }

  /**
   * The widest instructions whose vectors lines of a length are made of; null if there are none.
   */
  private @Nullable VectorLevel level(long line) {
    return best == null ? null : best.of(line);
  }

  private static @Nullable Function function(Unary f) {
    return switch (f) {
      case SILU -> Function.SILU;
      case GELU -> Function.GELU;
      case QUICK_GELU -> Function.QUICK_GELU;
      case SIGMOID -> Function.SIGMOID;
      case AFFINE -> Function.AFFINE;
      default -> null;
    };
  }

  private static @Nullable Function function(Binary f) {
    return switch (f) {
      case ADD -> Function.ADD;
      case SUB -> Function.SUB;
      case MUL -> Function.MUL;
      case DIV -> Function.DIV;
      case MINIMUM, MAXIMUM, POW -> null;
    };
  }

  private boolean has(VectorLevel level, Function f) {
    return CodeCache.get(new RunCode(level, f)) != null;
  }

  @Override
  public boolean accepts(String operation, Object problem) {
    if (best == null) {
      return false;
    }
    return switch (operation) {
      case "unary" -> {
        Unary f = (Unary) problem;
        Function function = function(f);
        yield f == Unary.SIN || f == Unary.COS || function != null && has(best, function);
      }
      case "geglu" -> {
        VectorLevel level = level((Integer) problem);
        yield level != null && has(level, Function.GEGLU);
      }
      case "linearCombination" -> has(best, Function.AFFINE) && has(best, Function.ADD_SCALED);
      case "addTo" -> has(best, Function.ADD_SCALED);
      default -> operation.startsWith("binary.") && takes(operation, (BroadcastProblem) problem);
    };
  }

  private boolean takes(String operation, BroadcastProblem p) {
    Binary f = Binary.valueOf(operation.substring("binary.".length()));
    Function function = function(f);
    BroadcastRuns runs = function == null ? null : BroadcastRuns.of(p);
    if (function == null || runs == null) {
      return false;
    }
    VectorLevel level = flat(runs) ? best : level(runs.line());
    return level != null
        && CodeCache.get(new RunCode(level, function, runs.stepA() == 0, runs.stepB() == 0))
            != null;
  }

  private static boolean flat(BroadcastRuns runs) {
    return runs.outer().length == 0;
  }

  private VectorLevel level() {
    VectorLevel level = best;
    if (level == null) {
      throw new IllegalArgumentException("JitPointwise: no code is generated here");
    }
    return level;
  }

  @Override
  public void unary(Unary f, long n, float p0, float p1, Buffer x, Buffer y) {
    Function function = function(f);
    if (function == null) {
      plain.unary(f, n, p0, p1, x, y);
      return;
    }
    flat(new RunCode(level(), function), n, x, x, y, p0, p1);
  }

  /** One function of contiguous numbers. */
  private void flat(RunCode code, long n, Buffer a, Buffer b, Buffer y, float p, float q) {
    Code page = CodeCache.require(code);
    Range.address(code.function() + ": a", a, DType.F32, code.repeatsA() ? 1 : n);
    Range.address(code.function() + ": b", b, DType.F32, code.repeatsB() ? 1 : n);
    Range.address(code.function() + ": y", y, DType.F32, n);
    workers.run(
        Math.toIntExact(Math.ceilDiv(n, (long) TASK)),
        task -> {
          long from = (long) task * TASK;
          NativeRows rowA = run(a, code.repeatsA() ? 0 : from);
          NativeRows rowB = run(b, code.repeatsB() ? 0 : from);
          code.apply(page, rowA, rowB, run(y, from), 1, (int) Math.min(TASK, n - from), p, q);
        });
    Reference.reachabilityFence(a);
    Reference.reachabilityFence(b);
    Reference.reachabilityFence(y);
  }

  /** The numbers of a buffer from one on, as a row. */
  private static NativeRows run(Buffer buffer, long from) {
    return new NativeRows(HostBuffer.of(buffer), Float.BYTES * from, 0);
  }

  @Override
  public void binary(Binary f, BroadcastProblem p, Buffer a, Buffer b, Buffer y) {
    Function function = function(f);
    BroadcastRuns runs = BroadcastRuns.of(p);
    if (function == null || runs == null) {
      throw new IllegalArgumentException("JitPointwise: does not take " + f + " of " + p);
    }
    long n = p.elements();
    if (n == 0) {
      return;
    }
    boolean repeatsA = runs.stepA() == 0;
    boolean repeatsB = runs.stepB() == 0;
    if (flat(runs)) {
      flat(new RunCode(level(), function, repeatsA, repeatsB), n, a, b, y, 0, 0);
      return;
    }
    VectorLevel level = level(runs.line());
    if (level == null) {
      throw new IllegalArgumentException("JitPointwise: does not take " + p);
    }
    lines(new RunCode(level, function, repeatsA, repeatsB), runs, p, a, b, y);
  }

  /** Lines that are whole vectors; those along the last outer dimension are equally far apart. */
  private void lines(
      RunCode code, BroadcastRuns runs, BroadcastProblem p, Buffer a, Buffer b, Buffer y) {
    Code page = CodeCache.require(code);
    int last = runs.outer().length - 1;
    long rows = runs.outer()[last];
    long line = runs.line();
    long rowA = 4 * runs.stridesA()[last];
    long rowB = 4 * runs.stridesB()[last];
    String what = code.function().toString();
    long aAt = Range.address(what + ": a", a, DType.F32, extent(p.shape(), p.aStrides()));
    long bAt = Range.address(what + ": b", b, DType.F32, extent(p.shape(), p.bStrides()));
    long yAt = Range.address(what + ": y", y, DType.F32, p.elements());
    int width = (int) Math.min(line, TASK);
    long height = Math.max(1, TASK / width);
    long parts = Math.ceilDiv(line, (long) width);
    long blocks = Math.ceilDiv(rows, height);
    workers.run(
        Math.toIntExact(p.elements() / (rows * line) * blocks * parts),
        task -> {
          long from = task % parts * width;
          long row = task / parts % blocks * height;
          long first = task / parts / blocks * rows + row; // of all lines
          int count = (int) Math.min(height, rows - row);
          Frame f = NativeScratch.frame();
          long inA = runs.startA(first) + (code.repeatsA() ? 0 : from);
          long inB = runs.startB(first) + (code.repeatsB() ? 0 : from);
          RunCode.b(RunCode.a(f, aAt + 4 * inA, rowA), bAt + 4 * inB, rowB);
          long to = yAt + 4 * (first * line + from);
          code.run(page, f, to, 4 * line, count, (int) Math.min(width, line - from), 0, 0);
        });
    Reference.reachabilityFence(a);
    Reference.reachabilityFence(b);
    Reference.reachabilityFence(y);
  }

  /** Elements up to the last that strides reach. */
  private static long extent(List<Long> shape, List<Long> strides) {
    long last = 0;
    for (int d = 0; d < shape.size(); d++) {
      if (strides.get(d) < 0) {
        throw new IllegalArgumentException("a stride of " + strides.get(d));
      }
      last = Math.addExact(last, Math.multiplyExact(shape.get(d) - 1, strides.get(d)));
    }
    return last + 1;
  }

  @Override
  public void linearCombination(long n, List<Term> terms, Buffer y) {
    if (terms.isEmpty()) {
      plain.linearCombination(n, terms, y); // zeros
      return;
    }
    RunCode first = new RunCode(level(), Function.AFFINE);
    RunCode more = new RunCode(level(), Function.ADD_SCALED);
    MemorySegment to = HostBuffer.of(y);
    boolean overwrites =
        terms.stream()
            .skip(1)
            .anyMatch(t -> HostBuffer.of(t.x()).asOverlappingSlice(to).isPresent());
    Buffer sum = overwrites ? new HostBuffer(NativeScratch.get(NativeScratch.Part.SUMS, 4 * n)) : y;
    Term start = terms.getFirst();
    flat(first, n, start.x(), start.x(), sum, start.coefficient(), 0);
    for (int i = 1; i < terms.size(); i++) {
      Term term = terms.get(i);
      Buffer next = i == terms.size() - 1 ? y : sum;
      flat(more, n, sum, term.x(), next, term.coefficient(), 0);
    }
  }

  @Override
  public void addTo(long n, float alpha, Buffer x, Buffer y) {
    flat(new RunCode(level(), Function.ADD_SCALED), n, y, x, y, alpha, 0);
  }

  @Override
  public void geglu(long rows, int cols, Buffer x, Buffer y) {
    VectorLevel level = level(cols);
    if (level == null) {
      throw new IllegalArgumentException("JitPointwise: does not take geglu of " + cols);
    }
    if (rows == 0 || cols == 0) {
      return;
    }
    RunCode code = new RunCode(level, Function.GEGLU);
    Code page = CodeCache.require(code);
    long size = Math.multiplyExact(rows, (long) cols);
    long from = Range.address("geglu: x", x, DType.F32, Math.multiplyExact(2L, size));
    long to = Range.address("geglu: y", y, DType.F32, size);
    long height = Math.max(1, TASK / cols);
    workers.run(
        Math.toIntExact(Math.ceilDiv(rows, height)),
        task -> {
          long row = task * height;
          long at = from + 8 * row * cols;
          Frame f = NativeScratch.frame();
          RunCode.b(RunCode.a(f, at, 8L * cols), at + 4L * cols, 8L * cols);
          int count = (int) Math.min(height, rows - row);
          code.run(page, f, to + 4 * row * cols, 4L * cols, count, cols, 0, 0);
        });
    Reference.reachabilityFence(x);
    Reference.reachabilityFence(y);
  }

  @Override
  public void unaryBackward(Unary f, long n, float p0, float p1, Buffer x, Buffer dy, Buffer dx) {
    throw declined("unaryBackward");
  }

  @Override
  public void binaryBackwardA(
      Binary f, BroadcastProblem p, Buffer a, Buffer b, Buffer dy, Buffer da) {
    throw declined("binaryBackwardA");
  }

  @Override
  public void binaryBackwardB(
      Binary f, BroadcastProblem p, Buffer a, Buffer b, Buffer dy, Buffer db) {
    throw declined("binaryBackwardB");
  }

  @Override
  public void where(long n, Buffer c, Buffer a, Buffer b, Buffer y) {
    throw declined("where");
  }

  @Override
  public void gegluBackward(long rows, int cols, Buffer x, Buffer dy, Buffer dx) {
    throw declined("gegluBackward");
  }

  private static IllegalArgumentException declined(String operation) {
    return new IllegalArgumentException("JitPointwise: does not take " + operation);
  }
}
