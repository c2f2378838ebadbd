package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.BroadcastProblem;
import dev.viridian.kernels.PointwiseKernels;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.function.DoubleBinaryOperator;

/** Element-wise functions by plain loops, computed in double unless the contract says F32. */
public final class ReferencePointwise implements PointwiseKernels {
  @Override
  public void unary(Unary f, long n, float p0, float p1, Buffer x, Buffer y) {
    MemorySegment in = HostBuffer.of(x);
    MemorySegment out = HostBuffer.of(y);
    for (long i = 0; i < n; i++) {
      Numbers.set(out, i, ScalarFunctions.value(f, Numbers.get(in, i), p0, p1));
    }
  }

  @Override
  public void unaryBackward(Unary f, long n, float p0, float p1, Buffer x, Buffer dy, Buffer dx) {
    MemorySegment in = HostBuffer.of(x);
    MemorySegment gradient = HostBuffer.of(dy);
    MemorySegment result = HostBuffer.of(dx);
    for (long i = 0; i < n; i++) {
      double slope = ScalarFunctions.derivative(f, Numbers.get(in, i), p0, p1);
      Numbers.set(result, i, Numbers.get(gradient, i) * slope);
    }
  }

  @FunctionalInterface
  private interface Each {
    void accept(long place, double a, double b);
  }

  private static void eachPair(BroadcastProblem p, Buffer a, Buffer b, Each body) {
    MemorySegment as = HostBuffer.of(a);
    MemorySegment bs = HostBuffer.of(b);
    int rank = p.shape().size();
    long[] index = new long[rank];
    long n = p.elements();
    long atA = 0;
    long atB = 0;
    for (long place = 0; place < n; place++) {
      body.accept(place, Numbers.get(as, atA), Numbers.get(bs, atB));
      for (int d = rank - 1; d >= 0; d--) {
        atA += p.aStrides().get(d);
        atB += p.bStrides().get(d);
        if (++index[d] < p.shape().get(d)) {
          break;
        }
        atA -= index[d] * p.aStrides().get(d);
        atB -= index[d] * p.bStrides().get(d);
        index[d] = 0;
      }
    }
  }

  @Override
  public void binary(Binary f, BroadcastProblem p, Buffer a, Buffer b, Buffer y) {
    MemorySegment out = HostBuffer.of(y);
    eachPair(p, a, b, (i, u, v) -> Numbers.set(out, i, ScalarFunctions.value(f, u, v)));
  }

  @Override
  public void binaryBackwardA(
      Binary f, BroadcastProblem p, Buffer a, Buffer b, Buffer dy, Buffer da) {
    chain(p, a, b, dy, (u, v) -> ScalarFunctions.derivativeA(f, u, v), da);
  }

  @Override
  public void binaryBackwardB(
      Binary f, BroadcastProblem p, Buffer a, Buffer b, Buffer dy, Buffer db) {
    chain(p, a, b, dy, (u, v) -> ScalarFunctions.derivativeB(f, u, v), db);
  }

  private static void chain(
      BroadcastProblem p,
      Buffer a,
      Buffer b,
      Buffer dy,
      DoubleBinaryOperator derivative,
      Buffer to) {
    MemorySegment gradient = HostBuffer.of(dy);
    MemorySegment result = HostBuffer.of(to);
    eachPair(
        p,
        a,
        b,
        (i, u, v) ->
            Numbers.set(result, i, Numbers.get(gradient, i) * derivative.applyAsDouble(u, v)));
  }

  @Override
  public void where(long n, Buffer c, Buffer a, Buffer b, Buffer y) {
    MemorySegment conditions = HostBuffer.of(c);
    MemorySegment as = HostBuffer.of(a);
    MemorySegment bs = HostBuffer.of(b);
    MemorySegment out = HostBuffer.of(y);
    for (long i = 0; i < n; i++) {
      boolean chosen = conditions.get(ValueLayout.JAVA_INT_UNALIGNED, i * Integer.BYTES) != 0;
      Numbers.set(out, i, Numbers.get(chosen ? as : bs, i));
    }
  }

  @Override
  public void linearCombination(long n, List<Term> terms, Buffer y) {
    MemorySegment out = HostBuffer.of(y);
    for (long i = 0; i < n; i++) {
      float sum = 0;
      for (Term term : terms) {
        sum += term.coefficient() * Numbers.get(HostBuffer.of(term.x()), i);
      }
      Numbers.set(out, i, sum);
    }
  }

  @Override
  public void geglu(long rows, int cols, Buffer x, Buffer y) {
    MemorySegment in = HostBuffer.of(x);
    MemorySegment out = HostBuffer.of(y);
    for (long row = 0; row < rows; row++) {
      for (int i = 0; i < cols; i++) {
        double value = Numbers.get(in, row * 2 * cols + i);
        double gate = Numbers.get(in, row * 2 * cols + cols + i);
        Numbers.set(out, row * cols + i, value * SpecialFunctions.gelu(gate));
      }
    }
  }

  @Override
  public void gegluBackward(long rows, int cols, Buffer x, Buffer dy, Buffer dx) {
    MemorySegment in = HostBuffer.of(x);
    MemorySegment gradient = HostBuffer.of(dy);
    MemorySegment result = HostBuffer.of(dx);
    for (long row = 0; row < rows; row++) {
      for (int i = 0; i < cols; i++) {
        long place = row * 2 * cols + i;
        double value = Numbers.get(in, place);
        double gate = Numbers.get(in, place + cols);
        double d = Numbers.get(gradient, row * cols + i);
        Numbers.set(result, place, d * SpecialFunctions.gelu(gate));
        Numbers.set(result, place + cols, d * value * SpecialFunctions.geluDerivative(gate));
      }
    }
  }

  @Override
  public void addTo(long n, float alpha, Buffer x, Buffer y) {
    MemorySegment in = HostBuffer.of(x);
    MemorySegment out = HostBuffer.of(y);
    for (long i = 0; i < n; i++) {
      Numbers.set(out, i, Numbers.get(out, i) + alpha * Numbers.get(in, i));
    }
  }
}
