package dev.viridian.matting.loss;

import dev.viridian.diffusion.unet.Columns;
import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.ops.Abs;
import dev.viridian.engine.ops.Add;
import dev.viridian.engine.ops.Affine;
import dev.viridian.engine.ops.Amax;
import dev.viridian.engine.ops.Div;
import dev.viridian.engine.ops.Maximum;
import dev.viridian.engine.ops.Mul;
import dev.viridian.engine.ops.Reshape;
import dev.viridian.engine.ops.Resize;
import dev.viridian.engine.ops.Sub;
import dev.viridian.engine.ops.Sum;
import dev.viridian.kernels.ResampleKernels;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * L_g: the attention that the background's pixels pay to the word "green" is to be 1, the object's
 * 0. With A the column of a cross-attention's probabilities, M the object's mask at the layer's
 * size, and R the rows whose caption has the word:
 *
 * <pre>L_g = mean over layers, rows of R and pixels of |A − (1 − M)|</pre>
 *
 * <p>The attention gives the column out beside its result ({@link Columns}); the full matrix is
 * never made.
 */
public final class GreenLoss {
  private static final float EPS = 1e-8f;

  private final GreenOptions options;
  private final int[][] positions;
  private final int rows;

  /**
   * The loss for some captions.
   *
   * @param positions where the word stands in each row's caption; none for rows that do not count
   */
  public GreenLoss(GreenOptions options, int[][] positions) {
    this.options = options;
    this.positions = positions.clone();
    int used = 0;
    for (int[] row : positions) {
      used += row.length > 0 ? 1 : 0;
    }
    rows = used;
  }

  /** How many rows count: |R|. */
  public int rows() {
    return rows;
  }

  /**
   * What to ask the UNet for; null where no row counts.
   *
   * @param keys tokens of a caption (77)
   */
  public @Nullable Columns columns(Device device, int keys) {
    if (rows == 0) {
      return null;
    }
    int maps = 1;
    if (options.token() == GreenOptions.Token.MAX) {
      for (int[] row : positions) {
        maps = Math.max(maps, row.length);
      }
    }
    List<Tensor> weights = new ArrayList<>();
    for (int map = 0; map < maps; map++) {
      float[] values = new float[positions.length * keys];
      for (int b = 0; b < positions.length; b++) {
        if (positions[b].length > 0) {
          place(values, b * keys, positions[b], map);
        }
      }
      weights.add(Tensors.of(device, values, positions.length, keys));
    }
    return new Columns(weights, options.perHead());
  }

  private void place(float[] values, int at, int[] row, int map) {
    switch (options.token()) {
      case FIRST -> values[at + row[0]] = 1;
      case LAST -> values[at + row[row.length - 1]] = 1;
      case MEAN -> {
        for (int j : row) {
          values[at + j] += 1f / row.length;
        }
      }
      case MAX -> values[at + row[Math.min(map, row.length - 1)]] = 1;
    }
  }

  /**
   * The maps A of all layers, [b, n] or, head by head, [b, heads, n], before normalisation.
   *
   * @param columns as the UNet gave them
   * @param layers how many cross-attentions it has
   */
  public static List<Tensor> maps(List<Tensor> columns, int layers) {
    int each = columns.size() / layers;
    List<Tensor> maps = new ArrayList<>();
    for (int l = 0; l < layers; l++) {
      Tensor map = columns.get(l * each);
      for (int i = 1; i < each; i++) {
        map = Maximum.of(map, columns.get(l * each + i));
      }
      maps.add(map);
    }
    return maps;
  }

  /**
   * The loss, of rank 0; 0 where no row counts.
   *
   * @param maps of all layers, see {@link #maps}
   * @param levels how often the latents' size was halved (rounding up) in each layer
   * @param mask M, [b, H, W, 1] in 0…1
   * @param height of the latents
   * @param width of the latents
   */
  public Tensor of(List<Tensor> maps, int[] levels, Tensor mask, int height, int width) {
    int layers = 0;
    for (int level : levels) {
      layers += options.uses(level) ? 1 : 0;
    }
    if (rows == 0 || layers == 0) {
      return Tensors.scalar(mask.device(), 0);
    }
    try (MemoryScope scope = MemoryScope.open()) {
      List<Tensor> targets = new ArrayList<>();
      Tensor sum = null;
      for (int l = 0; l < levels.length; l++) {
        if (options.uses(levels[l])) {
          Tensor term = layer(maps.get(l), target(targets, levels[l], mask, height, width));
          sum = sum == null ? term : Add.of(sum, term);
        }
      }
      return scope.keep(Affine.of(Objects.requireNonNull(sum), 1f / layers, 0));
    }
  }

  /** 1 − M at a level's size, [b, n]. */
  private Tensor target(List<Tensor> made, int level, Tensor mask, int height, int width) {
    while (made.size() <= level) {
      int i = made.size();
      int h = Math.ceilDiv(height, 1 << i);
      int w = Math.ceilDiv(width, 1 << i);
      ResampleKernels.Mode mode =
          options.nearest() ? ResampleKernels.Mode.NEAREST : ResampleKernels.Mode.AREA;
      Tensor small = Resize.of(mask, h, w, mode);
      made.add(Affine.of(Reshape.of(small, small.size(0), (long) h * w), -1, 1));
    }
    return made.get(level);
  }

  private Tensor layer(Tensor map, Tensor target) {
    Tensor a = map;
    if (options.normaliseMax()) {
      a = Div.of(a, Affine.of(Amax.of(a, true, -1), 1, EPS));
    }
    int heads = options.perHead() ? a.size(1) : 1;
    Tensor t = options.perHead() ? Reshape.of(target, target.size(0), 1, target.size(1)) : target;
    float each = (float) (1.0 / ((double) rows * heads * target.size(1)));
    float[] weights = new float[positions.length];
    for (int b = 0; b < weights.length; b++) {
      weights[b] = positions[b].length > 0 ? each : 0;
    }
    long[] shape =
        options.perHead() ? new long[] {weights.length, 1, 1} : new long[] {weights.length, 1};
    Tensor difference = Abs.of(Sub.of(a, t));
    return Sum.of(Mul.of(difference, Tensors.of(map.device(), weights, shape)));
  }
}
