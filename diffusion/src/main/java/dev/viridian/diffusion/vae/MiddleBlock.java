package dev.viridian.diffusion.vae;

import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.layers.ResnetBlock;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.nn.Module;

/** Resnet, attention, resnet at the smallest size. */
final class MiddleBlock extends Module {
  private final String name;
  private final ResnetBlock first;
  private final VaeAttention attention;
  private final ResnetBlock second;

  MiddleBlock(String name, int channels, int groups) {
    this.name = name;
    first = child("resnets.0", new ResnetBlock(channels, channels, 0, groups, Stage.EPS));
    attention = child("attentions.0", new VaeAttention(channels, groups, Stage.EPS));
    second = child("resnets.1", new ResnetBlock(channels, channels, 0, groups, Stage.EPS));
  }

  /** Closes x. */
  Tensor forward(Tensor x, LayerObserver observer) {
    Tensor a = first.forward(x);
    x.close();
    observer.output(name + ".resnets.0", a);
    Tensor b = attention.forward(a);
    a.close();
    observer.output(name + ".attentions.0", b);
    Tensor c = second.forward(b);
    b.close();
    observer.output(name + ".resnets.1", c);
    observer.output(name, c);
    return c;
  }
}
