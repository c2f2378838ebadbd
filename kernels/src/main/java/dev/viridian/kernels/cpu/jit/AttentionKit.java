package dev.viridian.kernels.cpu.jit;

import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** All generated functions that attention needs on one level. */
final class AttentionKit {
  private static final ConcurrentHashMap<VectorLevel, Optional<AttentionKit>> KITS =
      new ConcurrentHashMap<>();

  private record Product(PanelCode code, CodePage page) {}

  final VectorLevel level;

  /** Copies rows into panels. */
  final Kit panels;

  private final Product[][] products = new Product[PanelCode.MAX_VECTORS][];
  private final SoftmaxCode[] softmax = new SoftmaxCode[2];
  private final CodePage[] softmaxPages = new CodePage[2];
  private final RowsCode copy = new RowsCode(0);
  private final RowsCode normalize;
  private final ScoreGradientCode[] gradient = new ScoreGradientCode[2];
  private final CodePage[] gradientPages = new CodePage[2];
  private final CodePage copyPage;
  private final CodePage normalizePage;
  private boolean complete = true;

  private AttentionKit(Kit panels) {
    this.panels = panels;
    level = panels.level;
    for (int vectors = 1; vectors <= products.length; vectors++) {
      Product[] byRows = new Product[PanelCode.rows(level, vectors)];
      for (int rows = 1; rows <= byRows.length; rows++) {
        PanelCode code = new PanelCode(level, rows, vectors);
        byRows[rows - 1] = new Product(code, get(code));
      }
      products[vectors - 1] = byRows;
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
  }

  private CodePage get(Generated key) {
    CodePage page = complete ? CodeCache.get(key) : null;
    complete &= page != null;
    return page;
  }

  /** The functions of a level; null if the machine lacks it, or one of them failed its trial. */
  static @Nullable AttentionKit of(VectorLevel level) {
    Kit panels = Kit.of(level);
    if (panels == null) {
      return null;
    }
    return KITS.computeIfAbsent(
            panels.level, l -> Optional.of(new AttentionKit(panels)).filter(k -> k.complete))
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
   * @param k values of a row
   * @param panel byte of the first panel in {@code b}; {@code step} bytes from panel to panel
   * @param vectors in a row of a panel
   * @throws IndexOutOfBoundsException if any of it lies outside of its memory
   */
  void multiply(
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
    int tile = products[vectors - 1].length;
    int tiles = rows / tile;
    int rest = rows % tile;
    Frame f = NativeScratch.frame();
    if (tiles > 0) {
      Product p = products[vectors - 1][tile - 1];
      p.code.run(p.page, f, from, a.step(), k, right, step, to, c.step(), tiles, count, add);
    }
    if (rest > 0) {
      Product p = products[vectors - 1][rest - 1];
      long first = (long) tiles * tile;
      from += first * a.step();
      to += first * c.step();
      p.code.run(p.page, f, from, a.step(), k, right, step, to, c.step(), 1, count, add);
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

  /** Copies rows times the factor at the address that {@code factor} is. */
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
        factor.address(1, 4),
        0);
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
