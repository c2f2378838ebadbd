package dev.viridian.diffusion.vae;

import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.layers.ResnetBlock;
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
}
