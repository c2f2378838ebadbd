package dev.viridian.kernels.cpu.jit;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.BiFunction;

/**
 * Products of a tile that take fewer multiplications (Winograd, 1968): for a pair of values of K,
 * {@code x₁y₁ + x₂y₂ = (x₁ + y₂)(x₂ + y₁) − x₁x₂ − y₁y₂}. What is subtracted belongs to a row or a
 * column alone and is not this code's business. Two additions stand for one multiplication, which
 * gains where additions run beside multiplications in units of their own ({@link
 * CpuFeatures#adders}). So that both are as busy, of {@link #GROUP} values two pairs go like this
 * and one in the usual way: 4 multiplications for 6. Of a rest of 4 or 5 values the first pair
 * does.
 *
 * <p>A sum is as exact as a plain one if rows and columns are about as long as each other, else the
 * longer decides the error: callers scale one side.
 */
record PairSums(TileSums sums) {
  /** Values of K that are multiplied in one go. */
  static final int GROUP = 6;

  /** A rest of so many values is a smaller group. */
  static final int REST = 4;

  /** Values of either that do not go in pairs, the last. */
  static final int PLAIN = 2;

  /** Most rows of a tile: its sums, a group's rows of the right factor and some terms fit. */
  static int rows(int vectors) {
    return vectors == 1 ? 12 : 8;
  }

  /** Values of {@code k} that are in whole groups. */
  static int whole(int k) {
    return k / GROUP * GROUP;
  }

  /** Values of {@code k} that are in groups, a smaller one at the end among them. */
  static int grouped(int k) {
    return k - whole(k) < REST ? whole(k) : whole(k) + REST;
  }

  /** Whether, of {@code k} values, one and the next are multiplied as a pair. */
  static boolean pair(int k, int value) {
    int end = value < whole(k) ? value / GROUP * GROUP + GROUP : grouped(k);
    return value % GROUP % 2 == 0 && value < end - PLAIN;
  }

  private Vec right(int k, int vector) {
    return register(sums.firstFree() + k * sums.vectors() + vector);
  }

  private Vec register(int number) {
    return sums.level().register(number);
  }

  /**
   * Adds the products of a group.
   *
   * @param count {@link #GROUP} or {@link #REST}
   * @param b points to the first of its rows of the right factor
   * @param offset of it there
   * @param left where a row of the left factor has a value of the group
   */
  void step(X64Assembler a, int count, Gpr b, int offset, BiFunction<Integer, Integer, Mem> left) {
    int vectors = sums.vectors();
    int bytes = sums.level().lanes() * Float.BYTES;
    for (int k = 0; k < count; k++) {
      for (int j = 0; j < vectors; j++) {
        a.vmovups(right(k, j), Mem.at(b, offset + (k * vectors + j) * bytes));
      }
    }
    int first = sums.firstFree() + GROUP * vectors;
    int terms = (32 - first) / 2;
    int term = 0;
    for (int i = 0; i < sums.rows(); i++) {
      Deque<Runnable> plain = new ArrayDeque<>();
      for (int k = count - PLAIN; k < count; k++) {
        Mem x = left.apply(i, k).broadcasting();
        for (int j = 0; j < vectors; j++) {
          Vec sum = sums.sum(i, j);
          Vec y = right(k, j);
          plain.add(() -> a.vfmadd231ps(sum, y, x));
        }
      }
      for (int k = 0; k < count - PLAIN; k += 2) {
        for (int j = 0; j < vectors; j++) {
          Vec one = register(first + 2 * (term % terms));
          Vec other = register(first + 2 * (term++ % terms) + 1);
          a.vaddps(one, right(k + 1, j), left.apply(i, k).broadcasting());
          a.vaddps(other, right(k, j), left.apply(i, k + 1).broadcasting());
          // Additions and multiplications in turn: each unit always has something to do.
          if (!plain.isEmpty()) {
            plain.remove().run();
          }
          a.vfmadd231ps(sums.sum(i, j), one, other);
        }
      }
      plain.forEach(Runnable::run);
    }
  }
}
