package dev.viridian.kernels.cpu.jit;

import dev.viridian.kernels.DType;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** All generated functions that products need on one level. */
final class Kit {
  private static final ConcurrentHashMap<VectorLevel, Optional<Kit>> KITS =
      new ConcurrentHashMap<>();
  private static final DType[] TYPES = {DType.F32, DType.F16, DType.BF16};

  final VectorLevel level;
  private final CodePage[][] tiles;
  private final CodePage[] stores = new CodePage[4];
  private final CodePage[][] packs = new CodePage[2][TYPES.length];
  private boolean complete = true;

  private Kit(VectorLevel level) {
    this.level = level;
    tiles = new CodePage[level.rows()][VectorLevel.VECTORS];
    for (int i = 0; i < tiles.length; i++) {
      for (int j = 0; j < VectorLevel.VECTORS; j++) {
        tiles[i][j] = get(new TileCode(level, i + 1, j + 1));
      }
    }
    for (int i = 0; i < stores.length; i++) {
      stores[i] = get(new StoreCode((i & 1) != 0, (i & 2) != 0));
    }
    for (int i = 0; i < TYPES.length; i++) {
      packs[0][i] = get(new PackCode(TYPES[i], false));
      packs[1][i] = get(new PackCode(TYPES[i], true));
    }
  }

  private CodePage get(Generated key) {
    CodePage page = complete ? CodeCache.get(key) : null;
    complete &= page != null;
    return page;
  }

  /** The functions of a level; null if the machine lacks it, or one of them failed its trial. */
  static @Nullable Kit of(@Nullable VectorLevel level) {
    if (level == null || !level.runsHere()) {
      return null;
    }
    return KITS.computeIfAbsent(level, l -> Optional.of(new Kit(l)).filter(k -> k.complete))
        .orElse(null);
  }

  /** The best level's that works. */
  static @Nullable Kit best() {
    Kit kit = of(VectorLevel.best());
    return kit == null && VectorLevel.best() != null ? of(VectorLevel.AVX2) : kit;
  }

  /** {@link TileCode} of a size. */
  CodePage tile(int rows, int vectors) {
    return tiles[rows - 1][vectors - 1];
  }

  /** {@link StoreCode}. */
  CodePage store(boolean add, boolean bias) {
    return stores[(add ? 1 : 0) + (bias ? 2 : 0)];
  }

  /** {@link WinogradCode}, or null if it failed its trial. */
  @Nullable CodePage winograd(WinogradCode.Step step, int size) {
    return CodeCache.get(new WinogradCode(step, size));
  }

  /** Whether all transforms of a size can be had. */
  boolean winograd(int size) {
    for (WinogradCode.Step step : WinogradCode.Step.values()) {
      if (winograd(step, size) == null) {
        return false;
      }
    }
    return true;
  }

  /** {@link PackCode}. */
  CodePage pack(DType type, boolean turned) {
    return packs[turned ? 1 : 0][type == DType.F32 ? 0 : type == DType.F16 ? 1 : 2];
  }
}
