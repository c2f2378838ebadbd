package dev.viridian.kernels.cpu.jit;

import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** All generated functions that attention needs on one level. */
final class AttentionKit {
  private static final System.Logger LOG = System.getLogger(AttentionKit.class.getName());

  private record Key(VectorLevel level, boolean paired, boolean tiles) {}

  private static final ConcurrentHashMap<Key, Optional<AttentionKit>> KITS =
      new ConcurrentHashMap<>();

  private record Product(PanelCode code, Code page) {}

  final VectorLevel level;

  /** With fewer the powers take most of the time and little is gained. */
  private static final int LEAST_PAIRED = 32;

  private final boolean paired;
  private final boolean tiled;
  private final Function<Generated, @Nullable Code> source;

  /** Copies rows into panels. */
  final Kit panels;

  private record Weights(WeightCode code, Code page) {}

  /** By whether of words, whether the last vector is a half, by vectors and by rows less one. */
  private final Product[][][][] products = new Product[2][2][PanelCode.MAX_VECTORS][];

  /** By {@link Scores}, by vectors less one, by rows less one. */
  private final Weights[][][] weights = new Weights[Scores.values().length][VectorLevel.VECTORS][];

  private final SoftmaxCode[] softmax = new SoftmaxCode[2];
  private final Code[] softmaxPages = new Code[2];
  private final RowsCode copy = new RowsCode(0);
  private final RowsCode normalize;
  private final ScoreGradientCode[] gradient = new ScoreGradientCode[2];
  private final Code[] gradientPages = new Code[2];
  private final Code copyPage;
  private final Code normalizePage;
  private final Code squaresPage;
  private final Code pairsPage;
  private boolean complete = true;
  private @Nullable Rounded rounded;
  private boolean triedRounded;
  private @Nullable Boolean tilesTrusted;
  private boolean triedProducts;
  private boolean roundedProducts;

  /** What rounding takes beside products and weights. */
  private record Rounded(Code narrow, Code words) {}

  /**
   * A kit from some source.
   *
   * @param paired whether it has {@link #paired(int) paired} scores, which only AVX-512 has
   * @param tiled whether it has {@link AmxAttentionCode}
   */
  AttentionKit(
      Kit panels, boolean paired, boolean tiled, Function<Generated, @Nullable Code> source) {
    this.panels = panels;
    this.paired = paired;
    this.tiled = tiled;
    this.source = source;
    level = panels.level;
    makeProducts(false);
    makeWeights(Scores.PLAIN);
    if (paired) {
      makeWeights(Scores.PAIRED);
    }
    for (int i = 0; i < 2; i++) {
      softmax[i] = new SoftmaxCode(level, i > 0);
      softmaxPages[i] = get(softmax[i]);
      gradient[i] = new ScoreGradientCode(level, i > 0);
      gradientPages[i] = get(gradient[i]);
    }
    normalize = new RowsCode(level.lanes());
    copyPage = get(copy);
    normalizePage = get(normalize);
    squaresPage = get(new LengthCode());
    pairsPage = get(new PairCode());
  }

  private void makeProducts(boolean words) {
    Product[][][] made = products[words ? 1 : 0];
    for (int vectors = 1; vectors <= PanelCode.MAX_VECTORS; vectors++) {
      int most = PanelCode.rows(level, vectors);
      made[0][vectors - 1] = new Product[most];
      made[1][vectors - 1] = halves() ? new Product[most] : made[0][vectors - 1];
      for (int rows = 1; rows <= most; rows++) {
        for (int half = 0; half < (halves() ? 2 : 1); half++) {
          PanelCode code = new PanelCode(level, rows, vectors, half > 0, words);
          made[half][vectors - 1][rows - 1] = new Product(code, get(code));
        }
      }
    }
  }

  private void makeWeights(Scores scores) {
    for (int vectors = 1; vectors <= VectorLevel.VECTORS; vectors++) {
      int most = WeightCode.rows(level, vectors, scores);
      Weights[] byRows = new Weights[most];
      for (int rows = 1; rows <= most; rows++) {
        WeightCode code = new WeightCode(level, rows, vectors, scores);
        byRows[rows - 1] = new Weights(code, get(code));
      }
      weights[scores.ordinal()][vectors - 1] = byRows;
    }
  }

