package dev.viridian.kernels.cpu.vector;

import static dev.viridian.kernels.cpu.vector.MicroKernel.KC;
import static dev.viridian.kernels.cpu.vector.MicroKernel.LDA;
import static dev.viridian.kernels.cpu.vector.MicroKernel.MR;
import static dev.viridian.kernels.cpu.vector.MicroKernel.NR;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.cpu.reference.Numbers;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * How the tokens of one head [tokens, dim] are laid out for attention's products. Blocks of {@link
 * #BLOCK} tokens are laid out in two ways: <i>across</i>, with the tokens as the columns of a
 * product (scores of queries with keys), and <i>down</i>, with the tokens as its inner dimension
 * (probabilities times values). A block's scores are written where the microkernel then reads its
 * left factor, so that they never move.
 *
 * @param tokens number of tokens, 0 or more
 * @param dim values of one
 */
record TokenPanels(int tokens, int dim) {
  /** Tokens of a block. */
  static final int BLOCK = KC;

  /** Most rows that are worked on at once. */
  static final int ROWS = Math.ceilDiv(64, MR) * MR;

  /** Size of an array for scores. */
  static final int SCORES = ROWS * LDA;

  /** Number of blocks. */
  int blocks() {
    return Math.ceilDiv(tokens, BLOCK);
  }

  /** Tokens in a block. */
  int count(int block) {
    return Math.min(BLOCK, tokens - block * BLOCK);
  }

  /** Distance of the rows of sums. */
  int ld() {
    return Math.ceilDiv(dim, NR) * NR;
  }

  /** Size of an array for sums. */
  int sums() {
    return ROWS * ld();
  }

  /** Size of all blocks across. */
  int acrossSize() {
    return Math.multiplyExact(Math.ceilDiv(tokens, NR) * NR, dim);
  }

  /** Size of all blocks down. */
  int downSize() {
    return Math.multiplyExact(tokens, ld());
  }

  /** Size of the left factor that {@link #rows} fills. */
  int rowsSize() {
    return depths() * ROWS * LDA;
  }

  /** Parts that a long dim is cut into. */
  private int depths() {
    return Math.ceilDiv(dim, KC);
  }

  private int depth(int part) {
    return (int) ((long) dim * part / depths());
  }

  /** Lays a block out across; {@code at} is where the head's blocks begin. */
  void packAcross(MatrixOperand m, int block, float[] to, int at) {
    float[] buffer = Scratch.get(Scratch.Part.BLOCK, NR * LDA);
    int count = count(block);
    for (int part = 0; part < depths(); part++) {
      int from = depth(part);
      int length = depth(part + 1) - from;
      for (int j = 0; j < count; j += NR) {
        int present = Math.min(NR, count - j);
        m.read(block * BLOCK + j, present, from, length, buffer, 0, LDA);
        FloatRuns.transpose(
            buffer, 0, LDA, present, length, to, across(at, block, from) + j * length, NR);
      }
    }
  }

  private int across(int at, int block, int from) {
    int padded = Math.ceilDiv(count(block), NR) * NR;
    return at + block * BLOCK * dim + from * padded;
  }

  /** Lays a block out down; {@code at} is where the head's blocks begin. */
  void packDown(MatrixOperand m, int block, float[] to, int at) {
    int count = count(block);
    int base = at + block * BLOCK * ld();
    for (int t = 0; t < count; t++) {
      for (int j = 0; j < dim; j += NR) {
        int present = Math.min(NR, dim - j);
        m.read(block * BLOCK + t, 1, j, present, to, base + j * count + t * NR, 0);
      }
    }
  }

  /** Reads some tokens, times a factor, as the left factor of {@link #scores}. */
  void rows(MatrixOperand m, int token, int count, float factor, float[] to) {
    for (int part = 0; part < depths(); part++) {
      int from = depth(part);
      int length = depth(part + 1) - from;
      int base = part * ROWS * LDA;
      m.read(token, count, from, length, to, base, LDA);
      for (int i = base; i < base + count * LDA; i += LDA) {
        for (int p = i; p < i + length; p++) {
          to[p] *= factor;
        }
      }
    }
  }

  /** Products of some rows with a block's tokens: {@code s[i·LDA + j]}. */
  void scores(float[] rows, int count, float[] across, int at, int block, float[] s) {
    int columns = count(block);
    for (int part = 0; part < depths(); part++) {
      int from = depth(part);
      int length = depth(part + 1) - from;
      for (int j = 0; j < columns; j += NR) {
        int panel = across(at, block, from) + j * length;
        for (int i = 0; i < count; i += MR) {
          MicroKernel.run(
              length, rows, (part * ROWS + i) * LDA, across, panel, s, i * LDA + j, LDA, part > 0);
        }
      }
    }
  }

  /** Adds weighted sums of a block's tokens: {@code sums[i, ·] += Σ_j w[i·LDA + j] token_j}. */
  void addWeighted(float[] w, int count, float[] down, int at, int block, float[] sums) {
    int length = count(block);
    int base = at + block * BLOCK * ld();
    for (int j = 0; j < dim; j += NR) {
      for (int i = 0; i < count; i += MR) {
        MicroKernel.run(
            length, w, i * LDA, down, base + j * length, sums, i * ld() + j, ld(), true);
      }
    }
  }

  /** Writes row i of sums, times a factor, to where a token lies. */
  void store(float[] sums, int i, float factor, MemorySegment to, long at) {
    int lanes = VectorMath.FLOATS.length();
    int from = i * ld();
    int d = 0;
    for (; d <= dim - lanes; d += lanes) {
      FloatVector v = FloatVector.fromArray(VectorMath.FLOATS, sums, from + d);
      Runs.store(v.mul(factor), to, at + d);
    }
    for (; d < dim; d++) {
      Numbers.set(to, at + d, sums[from + d] * factor);
    }
  }

  /** A head's tokens where they lie. */
  static MatrixOperand operand(MemorySegment segment, long base, long tokenStride) {
    return new MatrixOperand(segment, DType.F32, base, tokenStride, true);
  }
}
