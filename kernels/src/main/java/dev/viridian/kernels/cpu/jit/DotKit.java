package dev.viridian.kernels.cpu.jit;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.cpu.jit.JoinCode.Join;
import dev.viridian.kernels.cpu.jit.PanelStepCode.Step;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** All generated functions that products in a lower precision need. */
final class DotKit {
  private static final ConcurrentHashMap<DotType, Optional<DotKit>> KITS =
      new ConcurrentHashMap<>();

  final DotType type;

  /** For reading weights as floats. */
  final Kit floats;

  final Code narrow;
  final Code finish;
  private final Function<Generated, @Nullable Code> source;

  private final boolean withTiles;
  private final Code[] tiles = new Code[DotCode.ROWS];

  /**
   * A kit from some source.
   *
   * @throws IllegalStateException if one of the functions cannot be had
   */
  DotKit(DotType type, Kit floats, Function<Generated, @Nullable Code> source) {
    this(type, floats, source, type.hasTiles());
  }

  /** The same, with tiles or without. */
  DotKit(DotType type, Kit floats, Function<Generated, @Nullable Code> source, boolean withTiles) {
    this.type = type;
    this.floats = floats;
    this.source = source;
    narrow = get(new NarrowCode(type));
    finish = get(new FinishCode(type));
    for (int i = 0; i < tiles.length; i++) {
      tiles[i] = get(new DotCode(type, i + 1));
    }
    this.withTiles = withTiles && allTiles();
    if (type == DotType.BF16) {
      step(Step.PAIR);
    } else {
      range();
      step(Step.GREATEST);
      step(Step.FOURS);
      loss(DType.F32);
      loss(DType.F16);
      loss(DType.BF16);
    }
  }

  private boolean allTiles() {
    for (int lines = 1; lines <= AmxCode.MOST_LINES; lines *= 2) {
      if (source.apply(new AmxCode(type, lines)) == null) {
        return false;
      }
    }
    for (Join join : Join.values()) {
      if (type == DotType.BF16 && source.apply(new JoinCode(join)) == null) {
        return false;
      }
    }
    return true;
  }

  /** {@link JoinCode}; only where there are tiles, of BF16. */
  Code join(Join join) {
    return get(new JoinCode(join));
  }

  /** Whether there are tiles (AMX). */
  boolean hasTiles() {
    return withTiles;
  }

  /** {@link AmxCode}; only where there are tiles. */
  Code amx(int lines) {
    return get(new AmxCode(type, lines));
  }

  private Code get(Generated key) {
    Code code = source.apply(key);
    if (code == null) {
      throw new IllegalStateException("not available: " + key);
    }
    return code;
  }

  /** The functions of a type; null if the machine lacks it, or one of them failed its trial. */
  static @Nullable DotKit of(DotType type) {
    return KITS.computeIfAbsent(type, DotKit::make).orElse(null);
  }

  private static Optional<DotKit> make(DotType type) {
    Kit floats = type.runsHere() ? Kit.best() : null;
    if (floats == null) {
      return Optional.empty();
    }
    try {
      return Optional.of(new DotKit(type, floats, CodeCache::get));
    } catch (IllegalStateException e) {
      System.getLogger(DotKit.class.getName())
          .log(System.Logger.Level.DEBUG, () -> type + " is not used", e);
      return Optional.empty();
    }
  }

  /** {@link DotCode} of a number of rows. */
  Code tile(int rows) {
    return tiles[rows - 1];
  }

  /** {@link PanelStepCode}. */
  Code step(Step step) {
    return get(new PanelStepCode(step));
  }

  /** {@link LossCode}. */
  Code loss(DType of) {
    return get(new LossCode(of));
  }

  /** {@link RangeCode}. */
  Code range() {
    return get(new RangeCode());
  }
}