  /**
   * Whether scores and weights may be bfloat16: AVX512-BF16 multiplies them. What that takes is
   * made when first asked for.
   */
  synchronized boolean rounds() {
    if (!triedProducts) {
      triedProducts = true;
      if (complete && level == VectorLevel.AVX512 && rounded() != null) {
        makeProducts(true);
        makeWeights(Scores.ROUNDED);
        roundedProducts = complete;
        complete = true; // without these all is as it was
      }
    }
    return roundedProducts;
  }

  /** {@link AmxAttentionCode} for heads of so many values; null if it cannot be had. */
  @Nullable Code tiles(int values, boolean clamps) {
    int steps = AmxPanels.steps(values);
    boolean fits = tiled && steps <= AmxAttentionCode.MOST_STEPS && rounded() != null;
    return fits ? source.apply(new AmxAttentionCode(steps, clamps)) : null;
  }

  /**
   * Whether attention on tiles as a whole did what it should: tried once, in a warning if not.
   *
   * @param trial says what is wrong, or null
   */
  synchronized boolean trustsTiles(Supplier<@Nullable String> trial) {
    if (tilesTrusted == null) {
      String fault = trial.get();
      tilesTrusted = fault == null;
      if (fault != null) {
        LOG.log(System.Logger.Level.WARNING, "attention on tiles is not used: {0}", fault);
      }
    }
    return tilesTrusted;
  }

  private synchronized @Nullable Rounded rounded() {
    if (!triedRounded) {
      triedRounded = true;
      boolean has = tiled || DotType.BF16.runsHere();
      Code narrow = has ? source.apply(new NarrowCode(DotType.BF16)) : null;
      Code words = narrow == null ? null : source.apply(new WordsCode());
      rounded = words == null ? null : new Rounded(narrow, words);
    }
    return rounded;
  }

  private Rounded needRounded() {
    Rounded here = rounded();
    if (here == null) {
      throw new IllegalStateException("no products of bfloat16 here");
    }
    return here;
  }

  /** Floats that lie one after the other, as bfloat16. */
  void round(MemorySegment from, long at, int count, MemorySegment to, long toAt) {
    new NarrowCode(DotType.BF16)
        .run(
            needRounded().narrow,
            NativeScratch.frame(),
            Range.address(from, at, 4L * count),
            Range.address(to, toAt, 2L * count),
            count,
            count,
            0,
            0);
  }

  /** Pairs of rows of {@code width} floats as rows of words: {@link WordsCode}. */
  void words(MemorySegment from, int width, int pairs, MemorySegment to, long at) {
    WordsCode.run(
        needRounded().words,
        NativeScratch.frame(),
        Range.address(from, 0, 8L * width * pairs),
        Range.address(to, at, 4L * width * pairs),
        width,
        pairs);
  }

  /** Whether half a vector costs less than a whole one, and all registers can hold one. */
  private boolean halves() {
    return level == VectorLevel.AVX512 && CpuFeatures.here().has(CpuFeatures.Feature.AVX512VL);
  }

  private Code get(Generated key) {
    Code page = complete ? source.apply(key) : null;
    complete &= page != null;
    return page;
  }

  /** The functions of a level; null if the machine lacks it, or one of them failed its trial. */
  static @Nullable AttentionKit of(VectorLevel level) {
    return of(level, level == VectorLevel.AVX512 && CpuFeatures.here().adders());
  }

  /** The same, with or without {@link #paired(int) paired} scores, which only AVX-512 has. */
  static @Nullable AttentionKit of(VectorLevel level, boolean paired) {
    return of(level, paired, level == VectorLevel.AVX512);
  }

  /** The same, with or without tiles, if there are any. */
  static @Nullable AttentionKit of(VectorLevel level, boolean paired, boolean tiled) {
    Kit panels = Kit.of(level);
    if (panels == null) {
      return null;
    }
    boolean has = tiled && DotType.BF16.runsHere() && DotType.BF16.hasTiles();
    return KITS.computeIfAbsent(
            new Key(level, paired, has),
            key ->
                Optional.of(new AttentionKit(panels, paired, has, CodeCache::get))
                    .filter(k -> k.complete))
        .orElse(null);
  }

