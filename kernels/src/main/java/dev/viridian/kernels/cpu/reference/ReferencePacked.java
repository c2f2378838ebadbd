package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.PackedJoin;
import dev.viridian.kernels.PackedKernels;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.Precision;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Products with packed weights by plain loops, summed in double. */
public final class ReferencePacked implements PackedKernels {
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
  private static final float LEAST_RANGE = 1e-20f;

  private final Workers workers;

  /** Kernels that share the given threads. */
  public ReferencePacked(Workers workers) {
    this.workers = workers;
  }

  /** Nothing: plain loops take hundreds of times as long. */
  @Override
  public boolean offers(Precision precision) {
    return false;
  }

  @Override
  public void pack(PackedWeight w, DType type, Buffer weight, Buffer packed) {
    MemorySegment from = HostBuffer.of(weight);
    MemorySegment to = HostBuffer.of(packed).asSlice(0, w.bytes());
    to.fill((byte) 0);
    if (w.precision() == Precision.F32) {
      ReferencePairs.pack(w, type, from, to);
      return;
    }
    int length = w.taps() * w.channels();
    float[] values = new float[length];
    for (int column = 0; column < w.out(); column++) {
      Numbers.read(from, type, (long) column * length, 1, values, 0, length);
      float greatest = 0;
      for (float value : values) {
        greatest = Math.max(greatest, Math.abs(value));
      }
      float factor = greatest == 0 ? 0 : 127 / greatest;
      int sum = 0;
      for (int i = 0; i < length; i++) {
        long at = w.at(column, i / w.channels() * w.tapLength() + i % w.channels());
        if (w.precision() == Precision.BF16) {
          to.set(Numbers.SHORT, at, Numbers.floatToBf16(values[i]));
        } else {
          int value = (int) Math.rint(values[i] * factor);
          to.set(ValueLayout.JAVA_BYTE, at, (byte) value);
          sum += value;
        }
      }
      if (w.precision() == Precision.INT8) {
        to.set(Numbers.FLOAT, w.scalesAt() + 4L * column, greatest / 127);
        to.set(INT, w.sumsAt() + 4L * column, sum);
      }
    }
  }

  @Override
  public void packTurned(PackedWeight w, Buffer weight, Buffer packed) {
    w.requireTurnable();
    MemorySegment from = HostBuffer.of(weight);
    MemorySegment to = HostBuffer.of(packed).asSlice(0, w.bytes());
    to.fill((byte) 0);
    for (int k = 0; k < w.channels(); k++) {
      for (int column = 0; column < w.out(); column++) {
        float value = Numbers.get(from, (long) k * w.out() + column);
        to.set(Numbers.SHORT, w.at(column, k), Numbers.floatToBf16(value));
      }
    }
  }

  /** A packed weight's values, [out][K]. */
  private static double[][] unpack(PackedWeight w, MemorySegment packed) {
    double[][] values = new double[w.out()][w.taps() * w.channels()];
    if (w.precision() == Precision.F32) {
      ReferencePairs.unpack(w, packed, values);
      return values;
    }
    for (int column = 0; column < w.out(); column++) {
      boolean bytes = w.precision() == Precision.INT8;
      double scale = bytes ? packed.get(Numbers.FLOAT, w.scalesAt() + 4L * column) : 1;
      for (int i = 0; i < values[column].length; i++) {
        long at = w.at(column, i / w.channels() * w.tapLength() + i % w.channels());
        values[column][i] =
            scale
                * (bytes
                    ? packed.get(ValueLayout.JAVA_BYTE, at)
                    : Numbers.bf16ToFloat(packed.get(Numbers.SHORT, at)));
      }
    }
    return values;
  }

  /** Rounds activations to the precision, as {@link PackedKernels} says. */
  private static void round(Precision precision, float[] x) {
    float lo = 0;
    float hi = 0;
    boolean finite = true;
    for (float value : x) {
      lo = Math.min(lo, value);
      hi = Math.max(hi, value);
      finite &= Float.isFinite(value);
    }
    if (precision == Precision.BF16) {
      for (int i = 0; i < x.length; i++) {
        x[i] = Numbers.bf16ToFloat(Numbers.floatToBf16(x[i]));
      }
    } else if (precision == Precision.INT8 && !finite) {
      Arrays.fill(x, Float.NaN);
    } else if (precision == Precision.INT8) {
      float scale = Math.max(hi - lo, LEAST_RANGE) / 255;
      float inverse = 1 / scale;
      int zero = (int) Math.rint(-lo * inverse);
      for (int i = 0; i < x.length; i++) {
        x[i] = (Math.min(255, (int) Math.rint(x[i] * inverse) + zero) - zero) * scale;
      }
    }
  }

