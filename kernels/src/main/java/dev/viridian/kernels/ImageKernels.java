package dev.viridian.kernels;

import dev.viridian.kernels.memory.Buffer;

/** What pictures need beyond convolutions. */
public interface ImageKernels {
  /** What lies beyond the border. */
  enum Border {
    /** Zeros. */
    ZERO,
    /** Mirrored without repeating the edge. */
    REFLECT,
    /** The edge again. */
    REPLICATE
  }

  /** A channels-last F32 map [n, h, w, c]. */
  record Map(int n, int h, int w, int c) {
    /** Checks sizes. */
    public Map {
      Check.notNegative("Map", "n", n);
      Check.positive("Map", "h", h);
      Check.positive("Map", "w", w);
      Check.positive("Map", "c", c);
    }
  }

  /**
   * Sobel responses of each channel by cross-correlation with Sx = [[−1,0,1],[−2,0,2],[−1,0,1]] and
   * Sy = Sxᵀ (paper, Eq. 4). Written.
   */
  void sobel(Map p, Border border, Buffer x, Buffer sx, Buffer sy);

  /** {@code dx =} gradient of {@link #sobel}. */
  void sobelBackward(Map p, Border border, Buffer dsx, Buffer dsy, Buffer dx);

  /**
   * One assignment and update of K-Means (Lloyd). Sums are in double, in an order that does not
   * depend on threads.
   *
   * @param points F32 [n, dims]
   * @param centres F32 [k, dims], replaced by the means; a centre without points stays
   * @param assignment I32 [n], written: the nearest centre, the first of equals
   * @param counts I64 [k], written
   * @return the inertia: Σ squared distance to the nearest old centre
   */
  double kMeansStep(
      int n, int dims, int k, Buffer points, Buffer centres, Buffer assignment, Buffer counts);
}