  /** The best level's that works. */
  static @Nullable AttentionKit best() {
    AttentionKit kit = of(VectorLevel.AVX512);
    return kit != null ? kit : of(VectorLevel.AVX2);
  }

  /**
   * {@code c = a · b} or {@code c += a · b}: some rows times some panels.
   *
   * @param words whether values of a and b are words of two bfloat16
   * @param k values of a row
   * @param panel byte of the first panel in {@code b}; {@code step} bytes from panel to panel
   * @param vectors in a row of a panel
   * @throws IndexOutOfBoundsException if any of it lies outside of its memory
   */
  void multiply(
      boolean words,
      NativeRows a,
      int rows,
      int k,
      MemorySegment b,
      long panel,
      long step,
      int vectors,
      int count,
      NativeRows c,
      boolean add) {
    multiply(
        products[words ? 1 : 0][0][vectors - 1],
        a,
        rows,
        k,
        b,
        panel,
        step,
        vectors,
        count,
        c,
        add);
  }

  /** The same for one panel; of its last vector only {@code half} is needed. */
  void multiplyOne(
      boolean words,
      NativeRows a,
      int rows,
      int k,
      MemorySegment b,
      long panel,
      int vectors,
      boolean half,
      NativeRows c,
      boolean add) {
    Product[] byRows = products[words ? 1 : 0][half ? 1 : 0][vectors - 1];
    multiply(byRows, a, rows, k, b, panel, 0, vectors, 1, c, add);
  }

  private void multiply(
      Product[] byRows,
      NativeRows a,
      int rows,
      int k,
      MemorySegment b,
      long panel,
      long step,
      int vectors,
      int count,
      NativeRows c,
      boolean add) {
    if (rows == 0 || count == 0) {
      return;
    }
    long width = 4L * vectors * level.lanes();
    long from = a.address(rows, 4L * k);
    long right = Range.address(b, panel, (count - 1) * step + width * k);
    long to = c.address(rows, count * width);
    int tile = byRows.length;
    int tiles = rows / tile;
    int rest = rows % tile;
    Frame f = NativeScratch.frame();
    if (tiles > 0) {
      Product p = byRows[tile - 1];
      p.code.run(p.page, f, from, a.step(), k, right, step, to, c.step(), tiles, count, add);
    }
    if (rest > 0) {
      Product p = byRows[rest - 1];
      long first = (long) tiles * tile;
      from += first * a.step();
      to += first * c.step();
      p.code.run(p.page, f, from, a.step(), k, right, step, to, c.step(), 1, count, add);
    }
  }

  /**
   * Weights of some rows and some panels: {@link WeightCode#run}.
   *
   * @param panel byte of the first panel in {@code b}; {@code step} bytes from panel to panel
   * @param scores how they are summed: only if they may be {@link #paired}, or it {@link #rounds}
   * @param shifts {@link WeightCode#ROW_NUMBERS} bytes for each row, one after the other
   * @param sums a vector for each row, one after the other
   * @throws IndexOutOfBoundsException if any of it lies outside of its memory
   */
  void weights(
      Scores scores,
      NativeRows a,
      int rows,
      int k,
      MemorySegment b,
      long panel,
      long step,
      int vectors,
      int count,
      NativeRows shifts,
      NativeRows sums,
      NativeRows c) {
    if (rows == 0 || count == 0) {
      return;
    }
    long vector = 4L * level.lanes();
    long width = vectors * vector;
    long from = a.address(rows, 4L * k);
    long right = Range.address(b, panel, (count - 1) * step + width * (k + 1L));
    long to = c.address(rows, count * (scores == Scores.ROUNDED ? width / 2 : width));
    long shift = Range.address(shifts.memory(), shifts.at(), (long) WeightCode.ROW_NUMBERS * rows);
    long sum = Range.address(sums.memory(), sums.at(), vector * rows);
    Weights[] byRows = weights[scores.ordinal()][vectors - 1];
    int tile = byRows.length;
    int done = 0;
    while (done < rows) {
      int here = Math.min(tile, rows - done);
      int tiles = (rows - done) / here;
      Weights w = byRows[here - 1];
      w.code.run(
          w.page,
          NativeScratch.frame(),
          from + done * a.step(),
          a.step(),
          k,
          right,
          step,
          to + done * c.step(),
          c.step(),
          tiles,
          count,
          shift + (long) WeightCode.ROW_NUMBERS * done,
          sum + vector * done);
      done += tiles * here;
    }
  }

