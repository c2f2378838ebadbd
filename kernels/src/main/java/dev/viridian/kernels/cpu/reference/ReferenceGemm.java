package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.GemmKernels;
import dev.viridian.kernels.GemmProblem;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Matrix products by plain loops, summed in double, in tiles of C. */
public final class ReferenceGemm implements GemmKernels {
  private static final int ROWS = 32;
  private static final int COLUMNS = 256;

  private final Workers workers;

  /** Kernels that share the given threads. */
  public ReferenceGemm(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void gemm(GemmProblem p, Buffer a, Buffer b, @Nullable Buffer bias, Buffer c) {
    int rowTiles = Math.ceilDiv(p.m(), ROWS);
    int columnTiles = Math.ceilDiv(p.n(), COLUMNS);
    MemorySegment segmentA = HostBuffer.of(a);
    MemorySegment segmentB = HostBuffer.of(b);
    MemorySegment segmentBias = bias == null ? null : HostBuffer.of(bias);
    MemorySegment segmentC = HostBuffer.of(c);
    workers.run(
        Math.multiplyExact(p.batch(), Math.multiplyExact(rowTiles, columnTiles)),
        tile -> {
          int column = tile % columnTiles * COLUMNS;
          int row = tile / columnTiles % rowTiles * ROWS;
          int batch = tile / columnTiles / rowTiles;
          tile(p, segmentA, segmentB, segmentBias, segmentC, batch, row, column);
        });
  }

  private static void tile(
      GemmProblem p,
      MemorySegment a,
      MemorySegment b,
      @Nullable MemorySegment bias,
      MemorySegment c,
      int batch,
      int row,
      int column) {
    int rows = Math.min(ROWS, p.m() - row);
    int columns = Math.min(COLUMNS, p.n() - column);
    double[] sum = new double[rows * columns];
    float[] rowOfB = new float[columns];
    for (int k = 0; k < p.k(); k++) {
      long from = batch * p.strideB() + (p.transB() ? column * p.ldb() + k : k * p.ldb() + column);
      Numbers.read(b, p.b(), from, p.transB() ? p.ldb() : 1, rowOfB, 0, columns);
      for (int i = 0; i < rows; i++) {
        long r = row + i;
        float value =
            Numbers.get(
                a, p.a(), batch * p.strideA() + (p.transA() ? k * p.lda() + r : r * p.lda() + k));
        addScaled(sum, i * columns, value, rowOfB, 0, columns);
      }
    }
    double[] biases = new double[columns];
    Arrays.setAll(
        biases, j -> bias == null ? 0 : Numbers.get(bias, p.biasType(), (long) column + j));
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        long at = batch * p.strideC() + (row + i) * p.ldc() + column + j;
        double value =
            Numbers.activate(p.activation(), p.alpha() * sum[i * columns + j] + biases[j]);
        Numbers.set(c, at, (float) (p.accumulate() ? Numbers.get(c, at) + value : value));
      }
    }
  }

  /** {@code sum[at + i] += factor · x[from + i]}. */
  static void addScaled(double[] sum, int at, double factor, float[] x, int from, int count) {
    for (int i = 0; i < count; i++) {
      sum[at + i] += factor * x[from + i];
    }
  }
}
