package dev.viridian.diffusion.vae;

import dev.viridian.diffusion.layers.Downsample;
import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.weights.VaeConfig;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.nn.Conv2d;
import dev.viridian.engine.nn.GroupNorm;
import dev.viridian.engine.nn.Module;
import dev.viridian.kernels.Activation;
import java.util.ArrayList;
import java.util.List;

/** Pictures to the parameters of their latents' distribution. */
final class Encoder extends Module {
  private final Conv2d convIn;
  private final List<Stage> stages = new ArrayList<>();
  private final List<Downsample> downsamplers = new ArrayList<>();
  private final MiddleBlock middle;
  private final GroupNorm normOut;
  private final Conv2d convOut;

  Encoder(VaeConfig config) {
    List<Integer> widths = config.blockOutChannels();
    int groups = config.normGroups();
    convIn = child("conv_in", new Conv2d(config.inChannels(), widths.getFirst(), 3, 1, 1));
    int in = widths.getFirst();
    for (int i = 0; i < widths.size(); i++) {
      String name = "down_blocks." + i;
      int out = widths.get(i);
      stages.add(
          child(name, new Stage("encoder." + name, in, out, config.layersPerBlock(), groups)));
      if (i < widths.size() - 1) {
        downsamplers.add(child(name + ".downsamplers.0", new Downsample(out, true)));
      }
      in = out;
    }
    middle = child("mid_block", new MiddleBlock("encoder.mid_block", in, groups));
    normOut = child("conv_norm_out", new GroupNorm(groups, in, Stage.EPS));
    convOut = child("conv_out", new Conv2d(in, 2 * config.latentChannels(), 3, 1, 1));
  }

  Tensor forward(Tensor picture, LayerObserver observer) {
    Tensor x = convIn.forward(picture);
    observer.output("encoder.conv_in", x);
    for (int i = 0; i < stages.size(); i++) {
      x = stages.get(i).forward(x, observer);
      if (i < downsamplers.size()) {
        Tensor before = x;
        x = downsamplers.get(i).forward(x);
        before.close();
        observer.output("encoder.down_blocks." + i + ".downsamplers.0", x);
      }
      observer.output("encoder.down_blocks." + i, x);
    }
    x = middle.forward(x, observer);
    Tensor n = normOut.forward(x, Activation.SILU);
    x.close();
    Tensor out = convOut.forward(n);
    n.close();
    observer.output("encoder.conv_out", out);
    return out;
  }
}