  /**
   * Rows of scores become weights: {@link SoftmaxCode#run}.
   *
   * @param sums sums of values so far; null if there are none yet
   * @param weights the columns' weights, readable in whole vectors from byte {@code weightsAt} on
   */
  void softmax(
      NativeRows scores,
      int rows,
      int keys,
      NativeRows state,
      @Nullable NativeRows sums,
      int sumsVectors,
      @Nullable MemorySegment weights,
      long weightsAt) {
    long vector = 4L * level.lanes();
    long width = Math.ceilDiv(keys, level.lanes()) * vector;
    int which = weights == null ? 0 : 1;
    softmax[which].run(
        softmaxPages[which],
        NativeScratch.frame(),
        scores.address(rows, width),
        scores.step(),
        keys,
        state.address(rows, SoftmaxCode.STATE_VECTORS * vector),
        sums == null ? 0 : sums.address(rows, sumsVectors * vector),
        sums == null ? 0 : sums.step(),
        sums == null ? 0 : sumsVectors,
        weights == null ? 0 : Range.address(weights, weightsAt, width),
        rows);
  }

  /** The sum of squares of each row, as {@link LengthCode#run} writes them. */
  void squares(NativeRows from, int rows, int columns, NativeRows to) {
    LengthCode.run(
        squaresPage,
        NativeScratch.frame(),
        from.address(rows, 4L * columns),
        from.step(),
        rows,
        columns,
        to.address(1, LengthCode.bytes(rows)));
  }

  /** Whether scores of so many values may be those of {@link PairSums}, and gain by it. */
  boolean paired(int values) {
    return paired && values >= LEAST_PAIRED;
  }

  /** What {@link PairSums} adds too much for each row, as {@link PairCode#run} writes it. */
  void pairs(NativeRows from, int rows, int columns, NativeRows to) {
    PairCode.run(
        pairsPage,
        NativeScratch.frame(),
        from.address(rows, 4L * columns),
        from.step(),
        rows,
        columns,
        to.address(1, PairCode.bytes(rows)));
  }

  /**
   * Copies rows times the factor that lies in each row of {@code factor}: one for all at step 0.
   */
  void copy(NativeRows from, NativeRows to, int rows, int columns, NativeRows factor) {
    copy.run(
        copyPage,
        NativeScratch.frame(),
        from.address(rows, 4L * columns),
        from.step(),
        to.address(rows, 4L * columns),
        to.step(),
        rows,
        columns,
        factor.address(rows, 4),
        factor.step());
  }

  /** Copies rows, divided each by the sum of a vector; a sum of 0 gives zeros. */
  void divide(NativeRows from, NativeRows to, int rows, int columns, NativeRows lanes) {
    normalize.run(
        normalizePage,
        NativeScratch.frame(),
        from.address(rows, 4L * columns),
        from.step(),
        to.address(rows, 4L * columns),
        to.step(),
        rows,
        columns,
        lanes.address(rows, 4L * level.lanes()),
        lanes.step());
  }

  /**
   * Scores and gradients of probabilities become gradients of scores: {@link
   * ScoreGradientCode#run}.
   *
   * @param ofRows numbers of the rows, {@link ScoreGradientCode#ROW_NUMBERS} bytes each
   * @param ofColumns one row of e, or three of lse, D and g, readable in whole vectors
   */
  void gradients(
      boolean turned,
      NativeRows scores,
      NativeRows gradients,
      int rows,
      int columns,
      NativeRows ofRows,
      NativeRows ofColumns) {
    int which = turned ? 1 : 0;
    long width = 4L * Math.ceilDiv(columns, level.lanes()) * level.lanes();
    gradient[which].run(
        gradientPages[which],
        NativeScratch.frame(),
        scores.address(rows, width),
        scores.step(),
        gradients.address(rows, width),
        gradients.step(),
        columns,
        ofRows.address(rows, ScoreGradientCode.ROW_NUMBERS),
        ofColumns.address(turned ? 3 : 1, width),
        ofColumns.step(),
        rows);
  }
}
