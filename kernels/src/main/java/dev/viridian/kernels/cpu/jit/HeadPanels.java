package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import org.jspecify.annotations.Nullable;

/**
 * How the tokens of one head [tokens, dim] are laid out for attention's products, in two ways:
 * <i>across</i>, with the tokens as the columns of a product (scores of queries with keys), and
 * <i>down</i>, with the tokens as its inner dimension (weights times values). Both are cut into
 * blocks of {@link #BLOCK} tokens.
 *
 * @param tokens number of tokens, 1 or more
 * @param dim values of one, 1 or more
 * @param numbered whether a panel across begins with a number for each token, as {@link WeightCode}
 *     wants it: {@link #HIDDEN} where no token is left, for the others 0 or what makes up for
 *     {@link PairSums}
 * @param words whether values are bfloat16: two of a token across, or of two tokens down, are a
 *     word, and 0 stands where there is no second
 */
record HeadPanels(AttentionKit kit, int tokens, int dim, boolean numbered, boolean words) {
  /** Tokens of a block: their scores with some rows stay in the second cache. */
  static final int BLOCK = 256;

  /** The number of a token that is not there. */
  private static final float HIDDEN = -1e30f;

  /** Vectors in a row of most panels. */
  private static final int VECTORS = VectorLevel.VECTORS;

  /** Number of blocks. */
  int blocks() {
    return Math.ceilDiv(tokens, BLOCK);
  }

  /** Tokens in a block. */
  int count(int block) {
    return Math.min(BLOCK, tokens - block * BLOCK);
  }

  /** What so many values take of a product's inner dimension. */
  private int inner(int values) {
    return words ? Math.ceilDiv(values, 2) : values;
  }

  private int lanes() {
    return kit.level.lanes();
  }

  private int columns() {
    return VECTORS * lanes();
  }

  /** Vectors that a token's values take. */
  int vectors() {
    return Math.ceilDiv(dim, lanes());
  }

  /** Size of all blocks across. */
  long acrossBytes() {
    return Math.ceilDiv(tokens, columns()) * acrossStep();
  }

  /** Size of all blocks down. */
  long downBytes() {
    return 4L * inner(tokens) * vectors() * lanes();
  }

  /** Bytes from a panel of tokens to the next. */
  private long acrossStep() {
    return 4L * columns() * (inner(dim) + (numbered ? 1 : 0));
  }

  private long acrossAt(int block) {
    return BLOCK / columns() * acrossStep() * block;
  }

  private long downAt(int block) {
    return 4L * inner(BLOCK) * vectors() * lanes() * block;
  }

  /**
   * Vectors in a row of the last panel down: the panels before have two each. Three in one panel
   * are more than two and one: a single vector's sums wait for each other.
   */
  private int lastVectors() {
    int vectors = vectors();
    return vectors % VECTORS == 0 ? 0 : Math.min(vectors, VECTORS + 1);
  }

  /**
   * Lays a block out across; the head's blocks begin at byte {@code at}.
   *
   * @param surplus a float for each token of the block, to be taken out again
   */
  void packAcross(
      RightMatrix m, int block, MemorySegment to, long at, @Nullable NativeRows surplus) {
    int count = count(block);
    for (int j = 0; j < count; j += columns()) {
      int present = Math.min(columns(), count - j);
      int width = present > lanes() ? columns() : lanes();
      long panel = at + acrossAt(block) + j / columns() * acrossStep();
      if (numbered) {
        for (int i = 0; i < width; i++) {
          float number = i < present ? 0 : HIDDEN;
          if (i < present && surplus != null) {
            number = -surplus.memory().get(JAVA_FLOAT, surplus.at() + 4L * (j + i));
          }
          to.set(JAVA_FLOAT, panel + 4L * i, number);
        }
        panel += 4L * width;
      }
      pack(m, block * BLOCK + j, present, 0, dim, to, panel, width);
    }
  }

  /** Lays a block out down; the head's blocks begin at byte {@code at}. */
  void packDown(RightMatrix m, int block, MemorySegment to, long at) {
    int count = count(block);
    int last = lastVectors();
    int pairs = (vectors() - last) / VECTORS;
    for (int i = 0; i < pairs + (last > 0 ? 1 : 0); i++) {
      int column = i * columns();
      int width = i < pairs ? columns() : last * lanes();
      long panel = at + downAt(block) + 4L * column * inner(count);
      int present = Math.min(width, dim - column);
      pack(m, column, present, block * BLOCK, count, to, panel, width);
    }
  }

