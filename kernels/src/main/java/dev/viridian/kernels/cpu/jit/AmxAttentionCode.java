package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Attention of bfloat16 on tiles (AMX): {@link #ROWS} queries with any number of keys and values.
 * For {@link #BLOCK} panels of keys after each other, scores become weights {@code 2^(q·k − over)},
 * rounded to bfloat16, with a whole number of each row; then all these weights are multiplied by
 * the values and added to the row's sums. What adds up a row's weights is a column of ones among
 * the values.
 *
 * <p>Tiles and vectors are different units: while the powers of a panel are taken, the tiles
 * already multiply the next one's keys. Scores and weights in between stay in the first cache.
 *
 * @param steps of {@link #STEP} values that a query or key has, 1 to {@link #MOST_STEPS}
 * @param clamps whether exponents below {@link #LEAST} become that: one instruction of eleven, not
 *     needed where they are known to be above
 */
record AmxAttentionCode(int steps, boolean clamps) implements Generated {
  /** Queries. */
  static final int ROWS = 32;

  /** Keys of a panel. */
  static final int KEYS = 32;

  /** Values of a query or key that are multiplied in one go. */
  static final int STEP = 32;

  /** Most steps: a query of 512 values. */
  static final int MOST_STEPS = 16;

  /** Columns of a group of values: with two tiles of rows, six tiles hold sums. */
  static final int COLUMNS = 48;

  /** Panels whose weights are kept at a time. */
  static final int BLOCK = 8;

  /** Bytes of a step of a panel of keys: 16 pairs of values, a word of each of 32 keys. */
  static final int KEY_STEP = 16 * 4 * KEYS;

  /** Bytes of a group's panel of values: 16 pairs of keys, a word of each of 48 columns. */
  static final int VALUE_PANEL = KEYS / 2 * 4 * COLUMNS;

  /** Bytes of a row's numbers. */
  static final int ROW_NUMBERS = 2 * Float.BYTES;

  private static final int TILE = 1024;

  /** Bytes of a panel's scores; there are two, so that none waits for the other. */
  private static final int SCORES = 4 * TILE;

  private static final int WEIGHTS = 2 * TILE;

  /** Bytes of the memory that a call works in. */
  static final int SCRATCH = 2 * SCORES + BLOCK * WEIGHTS;

  /**
   * What a row's first number is less its whole number: added to a score, it rounds that to a whole
   * number too, and leaves the sum of both in the lowest bits.
   */
  private static final float ROUND = 0x1.8p23f;

  /** Exponent of the least weight: one lower and it would not be a normal number. */
  static final int LEAST = -125;

  /**
   * 2^x between −½ and ½ with a relative error of at most 3e−6, the highest first: what is rounded
   * to a part of 256 afterwards.
   */
  private static final float[] POLYNOMIAL = {
    0x1.3997d6p-7f, 0x1.ca1440p-5f, 0x1.ec06dap-3f, 0x1.62e0dcp-1f, 0x1.ffffe8p-1f
  };

  private static final MemorySegment COEFFICIENTS = ConstantTable.of(POLYNOMIAL);

  private static final int CONFIG = 0;
  private static final int CONSTANTS = 8;
  private static final int QUERIES = 16;
  private static final int QUERY_ROW = 24;
  private static final int NUMBERS = 32;
  private static final int PANELS = 40;
  private static final int KEY_PANELS = 48;
  private static final int BLOCKS = 56;
  private static final int LAST = 64;
  private static final int VALUES = 72;
  private static final int VALUE_GROUP = 80;
  private static final int GROUPS = 88;
  private static final int SUMS = 96;
  private static final int SUMS_ROW = 104;
  private static final int SCRATCH_AT = 112;
  private static final int WEIGHTS_AT = 120;
  private static final int VALUES_NOW = 128;
  private static final int GROUPS_LEFT = 136;

  private static final Gpr[] SAVED = {Gpr.RBX, Gpr.RBP, Gpr.R12, Gpr.R13, Gpr.R14, Gpr.R15};

  // What registers hold all along. A tile's rows are some of these bytes apart.
  private static final Gpr BY_QUERY = Gpr.R8;
  private static final Gpr BY_KEYS = Gpr.R9;
  private static final Gpr BY_LINE = Gpr.R11;
  private static final Gpr BY_VALUES = Gpr.RBP;
  private static final Gpr BY_SUMS = Gpr.R15;
  private static final Gpr KEY_PANEL = Gpr.R14;
  private static final Gpr SCORES_AT = Gpr.R10;
  private static final Gpr NUMBERS_AT = Gpr.RCX;
  private static final Gpr PANELS_HERE = Gpr.R12;

  /** Rows whose powers are taken together: two vectors of each fill 24 registers. */
  private static final int TOGETHER = 4;

  AmxAttentionCode {
    if (steps < 1 || steps > MOST_STEPS) {
      throw new IllegalArgumentException(steps + " steps");
    }
  }

  private static Tile tile(int number) {
    return new Tile(number);
  }

  @Override
  public byte[] code() {
    X64Assembler a = new X64Assembler();
    for (Gpr register : SAVED) {
      a.push(register);
    }
    enter(a);
    CodeBuffer.Label block = a.here();
    CodeBuffer.Label whole = a.label();
    a.mov(PANELS_HERE, BLOCK);
    a.cmp(argument(BLOCKS), 1);
    a.jump(Condition.NOT_EQUAL, whole);
    a.mov(PANELS_HERE, argument(LAST));
    a.bind(whole);
    weights(a);
    values(a);
    a.dec(argument(BLOCKS));
    a.jump(Condition.NOT_EQUAL, block);
    a.tilerelease();
    a.vzeroupper();
    for (int i = SAVED.length - 1; i >= 0; i--) {
      a.pop(SAVED[i]);
    }
    a.ret();
    return a.code();
  }

  private static void enter(X64Assembler a) {
    a.mov(Gpr.RAX, argument(CONFIG));
    a.ldtilecfg(Mem.at(Gpr.RAX));
    a.mov(Gpr.RAX, argument(CONSTANTS));
    for (int i = 0; i < POLYNOMIAL.length; i++) {
      a.vmovups(coefficient(i), Mem.at(Gpr.RAX, ConstantTable.BYTES * i));
    }
    a.mov(BY_QUERY, argument(QUERY_ROW));
    a.mov(BY_KEYS, 4 * KEYS);
    a.mov(BY_LINE, 64);
    a.mov(BY_VALUES, 4 * COLUMNS);
    a.mov(BY_SUMS, argument(SUMS_ROW));
    a.mov(KEY_PANEL, argument(KEY_PANELS));
    a.mov(SCORES_AT, argument(SCRATCH_AT));
    a.mov(NUMBERS_AT, argument(NUMBERS));
  }

  /** Points the second to what lies 16 rows behind the first. */
  private static void lower(X64Assembler a, Gpr upper, Gpr row) {
    a.mov(Gpr.RBX, row);
    a.shl(Gpr.RBX, 4);
    a.add(Gpr.RBX, upper);
  }

  /** Weights of a block of panels. */
  private void weights(X64Assembler a) {
    a.mov(Gpr.RAX, argument(QUERIES));
    lower(a, Gpr.RAX, BY_QUERY);
    a.mov(Gpr.RSI, argument(PANELS));
    a.mov(Gpr.RDX, argument(WEIGHTS_AT));
    if (resident()) {
      for (int s = 0; s < steps; s++) {
        a.tileloadd(query(0, s), Mem.at(Gpr.RAX, BY_QUERY, 2 * STEP * s));
        a.tileloadd(query(1, s), Mem.at(Gpr.RBX, BY_QUERY, 2 * STEP * s));
      }
    }
    products(a, 0).forEach(Runnable::run);
    a.mov(Gpr.R13, PANELS_HERE);
    CodeBuffer.Label done = a.label();
    CodeBuffer.Label panel = a.here();
    woven(a, 0);
    a.dec(Gpr.R13);
    a.jump(Condition.EQUAL, done);
    woven(a, 1);
    a.dec(Gpr.R13);
    a.jump(Condition.NOT_EQUAL, panel);
    a.bind(done);
    a.add(Gpr.RSI, KEY_PANEL);
    a.mov(argument(PANELS), Gpr.RSI);
  }

  /** Powers of the scores at hand, and between their steps the products of the next ones. */
  private void woven(X64Assembler a, int from) {
    CodeBuffer.Label last = a.label();
    a.cmp(Gpr.R13, 1); // the last panel is multiplied again: nobody looks at that
    a.jump(Condition.EQUAL, last);
    a.add(Gpr.RSI, KEY_PANEL);
    a.bind(last);
    List<Runnable> powers = new ArrayList<>();
    for (int row = 0; row < ROWS; row += TOGETHER) {
      powers(a, row, SCORES * from, powers);
    }
    List<Runnable> products = products(a, SCORES * (1 - from));
    int end = powers.size() * 4 / 5; // the last scores are in memory when they are read
    int done = 0;
    for (int i = 0; i < powers.size(); i++) {
      powers.get(i).run();
      for (; done < products.size() && done * (long) end <= i * (long) products.size(); done++) {
        products.get(done).run();
      }
    }
    a.add(Gpr.RDX, WEIGHTS);
  }

  /** Whether tiles hold the queries while all panels of a block go by. */
  private boolean resident() {
    return steps <= 2;
  }

  private static Tile query(int half, int step) {
    return tile(4 + 2 * half + step);
  }

  /** Scores of a panel, in four tiles, and to memory. */
  private List<Runnable> products(X64Assembler a, int to) {
    return resident() ? byResident(a, to) : byLoaded(a, to);
  }

  private List<Runnable> byResident(X64Assembler a, int to) {
    List<Runnable> all = new ArrayList<>();
    for (int j = 0; j < 2; j++) {
      for (int s = 0; s < steps; s++) {
        Mem keys = Mem.at(Gpr.RSI, BY_KEYS, KEY_STEP * s + 64 * j);
        Tile key = tile(2 + s);
        all.add(() -> a.tileloadd(key, keys));
      }
      all.add(() -> a.tilezero(tile(0)));
      all.add(() -> a.tilezero(tile(1)));
      for (int s = 0; s < steps; s++) {
        Tile key = tile(2 + s);
        Tile upper = query(0, s);
        Tile lower = query(1, s);
        all.add(() -> a.tdpbf16ps(tile(0), upper, key));
        all.add(() -> a.tdpbf16ps(tile(1), lower, key));
      }
      int upper = to + TILE * j;
      all.add(() -> a.tilestored(Mem.at(SCORES_AT, BY_LINE, upper), tile(0)));
      all.add(() -> a.tilestored(Mem.at(SCORES_AT, BY_LINE, upper + 2 * TILE), tile(1)));
    }
    return all;
  }

  private List<Runnable> byLoaded(X64Assembler a, int to) {
    List<Runnable> all = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      Tile sum = tile(i);
      all.add(() -> a.tilezero(sum));
    }
    for (int s = 0; s < steps; s++) {
      int query = 2 * STEP * s;
      int key = KEY_STEP * s;
      all.add(() -> a.tileloadd(tile(6), Mem.at(Gpr.RSI, BY_KEYS, key)));
      all.add(() -> a.tileloadd(tile(7), Mem.at(Gpr.RSI, BY_KEYS, key + 64)));
      all.add(() -> a.tileloadd(tile(4), Mem.at(Gpr.RAX, BY_QUERY, query)));
      all.add(() -> a.tileloadd(tile(5), Mem.at(Gpr.RBX, BY_QUERY, query)));
      all.add(() -> a.tdpbf16ps(tile(0), tile(4), tile(6)));
      all.add(() -> a.tdpbf16ps(tile(1), tile(4), tile(7)));
      all.add(() -> a.tdpbf16ps(tile(2), tile(5), tile(6)));
      all.add(() -> a.tdpbf16ps(tile(3), tile(5), tile(7)));
    }
    for (int i = 0; i < 4; i++) {
      Mem at = Mem.at(SCORES_AT, BY_LINE, to + TILE * i);
      Tile sum = tile(i);
      all.add(() -> a.tilestored(at, sum));
    }
    return all;
  }

  private static Vec coefficient(int i) {
    return Vec.zmm(24 + i);
  }

  /** The steps from scores of {@link #TOGETHER} rows to weights in memory. */
  private void powers(X64Assembler a, int first, int from, List<Runnable> to) {
    for (int i = 0; i < TOGETHER; i++) {
      int row = first + i;
      Vec least = Vec.zmm(29 + i % 2);
      if (clamps) {
        to.add(() -> a.vbroadcastss(least, Mem.at(NUMBERS_AT, ROW_NUMBERS * row + Float.BYTES)));
      }
      for (int j = 0; j < 2; j++) {
        Vec x = Vec.zmm(2 * i + j);
        int at = from + TILE * (row / 16 * 2 + j) + 64 * (row % 16);
        Mem score = Mem.at(SCORES_AT, at);
        to.add(clamps ? () -> a.vmaxps(x, least, score) : () -> a.vmovups(x, score));
      }
    }
    int vectors = 2 * TOGETHER;
    for (int v = 0; v < vectors; v++) {
      Vec x = Vec.zmm(v);
      Vec whole = Vec.zmm(8 + v);
      Mem round = Mem.at(NUMBERS_AT, ROW_NUMBERS * (first + v / 2)).broadcasting();
      to.add(() -> a.vaddps(whole, x, round));
    }
    for (int v = 0; v < vectors; v++) {
      Vec whole = Vec.zmm(8 + v);
      Vec power = Vec.zmm(16 + v);
      Mem round = Mem.at(NUMBERS_AT, ROW_NUMBERS * (first + v / 2)).broadcasting();
      to.add(() -> a.vsubps(power, whole, round));
    }
    for (int v = 0; v < vectors; v++) {
      Vec x = Vec.zmm(v);
      Vec power = Vec.zmm(16 + v);
      to.add(() -> a.vsubps(x, x, power)); // the rest
    }
    for (int v = 0; v < vectors; v++) {
      Vec power = Vec.zmm(16 + v);
      to.add(() -> a.vmovaps(power, coefficient(0)));
    }
    for (int k = 1; k < POLYNOMIAL.length; k++) {
      Vec next = coefficient(k);
      for (int v = 0; v < vectors; v++) {
        Vec x = Vec.zmm(v);
        Vec power = Vec.zmm(16 + v);
        to.add(() -> a.vfmadd213ps(power, x, next));
      }
    }
    for (int v = 0; v < vectors; v++) {
      Vec whole = Vec.zmm(8 + v);
      to.add(() -> a.vpslld(whole, whole, 23));
    }
    for (int v = 0; v < vectors; v++) {
      Vec whole = Vec.zmm(8 + v);
      Vec power = Vec.zmm(16 + v);
      to.add(() -> a.vpaddd(power, power, whole));
    }
    for (int i = 0; i < TOGETHER; i++) {
      Vec low = Vec.zmm(16 + 2 * i);
      Vec high = Vec.zmm(17 + 2 * i);
      int row = first + i;
      to.add(() -> a.vcvtne2ps2bf16(low, high, low));
      to.add(() -> a.vmovups(Mem.at(Gpr.RDX, TILE * (row / 16) + 64 * (row % 16)), low));
    }
  }

  /** Adds the values of a block of panels, weighted. */
  private static void values(X64Assembler a) {
    a.mov(Gpr.RAX, argument(SUMS));
    a.mov(Gpr.RSI, argument(VALUES));
    a.mov(argument(VALUES_NOW), Gpr.RSI);
    a.mov(Gpr.R13, argument(GROUPS));
    a.mov(argument(GROUPS_LEFT), Gpr.R13);
    CodeBuffer.Label group = a.here();
    lower(a, Gpr.RAX, BY_SUMS);
    for (int j = 0; j < 3; j++) {
      a.tileloadd(tile(j), Mem.at(Gpr.RAX, BY_SUMS, 64 * j));
      a.tileloadd(tile(3 + j), Mem.at(Gpr.RBX, BY_SUMS, 64 * j));
    }
    a.mov(Gpr.RDX, argument(WEIGHTS_AT));
    a.mov(Gpr.RSI, argument(VALUES_NOW));
    a.mov(Gpr.R13, PANELS_HERE);
    a.align(32);
    CodeBuffer.Label panel = a.here();
    a.tileloadd(tile(6), Mem.at(Gpr.RDX, BY_LINE, 0));
    for (int j = 0; j < 3; j++) {
      a.tileloadd(tile(7), Mem.at(Gpr.RSI, BY_VALUES, 64 * j));
      a.tdpbf16ps(tile(j), tile(6), tile(7));
    }
    a.tileloadd(tile(6), Mem.at(Gpr.RDX, BY_LINE, TILE));
    for (int j = 2; j >= 0; j--) { // the last column's values are still there
      if (j < 2) {
        a.tileloadd(tile(7), Mem.at(Gpr.RSI, BY_VALUES, 64 * j));
      }
      a.tdpbf16ps(tile(3 + j), tile(6), tile(7));
    }
    a.add(Gpr.RDX, WEIGHTS);
    a.add(Gpr.RSI, VALUE_PANEL);
    a.dec(Gpr.R13);
    a.jump(Condition.NOT_EQUAL, panel);
    for (int j = 0; j < 3; j++) {
      a.tilestored(Mem.at(Gpr.RAX, BY_SUMS, 64 * j), tile(j));
      a.tilestored(Mem.at(Gpr.RBX, BY_SUMS, 64 * j), tile(3 + j));
    }
    a.add(Gpr.RAX, 4 * COLUMNS);
    a.mov(Gpr.RSI, argument(VALUE_GROUP));
    a.add(argument(VALUES_NOW), Gpr.RSI);
    a.dec(argument(GROUPS_LEFT));
    a.jump(Condition.NOT_EQUAL, group);
    a.add(argument(VALUES), BLOCK * VALUE_PANEL); // behind the last block nothing is read
  }

  /**
   * Writes a row's numbers.
   *
   * @param over the whole number that is subtracted from its scores, 0 to 2^21
   */
  static void numbers(MemorySegment to, long at, int over) {
    to.set(JAVA_FLOAT, at, ROUND - over);
    to.set(JAVA_FLOAT, at + Float.BYTES, over + LEAST);
  }

  /**
   * Adds some panels' weighted values to the sums of {@link #ROWS} rows. Addresses and their
   * extents are the caller's to check.
   *
   * @param queries address of the first row, all {@link #steps} of it; 0 stands for what is missing
   * @param queryRow bytes from row to row
   * @param numbers address of the rows' {@link #numbers numbers}, one after the other
   * @param keys address of the first panel of keys
   * @param panels how many, of keys and of values
   * @param values address of the first group's first panel
   * @param valueGroup bytes from group to group
   * @param sums address of the sums, a float for each column of all groups
   * @param scratch address of {@link #SCRATCH} bytes
   */
  void run(
      Code page,
      Frame f,
      long queries,
      long queryRow,
      long numbers,
      long keys,
      int panels,
      long values,
      long valueGroup,
      int groups,
      long sums,
      long sumsRow,
      long scratch) {
    int blocks = Math.ceilDiv(Range.positive("panels", panels), BLOCK);
    f.set(CONFIG, AmxCode.wholeTiles())
        .set(CONSTANTS, COEFFICIENTS.address())
        .set(QUERIES, queries)
        .set(QUERY_ROW, queryRow)
        .set(NUMBERS, numbers)
        .set(PANELS, keys)
        .set(KEY_PANELS, (long) KEY_STEP * steps)
        .set(BLOCKS, (long) blocks)
        .set(LAST, (long) panels - (blocks - 1) * BLOCK)
        .set(VALUES, values)
        .set(VALUE_GROUP, valueGroup)
        .set(GROUPS, (long) Range.positive("groups", groups))
        .set(SUMS, sums)
        .set(SUMS_ROW, sumsRow)
        .set(SCRATCH_AT, scratch)
        .set(WEIGHTS_AT, scratch + 2 * SCORES)
        .call(page);
  }

  @Override
  public @Nullable String fault(Code page) {
    return AmxAttentionTrial.fault(this, page);
  }
}