  @Override
  public double lost(PackedWeight w, DType type, Buffer weight, Buffer packed) {
    w.requireBytes();
    MemorySegment from = HostBuffer.of(weight);
    double[][] kept = unpack(w, HostBuffer.of(packed));
    int length = w.taps() * w.channels();
    double sum = 0;
    int count = 0;
    for (int channel = 0; channel < w.channels(); channel++) {
      double lost = 0;
      double all = 0;
      for (int column = 0; column < w.out(); column++) {
        for (int i = channel; i < length; i += w.channels()) {
          double value = Numbers.get(from, type, (long) column * length + i);
          lost += (value - kept[column][i]) * (value - kept[column][i]);
          all += value * value;
        }
      }
      if (all != 0) {
        sum += lost / all;
        count++;
      }
    }
    return count == 0 ? 0 : Math.sqrt(sum / count);
  }

  @Override
  public void product(
      PackedWeight w,
      int rows,
      Buffer x,
      Buffer packed,
      DType biasType,
      @Nullable Buffer bias,
      Buffer y) {
    if (rows > 0) {
      ConvProblem p =
          ConvProblem.of(1, rows, 1, w.channels(), w.out(), 1, 1, 0)
              .epilogue(bias != null, biasType, Activation.NONE);
      convolve(p, w, x, packed, bias, y);
    }
  }

  @Override
  public void joined(
      PackedJoin p,
      Buffer x,
      Buffer packed,
      @Nullable Buffer bias,
      @Nullable Buffer onto,
      Buffer y) {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment left = arena.allocate(4 * p.inputs() + 4, 64);
      MemorySegment product = arena.allocate(4 * p.rows() * p.weight().out() + 4, 64);
      for (long i = 0; i < p.inputs(); i++) {
        Numbers.set(left, i, Numbers.get(HostBuffer.of(x), p.x(), i));
      }
      HostBuffer wide = new HostBuffer(product);
      convolve(p.conv(), p.weight(), new HostBuffer(left), packed, bias, wide);
      finish(p, product, onto, HostBuffer.of(y));
    }
  }

  private static void finish(
      PackedJoin p, MemorySegment product, @Nullable Buffer onto, MemorySegment y) {
    int columns = p.columns();
    for (long i = 0; i < p.rows() * columns; i++) {
      if (p.kind() == PackedJoin.Kind.GATED) {
        long at = i / columns * p.weight().out() + i % columns;
        double gate = SpecialFunctions.gelu(Numbers.get(product, at + columns));
        short bits = Numbers.floatToBf16((float) (Numbers.get(product, at) * gate));
        y.set(Numbers.SHORT, 2 * i, bits);
      } else if (onto != null) {
        Numbers.set(y, i, Numbers.get(product, i) + Numbers.get(HostBuffer.of(onto), i));
      } else {
        Numbers.set(y, i, Numbers.get(product, i));
      }
    }
  }

  @Override
  public void convolve(
      ConvProblem p, PackedWeight w, Buffer x, Buffer packed, @Nullable Buffer bias, Buffer y) {
    boolean single = w.taps() == 1 && p.padTop() + p.padBottom() + p.padLeft() + p.padRight() == 0;
    double[][] weights = unpack(w, HostBuffer.of(packed));
    MemorySegment from = HostBuffer.of(x);
    MemorySegment to = HostBuffer.of(y);
    int size = Math.multiplyExact(p.h() * p.w(), p.c());
    for (int i = 0; i < p.n(); i++) {
      float[] map = new float[size];
      Numbers.read(from, DType.F32, (long) i * size, 1, map, 0, size);
      if (single) {
        for (int at = 0; at < size; at += p.c()) {
          float[] pixel = Arrays.copyOfRange(map, at, at + p.c());
          round(w.precision(), pixel);
          System.arraycopy(pixel, 0, map, at, p.c());
        }
      } else {
        round(w.precision(), map);
      }
      int image = i;
      workers.run(p.outH(), row -> row(p, weights, map, bias, to, image, row));
    }
  }

  private static void row(
      ConvProblem p,
      double[][] weights,
      float[] map,
      @Nullable Buffer bias,
      MemorySegment y,
      int image,
      int row) {
    for (int column = 0; column < p.outW(); column++) {
      for (int out = 0; out < p.outC(); out++) {
        double sum = 0;
        for (int tap = 0; tap < p.kh() * p.kw(); tap++) {
          int iy = row * p.strideH() - p.padTop() + tap / p.kw() * p.dilationH();
          int ix = column * p.strideW() - p.padLeft() + tap % p.kw() * p.dilationW();
          if (iy >= 0 && iy < p.h() && ix >= 0 && ix < p.w()) {
            int at = (iy * p.w() + ix) * p.c();
            for (int c = 0; c < p.c(); c++) {
              sum += map[at + c] * weights[out][tap * p.c() + c];
            }
          }
        }
        if (bias != null) {
          sum += Numbers.get(HostBuffer.of(bias), p.biasType(), out);
        }
        long at = (((long) image * p.outH() + row) * p.outW() + column) * p.outC() + out;
        Numbers.set(y, at, (float) Numbers.activate(p.activation(), sum));
      }
    }
  }
}
