package dev.viridian.kernels.cpu.jit;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.cpu.jit.WinogradCode.Step;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** All generated functions that products need on one level. */
final class Kit {
  private static final ConcurrentHashMap<VectorLevel, Optional<Kit>> KITS =
      new ConcurrentHashMap<>();
  private static final DType[] TYPES = {DType.F32, DType.F16, DType.BF16};

  final VectorLevel level;
  private final Function<Generated, @Nullable Code> source;
  private final Code[][][] tiles = new Code[2][][];
  private final ConcurrentHashMap<TileCode, Code> partTiles = new ConcurrentHashMap<>();
  private final Code[] stores = new Code[4];
  private final Code[][] packs = new Code[2][TYPES.length];
  private final Code[] turns = new Code[TYPES.length];
  private final ConcurrentHashMap<SquaresCode, Code> squares = new ConcurrentHashMap<>();
  private final ConcurrentHashMap<PairTile, Code> pairTiles = new ConcurrentHashMap<>();
  private final boolean pairs;
  private final boolean keeps;
  private final ConcurrentHashMap<Integer, Boolean> winograd = new ConcurrentHashMap<>();

  /**
   * A kit from some source.
   *
   * @param source makes functions and tries them; null for one that cannot be had
   * @param pairs whether products by {@link PairSums} are wanted, if they can be had
   * @throws IllegalStateException if one of the functions that all need cannot be had
   */
  Kit(VectorLevel level, Function<Generated, @Nullable Code> source, boolean pairs) {
    this.level = level;
    this.source = source;
    for (int fetches = 0; fetches < 2; fetches++) {
      tiles[fetches] = new Code[level.rows()][VectorLevel.VECTORS];
      for (int i = 0; i < level.rows(); i++) {
        for (int j = 0; j < VectorLevel.VECTORS; j++) {
          tiles[fetches][i][j] = get(new TileCode(level, i + 1, j + 1, j + 1, fetches == 1));
        }
      }
    }
    for (int i = 0; i < stores.length; i++) {
      stores[i] = get(new StoreCode((i & 1) != 0, (i & 2) != 0));
    }
    for (int i = 0; i < TYPES.length; i++) {
      packs[0][i] = get(new PackCode(TYPES[i], false));
      packs[1][i] = get(new PackCode(TYPES[i], true));
      turns[i] = get(new TurnCode(TYPES[i]));
    }
    this.pairs = pairs && level == VectorLevel.AVX512 && tryPairs();
    keeps = this.pairs || tryKept();
  }

  private Code get(Generated key) {
    Code code = source.apply(key);
    if (code == null) {
      throw new IllegalStateException("not available: " + key);
    }
    return code;
  }

  /** The functions of a level; null if the machine lacks it, or one of them failed its trial. */
  static @Nullable Kit of(VectorLevel level) {
    return KITS.computeIfAbsent(level, Kit::make).orElse(null);
  }

  private static Optional<Kit> make(VectorLevel level) {
    if (!level.runsHere()) {
      return Optional.empty();
    }
    try {
      return Optional.of(new Kit(level, CodeCache::get, CpuFeatures.here().adders()));
    } catch (IllegalStateException e) {
      System.getLogger(Kit.class.getName())
          .log(System.Logger.Level.DEBUG, () -> level + " is not used", e);
      return Optional.empty();
    }
  }

  /** The best level's that works; null if none does. */
  static @Nullable Kit best() {
    Kit kit = of(VectorLevel.AVX512);
    return kit != null ? kit : of(VectorLevel.AVX2);
  }

  /** {@link TileCode} of a size, by vectors of a panel that has so many in a row. */
  Code tile(int rows, int vectors, int panelVectors, boolean fetches) {
    if (panelVectors != vectors) {
      TileCode key = new TileCode(level, rows, vectors, panelVectors, fetches);
      return partTiles.computeIfAbsent(key, this::get);
    }
    return tiles[fetches ? 1 : 0][rows - 1][vectors - 1];
  }

  /** {@link StoreCode}. */
  Code store(boolean add, boolean bias) {
    return stores[(add ? 1 : 0) + (bias ? 2 : 0)];
  }

  /** {@link PackCode}. */
  Code pack(DType type, boolean turned) {
    return packs[turned ? 1 : 0][index(type)];
  }

  /** {@link TurnCode}. */
  Code turn(DType type) {
    return turns[index(type)];
  }

  private static int index(DType type) {
    return type == DType.F32 ? 0 : type == DType.F16 ? 1 : 2;
  }

  /** Whether products by {@link PairSums} gain here, and all that they take can be had. */
  boolean pairs() {
    return pairs;
  }

  /** Whether weights that were turned with their model can be read. */
  boolean keeps() {
    return keeps;
  }

  private boolean tryKept() {
    try {
      for (int rows = 1; rows <= level.rows(); rows++) {
        tile(rows, VectorLevel.VECTORS, PackedWeight.PANEL / level.lanes(), true);
      }
      return true;
    } catch (IllegalStateException e) {
      return false;
    }
  }

  private boolean tryPairs() {
    try {
      pairRows();
      for (int vectors = 1; vectors <= VectorLevel.VECTORS; vectors++) {
        pairColumns(vectors);
        for (int rows = 1; rows <= PairTile.ROWS; rows++) {
          pairTile(new PairTile(rows, vectors, false));
          pairTile(new PairTile(rows, vectors, true));
        }
      }
      return true;
    } catch (IllegalStateException e) {
      return false;
    }
  }

  /** {@link PairTile}. */
  Code pairTile(PairTile key) {
    return pairTiles.computeIfAbsent(key, this::get);
  }

  /** {@link PairRowsCode}. */
  Code pairRows() {
    return get(new PairRowsCode());
  }

  /** {@link PairColumnsCode}, by the vectors in a row of the panel. */
  Code pairColumns(int vectors) {
    return get(new PairColumnsCode(vectors));
  }

  /** {@link TapSumCode}; null if it cannot be had. */
  @Nullable Code tapSums() {
    return source.apply(new TapSumCode());
  }

  /** {@link WinogradCode} of this level; made when first needed. */
  Code winograd(Step step, int size) {
    return get(new WinogradCode(level, step, size));
  }

  /** {@link SquaresCode} of this level. */
  Code squares(SquaresCode key) {
    return squares.computeIfAbsent(key, this::get);
  }

  /** Whether a {@link SquaresCode} can be had. */
  boolean has(SquaresCode key) {
    try {
      squares(key);
      return true;
    } catch (IllegalStateException e) {
      return false;
    }
  }

  /** Whether all that minimal filtering by tiles of a size takes can be had. */
  boolean winograd(int size) {
    return winograd.computeIfAbsent(size, this::tryWinograd);
  }

  private boolean tryWinograd(int size) {
    try {
      for (Step step : Step.values()) {
        winograd(step, size);
      }
      for (int rows = 1; rows <= level.rows(); rows++) {
        for (int vectors = 1; vectors <= VectorLevel.VECTORS; vectors++) {
          squares(new SquaresCode(level, rows, vectors));
        }
      }
      return true;
    } catch (IllegalStateException e) {
      return false;
    }
  }
}
