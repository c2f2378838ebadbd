package dev.viridian.diffusion.vae;

import dev.viridian.diffusion.layers.Bands;
import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.layers.Rows;
import dev.viridian.diffusion.layers.StoredRows;
import dev.viridian.diffusion.layers.Upsample;
import dev.viridian.diffusion.weights.VaeConfig;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.engine.nn.Conv2d;
import dev.viridian.engine.nn.GroupNorm;
import dev.viridian.engine.nn.Module;
import dev.viridian.engine.ops.Cast;
import dev.viridian.kernels.Activation;
import dev.viridian.kernels.DType;
import java.util.ArrayList;
import java.util.List;

/** Latents to pictures, with the features that the matting head reads. */
final class Decoder extends Module {
  /** How many of the last levels, where maps are largest, can go band by band. */
  private static final int BANDED = 2;

  private final Conv2d convIn;
  private final MiddleBlock middle;
  private final List<Stage> stages = new ArrayList<>();
  private final List<Upsample> upsamplers = new ArrayList<>();
  private final GroupNorm normOut;
  private final Conv2d convOut;

  Decoder(VaeConfig config) {
    List<Integer> widths = config.blockOutChannels();
    int groups = config.normGroups();
    int in = widths.getLast();
    convIn = child("conv_in", new Conv2d(config.latentChannels(), in, 3, 1, 1));
    middle = child("mid_block", new MiddleBlock("decoder.mid_block", in, groups));
    for (int i = 0; i < widths.size(); i++) {
      String name = "up_blocks." + i;
      int out = widths.get(widths.size() - 1 - i);
      stages.add(
          child(name, new Stage("decoder." + name, in, out, config.layersPerBlock() + 1, groups)));
      if (i < widths.size() - 1) {
        upsamplers.add(child(name + ".upsamplers.0", new Upsample(out)));
      }
      in = out;
    }
    normOut = child("conv_norm_out", new GroupNorm(groups, in, Stage.EPS));
    convOut = child("conv_out", new Conv2d(in, config.outChannels(), 3, 1, 1));
  }

  /**
   * The last level's output before the norm, [n, h, w, c], in the type of activations. Closes
   * latents.
   */
  Tensor upBlocks(Tensor latents, LayerObserver observer) {
    Tensor x = lower(latents, stages.size(), observer);
    observer.output("decoder.up_blocks." + (stages.size() - 1), x);
    return x;
  }

  /** The same of one map, with the last levels band by band. */
  Tensor upBlocks(Tensor latents, Bands bands, LayerObserver observer) {
    int first = Math.max(1, stages.size() - BANDED);
    Tensor x = lower(latents, first, observer);
    for (int i = first; i < stages.size(); i++) {
      boolean last = i == stages.size() - 1;
      x = stages.get(i).forward(upsamplers.get(i - 1), x, bands, last, observer);
    }
    return x;
  }

  /** The first levels, without the change of size after the last of them. */
  private Tensor lower(Tensor latents, int levels, LayerObserver observer) {
    Tensor x = convIn.forward(Cast.of(latents, Tape.activations(latents.device())));
    latents.close();
    observer.output("decoder.conv_in", x);
    x = middle.forward(x, observer);
    for (int i = 0; i < levels; i++) {
      if (i > 0) {
        Tensor before = x;
        x = upsamplers.get(i - 1).forward(x, 2 * x.size(1), 2 * x.size(2));
        before.close();
        observer.output("decoder.up_blocks." + (i - 1), x);
      }
      x = stages.get(i).forward(x, observer);
    }
    return x;
  }

  /** Replaces the last level's output by the feature that feeds the last convolution. */
  void activate(Tensor upBlocks, Bands bands) {
    StoredRows rows = new StoredRows(upBlocks);
    bands.replace(rows, bands.normalised(normOut, rows, Activation.SILU));
  }

  /**
   * The picture, band by band, F32.
   *
   * @param activated whether x is the feature already, else the last level's output
   */
  Tensor picture(Tensor x, boolean activated, Bands bands) {
    Rows rows = new StoredRows(x);
    Rows feature = activated ? rows : bands.normalised(normOut, rows, Activation.SILU);
    return Cast.of(bands.store(Bands.convolved(convOut, feature)), DType.F32);
  }

  /** The feature that feeds the last convolution: normalised and activated. */
  Tensor activated(Tensor upBlocks) {
    return normOut.forward(upBlocks, Activation.SILU);
  }

  /** The picture, about −1 to 1, F32. */
  Tensor picture(Tensor activated, LayerObserver observer) {
    Tensor out = Cast.of(convOut.forward(activated), DType.F32);
    observer.output("decoder.conv_out", out);
    return out;
  }
}
