package dev.viridian.kernels.cpu.vector;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * Writes tiles into an F32 matrix: times alpha, plus bias, activation last.
 *
 * @param base first element of the matrix
 * @param accumulate whether the matrix is added to
 * @param bias one value a column, null for none
 */
record MatrixOutput(
    MemorySegment segment,
    long base,
    long ld,
    float alpha,
    boolean accumulate,
    float @Nullable [] bias,
    Activation activation)
    implements Product.Output {
  private static final int LANES = VectorMath.FLOATS.length();

  /** A bias as floats; null for null. */
  static float @Nullable [] bias(@Nullable Buffer bias, DType type, int from, int count) {
    if (bias == null) {
      return null;
    }
    float[] values = new float[count];
    FloatRuns.read(HostBuffer.of(bias), type, from, values, 0, count);
    return values;
  }

  @Override
  public void store(Product.Tile tile) {
    boolean add = accumulate || !tile.first();
    float[] biases = tile.last() ? bias : null;
    Activation applied = tile.last() ? activation : Activation.NONE;
    for (int i = 0; i < tile.rows(); i++) {
      long to = base + (tile.row() + i) * ld + tile.column();
      int from = tile.at() + i * tile.ld();
      storeRow(tile.values(), from, to, tile.column(), tile.columns(), add, biases, applied);
    }
  }

  private void storeRow(
      float[] tile,
      int from,
      long to,
      int column,
      int columns,
      boolean add,
      float @Nullable [] biases,
      Activation applied) {
    int j = 0;
    for (; j <= columns - LANES; j += LANES) {
      FloatVector v = FloatVector.fromArray(VectorMath.FLOATS, tile, from + j).mul(alpha);
      if (add) {
        v = v.add(Runs.load(segment, to + j));
      }
      if (biases != null) {
        v = v.add(FloatVector.fromArray(VectorMath.FLOATS, biases, column + j));
      }
      if (applied != Activation.NONE) {
        v = VectorMath.activate(applied, v);
      }
      Runs.store(v, segment, to + j);
    }
    if (j < columns) {
      // The tail as a vector too: a value's arithmetic must not depend on where its tile ends.
      float[] values = new float[LANES];
      for (int i = j; i < columns; i++) {
        float value = tile[from + i] * alpha;
        value = add ? value + Numbers.get(segment, to + i) : value;
        values[i - j] = biases != null ? value + biases[column + i] : value;
      }
      VectorMath.activate(applied, FloatVector.fromArray(VectorMath.FLOATS, values, 0))
          .intoArray(values, 0);
      for (int i = j; i < columns; i++) {
        Numbers.set(segment, to + i, values[i - j]);
      }
    }
  }
}
