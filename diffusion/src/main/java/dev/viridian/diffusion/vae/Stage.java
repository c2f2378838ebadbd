package dev.viridian.diffusion.vae;

import dev.viridian.diffusion.layers.Bands;
import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.layers.ResnetBlock;
import dev.viridian.diffusion.layers.Rows;
import dev.viridian.diffusion.layers.StoredRows;
import dev.viridian.diffusion.layers.Upsample;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.nn.Module;
import java.util.ArrayList;
import java.util.List;

/** Some resnets in a row: one level of the encoder or decoder, less its change of size. */
final class Stage extends Module {
  static final float EPS = 1e-6f;

  private final String name;
  private final List<ResnetBlock> resnets = new ArrayList<>();

  Stage(String name, int in, int out, int count, int groups) {
    this.name = name;
    for (int j = 0; j < count; j++) {
      resnets.add(child("resnets." + j, new ResnetBlock(j == 0 ? in : out, out, 0, groups, EPS)));
    }
  }

  /** Closes x. */
  Tensor forward(Tensor x, LayerObserver observer) {
    for (int j = 0; j < resnets.size(); j++) {
      Tensor before = x;
      x = resnets.get(j).forward(x);
      before.close();
      observer.output(name + ".resnets." + j, x);
    }
    return x;
  }

  /**
   * The change of size before this level and the level itself, band by band, for one map. Closes x.
   *
   * @param lean whether the enlarged map and each resnet's inner map are computed anew wherever
   *     they are read, instead of being kept
   */
  Tensor forward(Upsample up, Tensor x, Bands bands, boolean lean, LayerObserver observer) {
    Rows large = Bands.enlarged(up, new StoredRows(x));
    Tensor read = x;
    if (!lean) {
      read = bands.store(large);
      x.close();
      large = new StoredRows(read);
    }
    ResnetBlock block = resnets.getFirst();
    Tensor y = bands.store(block.first(bands, large));
    StoredRows rows = new StoredRows(y);
    bands.replace(rows, Bands.sum(block.skip(large), block.second(bands, rows)));
    read.close();
    observer.output(name + ".resnets.0", y);
    for (int j = 1; j < resnets.size(); j++) {
      Rows first = resnets.get(j).first(bands, rows);
      Tensor kept = lean ? null : bands.store(first);
      Rows second = resnets.get(j).second(bands, kept == null ? first : new StoredRows(kept));
      bands.replace(rows, Bands.sum(rows, second));
      if (kept != null) {
        kept.close();
      }
      observer.output(name + ".resnets." + j, y);
    }
    return y;
  }
}