  private void pack(
      RightMatrix m,
      int column,
      int present,
      int k,
      int count,
      MemorySegment to,
      long panel,
      int width) {
    if (!words) {
      m.pack(kit.panels, column, present, k, count, to, panel, width);
      return;
    }
    long row = 4L * width;
    int pairs = inner(count);
    MemorySegment floats = NativeScratch.get(NativeScratch.Part.PANEL, 2 * row * pairs);
    floats.asSlice((2L * pairs - 1) * row, row).fill((byte) 0);
    m.pack(kit.panels, column, present, k, count, floats, 0, width);
    kit.words(floats, width, pairs, to, panel);
    Reference.reachabilityFence(floats);
  }

  /** Panels of a block but for a narrow one at its end. */
  private int wide(int block) {
    return count(block) / columns() + (count(block) % columns() > lanes() ? 1 : 0);
  }

  /** Whether a block ends with a panel of one vector. */
  private boolean narrow(int block) {
    int rest = count(block) % columns();
    return rest > 0 && rest <= lanes();
  }

  /**
   * Weights of a block's tokens, written in whole vectors: {@link WeightCode#run}.
   *
   * @param scores how they are summed: rounded exactly if all is made of words
   * @param shifts {@link WeightCode#ROW_NUMBERS} bytes for each row, one after the other
   * @param sums a vector for each row, one after the other; added to
   */
  void weights(
      Scores scores,
      NativeRows rows,
      int count,
      MemorySegment across,
      long at,
      int block,
      NativeRows shifts,
      NativeRows sums,
      NativeRows to) {
    long panel = at + acrossAt(block);
    long step = acrossStep();
    int wide = wide(block);
    int k = inner(dim);
    kit.weights(scores, rows, count, k, across, panel, step, VECTORS, wide, shifts, sums, to);
    if (narrow(block)) {
      NativeRows end = to.shifted((words ? 2L : 4L) * wide * columns());
      long last = panel + wide * step;
      kit.weights(scores, rows, count, k, across, last, step, 1, 1, shifts, sums, end);
    }
  }

  /** Products of some rows with a block's tokens, not words, written in whole vectors. */
  void scores(NativeRows rows, int count, MemorySegment across, long at, int block, NativeRows to) {
    int wide = wide(block);
    int skipped = numbered ? 1 : 0;
    int most = kit.level.depth();
    int parts = Math.ceilDiv(dim, most);
    for (int part = 0; part < parts; part++) {
      int from = (int) ((long) dim * part / parts);
      int length = (int) ((long) dim * (part + 1) / parts) - from;
      NativeRows left = rows.shifted(4L * from);
      long panel = at + acrossAt(block);
      long step = acrossStep();
      boolean add = part > 0;
      long row = panel + 4L * (from + skipped) * columns();
      kit.multiply(false, left, count, length, across, row, step, VECTORS, wide, to, add);
      if (narrow(block)) {
        long last = panel + wide * step + 4L * (from + skipped) * lanes();
        NativeRows end = to.shifted(4L * wide * columns());
        kit.multiply(false, left, count, length, across, last, step, 1, 1, end, add);
      }
    }
  }

  /** Adds a block's tokens, weighted by rows of {@code weights}, to rows of sums, or sets those. */
  void addWeighted(
      NativeRows weights,
      int count,
      MemorySegment down,
      long at,
      int block,
      NativeRows sums,
      boolean add) {
    int length = inner(count(block));
    int last = lastVectors();
    int pairs = (vectors() - last) / VECTORS;
    long panel = at + downAt(block);
    long step = 4L * columns() * length;
    kit.multiply(words, weights, count, length, down, panel, step, VECTORS, pairs, sums, add);
    if (last > 0) {
      NativeRows end = sums.shifted(4L * pairs * columns());
      long rest = panel + pairs * step;
      boolean half = dim <= vectors() * lanes() - lanes() / 2;
      kit.multiplyOne(words, weights, count, length, down, rest, last, half, end, add);
    }
  }
}
