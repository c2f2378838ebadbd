package dev.viridian.diffusion.layers;

import dev.viridian.engine.Tensor;

/**
 * A map [1, height, width, channels] that is read row by row, whether it is in memory or computed
 * when it is asked for.
 */
public interface Rows {
  /** How many rows there are. */
  int height();

  /** Pixels of a row. */
  int width();

  /** Numbers of a pixel. */
  int channels();

  /**
   * Rows {@code from} to before {@code to}, [1, to − from, width, channels]; the current scope's.
   *
   * @param from 0 or more, below {@code to}
   * @param to at most {@link #height}
   */
  Tensor rows(int from, int to);
}
