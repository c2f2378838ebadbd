package dev.viridian.engine.ops;

import dev.viridian.engine.Shape;
import dev.viridian.engine.ShapeException;
import java.util.List;

/**
 * A window that moves over a channels-last map, as {@link Unfold} and {@link Fold} use it.
 *
 * @param kernelH rows of the window
 * @param padH rows of zeros above and below
 */
public record Window(
    int kernelH,
    int kernelW,
    int strideH,
    int strideW,
    int padH,
    int padW,
    int dilationH,
    int dilationW) {
  /** Checks sizes. */
  public Window {
    if (kernelH < 1
        || kernelW < 1
        || strideH < 1
        || strideW < 1
        || padH < 0
        || padW < 0
        || dilationH < 1
        || dilationW < 1) {
      throw new ShapeException(
          "Window: sizes must be at least 1 and padding at least 0: "
              + List.of(kernelH, kernelW, strideH, strideW, padH, padW, dilationH, dilationW));
    }
  }

  /** The same both ways. */
  public static Window square(int kernel, int stride, int padding) {
    return new Window(kernel, kernel, stride, stride, padding, padding, 1, 1);
  }

  /** Positions of the window along h rows. */
  int outH(String op, long h) {
    return positions(op + ": " + kernelH + " rows", h, kernelH, strideH, padH, dilationH);
  }

  /** Positions of the window along w columns. */
  int outW(String op, long w) {
    return positions(op + ": " + kernelW + " columns", w, kernelW, strideW, padW, dilationW);
  }

  private static int positions(
      String what, long size, int kernel, int stride, int pad, int dilation) {
    long room = size + 2L * pad - dilation * (kernel - 1L) - 1;
    if (room < 0) {
      throw new ShapeException(what + " do not fit into " + size + " padded by " + pad);
    }
    return Math.toIntExact(room / stride + 1);
  }

  /** One pixel of the window at all positions where it lies on the map. */
  interface Visit {
    /**
     * Where it lies.
     *
     * @param shape [n, rows, columns, c]
     */
    void at(List<Long> shape, long map, List<Long> mapStrides, long fold, List<Long> foldStrides);
  }

  /**
   * Visits the window's pixels in row order.
   *
   * @param map [n, h, w, c]
   * @param unfolded [n, outH, outW, kernelH, kernelW, c]
   */
  void visit(Shape map, Shape unfolded, Visit visit) {
    long[] ms = map.strides();
    long[] us = unfolded.strides();
    for (int a = 0; a < kernelH; a++) {
      int shiftH = a * dilationH - padH;
      int firstRow = first(shiftH, strideH);
      int rows = last(shiftH, strideH, map.size(1), unfolded.size(1)) - firstRow;
      for (int b = 0; b < kernelW; b++) {
        int shiftW = b * dilationW - padW;
        int firstColumn = first(shiftW, strideW);
        int columns = last(shiftW, strideW, map.size(2), unfolded.size(2)) - firstColumn;
        if (rows > 0 && columns > 0) {
          visit.at(
              List.of(map.dim(0), (long) rows, (long) columns, map.dim(3)),
              (firstRow * (long) strideH + shiftH) * ms[1]
                  + (firstColumn * (long) strideW + shiftW) * ms[2],
              List.of(ms[0], strideH * ms[1], strideW * ms[2], ms[3]),
              firstRow * us[1] + firstColumn * us[2] + a * us[3] + b * us[4],
              List.of(us[0], us[1], us[2], us[5]));
        }
      }
    }
  }

  /** First position at which the pixel is not before the map. */
  private static int first(int shift, int stride) {
    return shift >= 0 ? 0 : (-shift + stride - 1) / stride;
  }

  /** One past the last position at which the pixel is not behind the map. */
  private static int last(int shift, int stride, int size, int positions) {
    return size <= shift ? 0 : Math.min(positions, (size - 1 - shift) / stride + 1);
  }
}
