package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.ConvKernels;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Convolutions by plain loops, summed in double. */
public final class ReferenceConv implements ConvKernels {
  private final Workers workers;

  /** Kernels that share the given threads. */
  public ReferenceConv(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void forward(ConvProblem p, Buffer x, Buffer weight, @Nullable Buffer bias, Buffer y) {
    float[] weights = transposedWeight(p, HostBuffer.of(weight));
    MemorySegment segmentX = HostBuffer.of(x);
    MemorySegment segmentY = HostBuffer.of(y);
    float[] biases = new float[p.outC()];
    if (bias != null) {
      Numbers.read(HostBuffer.of(bias), p.biasType(), 0, 1, biases, 0, p.outC());
    }
    int outH = p.outH();
    workers.run(
        Math.multiplyExact(p.n(), outH),
        tile -> forwardRow(p, segmentX, weights, biases, segmentY, tile / outH, tile % outH));
  }

  /** The weight as [kh, kw, c / groups, outC]: the innermost loop then runs over outC. */
  private static float[] transposedWeight(ConvProblem p, MemorySegment weight) {
    int taps = Math.multiplyExact(p.kh() * p.kw(), p.c() / p.groups());
    float[] result = new float[Math.multiplyExact(taps, p.outC())];
    for (int t = 0; t < taps; t++) {
      Numbers.read(weight, p.weight(), t, taps, result, t * p.outC(), p.outC());
    }
    return result;
  }

  private static void forwardRow(
      ConvProblem p,
      MemorySegment x,
      float[] weights,
      float[] biases,
      MemorySegment y,
      int image,
      int oh) {
    int inC = p.c() / p.groups();
    int outC = p.outC() / p.groups();
    int outW = p.outW();
    double[] sum = new double[Math.multiplyExact(outW, p.outC())];
    for (int kh = 0; kh < p.kh(); kh++) {
      int ih = oh * p.strideH() - p.padTop() + kh * p.dilationH();
      if (ih < 0 || ih >= p.h()) {
        continue;
      }
      for (int kw = 0; kw < p.kw(); kw++) {
        for (int c = 0; c < p.c(); c++) {
          int group = c / inC;
          int from = ((kh * p.kw() + kw) * inC + c % inC) * p.outC() + group * outC;
          for (int ow = 0; ow < outW; ow++) {
            int iw = ow * p.strideW() - p.padLeft() + kw * p.dilationW();
            if (iw >= 0 && iw < p.w()) {
              float value = Numbers.get(x, (((long) image * p.h() + ih) * p.w() + iw) * p.c() + c);
              int at = ow * p.outC() + group * outC;
              ReferenceGemm.addScaled(sum, at, value, weights, from, outC);
            }
          }
        }
      }
    }
    long row = ((long) image * p.outH() + oh) * outW * p.outC();
    for (int i = 0; i < sum.length; i++) {
      double value = sum[i] + biases[i % p.outC()];
      Numbers.set(y, row + i, (float) Numbers.activate(p.activation(), value));
    }
  }

  @Override
  public void backwardData(ConvProblem p, Buffer dy, Buffer weight, Buffer dx) {
    MemorySegment segmentDy = HostBuffer.of(dy);
    MemorySegment segmentDx = HostBuffer.of(dx);
    int size = Math.multiplyExact(p.outC() * p.kh() * p.kw(), p.c() / p.groups());
    float[] weights = new float[size];
    Numbers.read(HostBuffer.of(weight), p.weight(), 0, 1, weights, 0, size);
    workers.run(
        Math.multiplyExact(p.n(), p.h()),
        tile -> backwardRow(p, segmentDy, weights, segmentDx, tile / p.h(), tile % p.h()));
  }

  private static void backwardRow(
      ConvProblem p, MemorySegment dy, float[] weights, MemorySegment dx, int image, int ih) {
    int inC = p.c() / p.groups();
    int outC = p.outC() / p.groups();
    int outW = p.outW();
    double[] sum = new double[Math.multiplyExact(p.w(), p.c())];
    for (int kh = 0; kh < p.kh(); kh++) {
      int top = ih + p.padTop() - kh * p.dilationH();
      int oh = top / p.strideH();
      if (top < 0 || top % p.strideH() != 0 || oh >= p.outH()) {
        continue;
      }
      for (int kw = 0; kw < p.kw(); kw++) {
        for (int ow = 0; ow < outW; ow++) {
          int iw = ow * p.strideW() - p.padLeft() + kw * p.dilationW();
          if (iw < 0 || iw >= p.w()) {
            continue;
          }
          long at = (((long) image * p.outH() + oh) * outW + ow) * p.outC();
          for (int o = 0; o < p.outC(); o++) {
            int from = ((o * p.kh() + kh) * p.kw() + kw) * inC;
            int to = iw * p.c() + o / outC * inC;
            ReferenceGemm.addScaled(sum, to, Numbers.get(dy, at + o), weights, from, inC);
          }
        }
      }
    }
    long row = ((long) image * p.h() + ih) * sum.length;
    for (int i = 0; i < sum.length; i++) {
      Numbers.set(dx, row + i, (float) sum[i]);
    }
  }

  @Override
  public void backwardFilter(ConvProblem p, Buffer x, Buffer dy, Buffer dw) {
    MemorySegment segmentX = HostBuffer.of(x);
    MemorySegment segmentDy = HostBuffer.of(dy);
    MemorySegment segmentDw = HostBuffer.of(dw);
    workers.run(p.outC(), o -> filterOf(p, segmentX, segmentDy, segmentDw, o));
  }

  private static void filterOf(
      ConvProblem p, MemorySegment x, MemorySegment dy, MemorySegment dw, int o) {
    int inC = p.c() / p.groups();
    int firstC = o / (p.outC() / p.groups()) * inC;
    double[] sum = new double[p.kh() * p.kw() * inC];
    float[] values = new float[inC];
    for (int image = 0; image < p.n(); image++) {
      for (int oh = 0; oh < p.outH(); oh++) {
        for (int ow = 0; ow < p.outW(); ow++) {
          long at = ((long) image * p.outH() + oh) * p.outW() + ow;
          float factor = Numbers.get(dy, at * p.outC() + o);
          for (int kh = 0; kh < p.kh(); kh++) {
            int ih = oh * p.strideH() - p.padTop() + kh * p.dilationH();
            for (int kw = 0; kw < p.kw(); kw++) {
              int iw = ow * p.strideW() - p.padLeft() + kw * p.dilationW();
              if (ih >= 0 && ih < p.h() && iw >= 0 && iw < p.w()) {
                long from = (((long) image * p.h() + ih) * p.w() + iw) * p.c() + firstC;
                Numbers.read(x, DType.F32, from, 1, values, 0, inC);
                ReferenceGemm.addScaled(sum, (kh * p.kw() + kw) * inC, factor, values, 0, inC);
              }
            }
          }
        }
      }
    }
    for (int i = 0; i < sum.length; i++) {
      Numbers.set(dw, (long) o * sum.length + i, (float) sum[i]);
    }
  }
}
