package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Copies rows of the left factor for a tile of {@link PairTile}: {@link PairTile#CHUNK} values of
 * each in turn, scaled as {@link PairNumbers} says; and writes their numbers.
 */
record PairRowsCode() implements Generated {
  /** Address of the table of the rows' addresses. */
  private static final int TABLE = 0;

  /** Bytes from there to the first value; moves on. */
  private static final int FROM = 8;

  private static final int ROWS = 16;
  private static final int CHUNKS = 24;
  private static final int PART = 32;
  private static final int TO = 40;
  private static final int NUMBERS = 48;
  private static final int GREATEST = 56;
  private static final int TO_CHUNK = 64;
  private static final int CHUNK_BYTES = Float.BYTES * PairTile.CHUNK;
  private static final int HALF = CHUNK_BYTES / 2;

  @Override
  public byte[] code() {
    Vec most = Vec.ymm(0);
    Vec scale = Vec.ymm(1);
    Vec surplus = Vec.ymm(2);
    Vec all = Vec.ymm(3);
    X64Assembler a = new X64Assembler();
    a.push(Gpr.RBX);
    a.push(Gpr.R12);
    a.push(Gpr.R13);
    PairNumbers numbers = new PairNumbers(a, Gpr.R13);
    a.vxorps(all, all, all);
    a.mov(Gpr.RSI, argument(NUMBERS));
    a.mov(Gpr.R9, argument(CHUNKS));
    CodeBuffer.Label part = a.here();
    CodeBuffer.Label whole = a.label();
    a.mov(Gpr.RCX, argument(PART));
    a.cmp(Gpr.RCX, Gpr.R9);
    a.jump(Condition.BELOW, whole);
    a.mov(Gpr.RCX, Gpr.R9);
    a.bind(whole);
    a.mov(Gpr.RAX, argument(TABLE));
    a.mov(Gpr.RDX, argument(TO));
    a.mov(Gpr.R10, argument(ROWS));
    CodeBuffer.Label row = a.here();
    a.mov(Gpr.R8, Mem.at(Gpr.RAX));
    a.add(Gpr.R8, argument(FROM));
    a.vxorps(most, most, most);
    a.mov(Gpr.R11, Gpr.R8);
    a.mov(Gpr.RBX, Gpr.RCX);
    CodeBuffer.Label look = a.here();
    for (int half = 0; half < 2; half++) {
      Vec x = Vec.ymm(4 + half);
      a.vmovups(x, Mem.at(Gpr.R11, HALF * half));
      numbers.greatest(most, x);
    }
    a.add(Gpr.R11, CHUNK_BYTES);
    a.dec(Gpr.RBX);
    a.jump(Condition.NOT_EQUAL, look);
    across(a, most, scale, a::vpmaxsd);
    numbers.scale(most, scale);
    a.vpmaxsd(all, all, most);
    a.vxorps(surplus, surplus, surplus);
    a.mov(Gpr.R12, Gpr.RDX);
    a.mov(Gpr.RBX, Gpr.RCX);
    CodeBuffer.Label copy = a.here();
    for (int half = 0; half < 2; half++) {
      Vec x = Vec.ymm(4 + 3 * half);
      Vec turned = Vec.ymm(5 + 3 * half);
      Vec firsts = Vec.ymm(6 + 3 * half);
      a.vmulps(x, scale, Mem.at(Gpr.R8, HALF * half));
      a.vmovups(Mem.at(Gpr.R12, HALF * half), x);
      a.vshufps(turned, x, x, 0xB1);
      numbers.pairs(firsts, x, half);
      a.vfnmadd231ps(surplus, firsts, turned);
    }
    a.add(Gpr.R8, CHUNK_BYTES);
    a.add(Gpr.R12, argument(TO_CHUNK));
    a.dec(Gpr.RBX);
    a.jump(Condition.NOT_EQUAL, copy);
    across(a, surplus, scale, a::vaddps);
    a.vunpcklps(surplus, surplus, most);
    a.vmovups(Mem.at(Gpr.RSI), Vec.xmm(surplus.number())); // the next row's come over the rest
    a.add(Gpr.RSI, PairTile.ROW_NUMBERS);
    a.add(Gpr.RAX, Long.BYTES);
    a.add(Gpr.RDX, CHUNK_BYTES);
    a.dec(Gpr.R10);
    a.jump(Condition.NOT_EQUAL, row);
    a.mov(Gpr.R12, argument(TO_CHUNK));
    a.imul(Gpr.R12, Gpr.RCX);
    a.add(argument(TO), Gpr.R12);
    a.sub(Gpr.R9, Gpr.RCX);
    a.shl(Gpr.RCX, Integer.numberOfTrailingZeros(CHUNK_BYTES));
    a.add(argument(FROM), Gpr.RCX);
    a.test(Gpr.R9, Gpr.R9);
    a.jump(Condition.NOT_EQUAL, part);
    a.mov(Gpr.RAX, argument(GREATEST));
    a.vmovups(Mem.at(Gpr.RAX), all);
    a.vzeroupper();
    a.pop(Gpr.R13);
    a.pop(Gpr.R12);
    a.pop(Gpr.RBX);
    a.ret();
    return a.code();
  }

  private interface Operation {
    void of(Vec to, Vec a, Vec b);
  }

  /** All lanes of a vector together, in each lane. */
  private static void across(X64Assembler a, Vec v, Vec free, Operation operation) {
    a.vperm2f128(free, v, v, 1);
    operation.of(v, v, free);
    a.vshufps(free, v, v, 0x4E);
    operation.of(v, v, free);
    a.vshufps(free, v, v, 0xB1);
    operation.of(v, v, free);
  }

  /** Bytes of the numbers of a tile. */
  static long numberBytes(int rows, int k) {
    return (long) PairTile.ROW_NUMBERS * rows * PairTile.parts(k) + PairTile.ROW_NUMBERS_END;
  }

  /**
   * Copies rows. Addresses and their extents are the caller's to check.
   *
   * @param table address of the rows' addresses
   * @param from first value of each row
   * @param k values, a multiple of {@link PairTile#CHUNK}, at least that
   * @param partChunks chunks of a part
   * @param to address of as many floats as the rows have
   * @param numbers address of {@link #numberBytes} bytes
   * @param greatest address of {@link PairNumbers#GREATEST_BYTES} bytes
   */
  static void run(
      Code page,
      Frame f,
      long table,
      int from,
      int rows,
      int k,
      int partChunks,
      long to,
      long numbers,
      long greatest) {
    f.set(TABLE, table)
        .set(FROM, 4L * from)
        .set(ROWS, Range.positive("rows", rows))
        .set(CHUNKS, PairTile.chunks(k))
        .set(PART, Range.positive("chunks of a part", partChunks))
        .set(TO, to)
        .set(NUMBERS, numbers)
        .set(GREATEST, greatest)
        .set(TO_CHUNK, (long) CHUNK_BYTES * rows)
        .call(page);
  }

  /** Three rows of two parts and more, from their second value on; one large, one with zeros. */
  @Override
  public @Nullable String fault(Code page) {
    int rows = 3;
    int k = 6 * PairTile.CHUNK;
    int parts = PairTile.parts(k);
    int partValues = PairTile.CHUNK * PairTile.partChunks(k);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment from = arena.allocate(4L * rows * (k + 1), 64);
      MemorySegment table = arena.allocate(8L * rows, 64);
      MemorySegment to = arena.allocate(4L * rows * k, 64);
      MemorySegment numbers = arena.allocate(numberBytes(rows, k), 64);
      MemorySegment greatest = arena.allocate(PairNumbers.GREATEST_BYTES, 64);
      float[] x = Trial.fill(from, 37);
      for (int i = 0; i < rows; i++) {
        table.setAtIndex(JAVA_LONG, i, from.address() + 4L * (k + 1) * i);
        for (int p = 0; p <= k; p++) {
          int at = (k + 1) * i + p;
          x[at] *= i == 1 ? 1 << 20 : i == 2 && p > partValues ? 0 : 1;
          from.setAtIndex(JAVA_FLOAT, at, x[at]);
        }
      }
      run(
          page,
          new Frame(),
          table.address(),
          1,
          rows,
          k,
          PairTile.partChunks(k),
          to.address(),
          numbers.address(),
          greatest.address());
      float largest = 0;
      for (int i = 0; i < rows; i++) {
        for (int part = 0; part < parts; part++) {
          int end = Math.min(k, (part + 1) * partValues);
          float most = 0;
          for (int p = part * partValues; p < end; p++) {
            most = Math.max(most, Math.abs(x[(k + 1) * i + 1 + p]));
          }
          float power = most == 0 ? 0 : Math.scalb(1f, Math.getExponent(most));
          largest = Math.max(largest, power);
          float surplus = 0;
          for (int p = part * partValues; p < end; p++) {
            int at = (k + 1) * i + 1 + p;
            float expected = power == 0 ? 0 : x[at] / power;
            surplus -= PairTile.pair(p) && power > 0 ? expected * x[at + 1] / power : 0;
            int place = (p / PairTile.CHUNK * rows + i) * PairTile.CHUNK + p % PairTile.CHUNK;
            if (to.getAtIndex(JAVA_FLOAT, place) != expected) {
              return "row " + i + ", value " + p + ": expected " + expected;
            }
          }
          int number = (part * rows + i) * 2;
          float actual = numbers.getAtIndex(JAVA_FLOAT, number);
          if (!(Math.abs(actual - surplus) < 1e-5)) {
            return "row " + i + ", part " + part + ": " + actual + ", expected " + surplus;
          }
          if (numbers.getAtIndex(JAVA_FLOAT, number + 1) != power) {
            return "row " + i + ", part " + part + ": expected a factor of " + power;
          }
        }
      }
      return greatest.get(JAVA_FLOAT, 0) == largest ? null : "the greatest factor is not told";
    }
  }
}
