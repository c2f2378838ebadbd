package dev.viridian.kernels.cpu.vector;

import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * Convolutions with one channel a group: a few multiplications a value, vectors run along the
 * channels.
 */
final class Depthwise {
  private static final int LANES = VectorMath.FLOATS.length();

  /** Parts of dy whose gradients of the filter are summed apart, however many threads there are. */
  private static final int PARTS = 32;

  private final Workers workers;

  Depthwise(Workers workers) {
    this.workers = workers;
  }

  /** The weight [c, taps] as [taps, c]. */
  private static float[] transposed(ConvProblem p, Buffer weight) {
    int taps = p.kh() * p.kw();
    float[] values = new float[Math.multiplyExact(taps, p.c())];
    FloatRuns.read(HostBuffer.of(weight), p.weight(), 0, values, 0, values.length);
    float[] result = new float[values.length];
    FloatRuns.transpose(values, 0, taps, p.c(), taps, result, 0, p.c());
    return result;
  }

  /** {@code sum += x · factor}, element by element, x in memory. */
  private static void add(
      float[] sum, int at, MemorySegment x, long from, float[] factor, int f, int count) {
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      FloatVector s = FloatVector.fromArray(VectorMath.FLOATS, sum, at + i);
      FloatVector v = FloatVector.fromArray(VectorMath.FLOATS, factor, f + i);
      Runs.load(x, from + i).fma(v, s).intoArray(sum, at + i);
    }
    for (; i < count; i++) {
      sum[at + i] = Math.fma(Numbers.get(x, from + i), factor[f + i], sum[at + i]);
    }
  }

  void forward(ConvProblem p, Buffer x, Buffer weight, @Nullable Buffer bias, Buffer y) {
    int c = p.c();
    float[] filters = transposed(p, weight);
    MemorySegment map = HostBuffer.of(x);
    MatrixOutput output =
        new MatrixOutput(
            HostBuffer.of(y),
            0,
            c,
            1f,
            false,
            MatrixOutput.bias(bias, p.biasType(), 0, c),
            p.activation());
    workers.run(
        Math.multiplyExact(p.n(), p.outH()),
        row -> {
          int image = row / p.outH();
          int oh = row % p.outH();
          float[] sum = Scratch.get(Scratch.Part.TILE, c);
          for (int ow = 0; ow < p.outW(); ow++) {
            Arrays.fill(sum, 0, c, 0f);
            for (int t = 0; t < p.kh() * p.kw(); t++) {
              int ih = oh * p.strideH() - p.padTop() + t / p.kw() * p.dilationH();
              int iw = ow * p.strideW() - p.padLeft() + t % p.kw() * p.dilationW();
              if (ih >= 0 && ih < p.h() && iw >= 0 && iw < p.w()) {
                long from = (((long) image * p.h() + ih) * p.w() + iw) * c;
                add(sum, 0, map, from, filters, t * c, c);
              }
            }
            output.store(new Product.Tile(sum, 0, c, row * p.outW() + ow, 1, 0, c, true, true));
          }
        });
  }

  void backwardData(ConvProblem p, Buffer dy, Buffer weight, Buffer dx) {
    int c = p.c();
    float[] filters = transposed(p, weight);
    MemorySegment gradients = HostBuffer.of(dy);
    MemorySegment result = HostBuffer.of(dx);
    workers.run(
        Math.multiplyExact(p.n(), p.h()),
        row -> {
          int image = row / p.h();
          int ih = row % p.h();
          float[] sum = Scratch.get(Scratch.Part.TILE, c);
          for (int iw = 0; iw < p.w(); iw++) {
            Arrays.fill(sum, 0, c, 0f);
            for (int t = 0; t < p.kh() * p.kw(); t++) {
              int top = ih + p.padTop() - t / p.kw() * p.dilationH();
              int left = iw + p.padLeft() - t % p.kw() * p.dilationW();
              boolean inside =
                  top >= 0
                      && left >= 0
                      && top % p.strideH() == 0
                      && left % p.strideW() == 0
                      && top / p.strideH() < p.outH()
                      && left / p.strideW() < p.outW();
              if (inside) {
                long pixel = (long) image * p.outH() + top / p.strideH();
                long from = (pixel * p.outW() + left / p.strideW()) * c;
                add(sum, 0, gradients, from, filters, t * c, c);
              }
            }
            long to = ((long) row * p.w() + iw) * c;
            MemorySegment.copy(sum, 0, result, Numbers.FLOAT, to * 4, c);
          }
        });
  }

  void backwardFilter(ConvProblem p, Buffer x, Buffer dy, Buffer dw) {
    int c = p.c();
    int taps = p.kh() * p.kw();
    int rows = Math.multiplyExact(p.n(), p.outH());
    int parts = Math.min(PARTS, Math.max(1, rows));
    float[][] sums = new float[parts][Math.multiplyExact(taps, c)];
    workers.run(
        parts,
        part -> {
          int end = (int) ((long) rows * (part + 1) / parts);
          for (int row = (int) ((long) rows * part / parts); row < end; row++) {
            filterRow(p, HostBuffer.of(x), HostBuffer.of(dy), row, sums[part]);
          }
        });
    MemorySegment result = HostBuffer.of(dw);
    for (int i = 0; i < taps * c; i++) {
      float sum = 0;
      for (float[] part : sums) {
        sum += part[i];
      }
      Numbers.set(result, (long) (i % c) * taps + i / c, sum);
    }
  }

  private static void filterRow(
      ConvProblem p, MemorySegment x, MemorySegment dy, int row, float[] sum) {
    int c = p.c();
    int image = row / p.outH();
    int oh = row % p.outH();
    float[] gradient = Scratch.get(Scratch.Part.ROWS, c);
    for (int ow = 0; ow < p.outW(); ow++) {
      FloatRuns.read(dy, DType.F32, ((long) row * p.outW() + ow) * c, gradient, 0, c);
      for (int t = 0; t < p.kh() * p.kw(); t++) {
        int ih = oh * p.strideH() - p.padTop() + t / p.kw() * p.dilationH();
        int iw = ow * p.strideW() - p.padLeft() + t % p.kw() * p.dilationW();
        if (ih >= 0 && ih < p.h() && iw >= 0 && iw < p.w()) {
          long from = (((long) image * p.h() + ih) * p.w() + iw) * c;
          add(sum, t * c, x, from, gradient, 0, c);
        }
      }
    }
  }
}
