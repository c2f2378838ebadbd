package dev.viridian.kernels.cpu.jit;

import dev.viridian.kernels.AttentionKernels;
import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.AttentionProblem.Strides;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Selective;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.Buffer;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Attention on generated code. For some queries, the scores with a block of keys are computed,
 * turned into weights relative to the largest score so far, and multiplied with the values, all in
 * the second cache. When the largest score grows, what has been summed is scaled down. A row's
 * result does not depend on the rows beside it, nor on the number of threads.
 */
public final class JitAttention implements AttentionKernels, Selective {
  private final Workers workers;
  private final Supplier<@Nullable AttentionKit> kit;

  /** Kernels that share the given threads, for the best instructions of this machine. */
  public JitAttention(Workers workers) {
    this.workers = workers;
    kit = AttentionKit::best;
  }

  /** The same for given instructions; declines everything if this machine lacks them. */
  JitAttention(Workers workers, VectorLevel level) {
    this.workers = workers;
    kit = () -> AttentionKit.of(level);
  }

  /** The same with given functions. */
  JitAttention(Workers workers, AttentionKit kit) {
    this.workers = workers;
    this.kit = () -> kit;
  }

  /**
   * Leaves gradients of a single key to the plain loops: q and k then have a gradient of exactly
   * zero, which is the difference of two sums that must be taken in the same order.
   */
  @Override
  public boolean accepts(String operation, Object problem) {
    return problem instanceof AttentionProblem p
        && (!operation.equals("backward") || p.keys() > 1)
        && forwards(p.q())
        && forwards(p.k())
        && forwards(p.v())
        && forwards(p.out())
        && forwards(p.mask())
        && kit.get() != null;
  }

  private static boolean forwards(Strides s) {
    return s.batch() >= 0 && s.head() >= 0 && s.token() >= 0;
  }

  /** Checks that a buffer holds all tokens; {@code last} values of the last one are touched. */
  private static void check(
      String what, Buffer buffer, AttentionProblem p, Strides s, int tokens, int last) {
    if (tokens > 0) {
      long batch = Math.multiplyExact(p.batch() - 1L, s.batch());
      long head = Math.multiplyExact(p.heads() - 1L, s.head());
      long token = Math.multiplyExact(tokens - 1L, s.token());
      long extent = Math.addExact(Math.addExact(batch, head), Math.addExact(token, last));
      Range.address("attention: " + what, buffer, DType.F32, extent);
    }
  }

  private static void checkTokens(
      String what, Buffer buffer, AttentionProblem p, Strides s, int tokens) {
    check(what, buffer, p, s, tokens, p.headDim());
  }

  private static void checkInputs(AttentionProblem p, Inputs in) {
    checkTokens("q", in.q(), p, p.q(), p.queries());
    checkTokens("k", in.k(), p, p.k(), p.keys());
    checkTokens("v", in.v(), p, p.v(), p.keys());
    if (in.mask() != null) {
      check("mask", in.mask(), p, p.mask(), p.queries(), p.keys());
    }
  }

  /** The column weights of all pictures, readable in whole vectors. */
  private static @Nullable MemorySegment weights(AttentionProblem p, @Nullable Buffer weights) {
    int columns = Math.multiplyExact(p.batch(), p.keys());
    return Bias.of("attention: columnWeights", weights, DType.F32, columns);
  }

  /**
   * {@inheritDoc}
   *
   * @throws IndexOutOfBoundsException if a buffer is shorter than the problem says
   * @throws IllegalArgumentException if the problem is not {@link #accepts accepted}
   */
  @Override
  public void forward(AttentionProblem p, Inputs in, Results to) {
    forward(p, in, to, false);
  }

  /**
   * {@inheritDoc}
   *
   * @throws IndexOutOfBoundsException if a buffer is shorter than the problem says
   * @throws IllegalArgumentException if the problem is not {@link #accepts accepted}
   */
  @Override
  public void forwardRounded(AttentionProblem p, Inputs in, Results to) {
    forward(p, in, to, true);
  }

  private void forward(AttentionProblem p, Inputs in, Results to, boolean rounded) {
    AttentionKit code = kit.get();
    if (code == null || !accepts("forward", p)) {
      throw new IllegalArgumentException("JitAttention: does not take " + p);
    }
    if (p.batch() == 0 || p.queries() == 0) {
      return;
    }
    checkInputs(p, in);
    checkTokens("out", to.out(), p, p.out(), p.queries());
    long rows = Math.multiplyExact((long) p.batch(), p.queries());
    if (to.lse() != null) {
      Range.address("attention: lse", to.lse(), DType.F32, Math.multiplyExact(rows, p.heads()));
    }
    MemorySegment weights = null;
    if (to.columnMap() != null) {
      Range.address("attention: columnMap", to.columnMap(), DType.F32, rows);
      weights = weights(p, in.columnWeights());
    }
    boolean tiles = rounded && AmxAttention.takes(code, p, in, to);
    for (int batch = 0; batch < p.batch(); batch++) {
      if (tiles) {
        new AmxAttention(workers, code, p, batch, in, to).run();
      } else {
        new AttentionForward(workers, code, p, batch, in, weights, to, rounded).run();
      }
    }
    Reference.reachabilityFence(in);
    Reference.reachabilityFence(weights);
    Reference.reachabilityFence(to);
  }

  /**
   * {@inheritDoc}
   *
   * @throws IndexOutOfBoundsException if a buffer is shorter than the problem says
   * @throws IllegalArgumentException if the problem is not {@link #accepts accepted}
   */
  @Override
  public void backward(AttentionProblem p, Inputs in, Results of, Gradients g) {
    AttentionKit code = kit.get();
    if (code == null || !accepts("backward", p)) {
      throw new IllegalArgumentException("JitAttention: does not take " + p);
    }
    if (p.batch() == 0) {
      return;
    }
    checkInputs(p, in);
    checkTokens("out", of.out(), p, p.out(), p.queries());
    checkTokens("dOut", g.dOut(), p, p.out(), p.queries());
    checkTokens("dq", g.dq(), p, p.q(), p.queries());
    checkTokens("dk", g.dk(), p, p.k(), p.keys());
    checkTokens("dv", g.dv(), p, p.v(), p.keys());
    long rows = Math.multiplyExact((long) p.batch(), p.queries());
    Range.address("attention: lse", of.lse(), DType.F32, Math.multiplyExact(rows, p.heads()));
    MemorySegment weights = null;
    if (g.dColumnMap() != null && in.columnWeights() != null) {
      Range.address("attention: dColumnMap", g.dColumnMap(), DType.F32, rows);
      weights = weights(p, in.columnWeights());
    }
    for (int batch = 0; batch < p.batch(); batch++) {
      new JitAttentionBackward(workers, code, p, batch, in, weights, of, g).run();
    }
    Reference.reachabilityFence(in);
    Reference.reachabilityFence(of);
    Reference.reachabilityFence(g);
    Reference.reachabilityFence(weights);
  }
}
