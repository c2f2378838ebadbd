package dev.viridian.engine.ops;

import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * A dimension cut into parts of equal size (the last may be smaller), as views: {@code ceil(size /
 * chunks)} indices each.
 */
public final class Chunk {
  private Chunk() {}

  /**
   * Cuts.
   *
   * @param chunks how many parts, at least 1; fewer come back where the sizes leave nothing for the
   *     last
   */
  public static List<Tensor> of(Tensor x, int chunks, int dim) {
    if (chunks < 1) {
      throw new ShapeException("Chunk: expected at least one chunk, got " + chunks);
    }
    long size = x.shape().dim(dim);
    long part = Math.max(1, (size + chunks - 1) / chunks);
    List<Tensor> parts = new ArrayList<>();
    for (long start = 0; start < size || parts.isEmpty(); start += part) {
      parts.add(Slice.of(x, dim, start, Math.min(size, start + part)));
    }
    return parts;
  }
}
