package dev.viridian.matting.train;

import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.scheduler.NoiseTable;
import dev.viridian.diffusion.unet.Columns;
import dev.viridian.diffusion.unet.UNet;
import dev.viridian.diffusion.vae.Autoencoder;
import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.ops.Affine;
import dev.viridian.matting.head.MattingHead;
import dev.viridian.matting.loss.Denoised;
import dev.viridian.matting.loss.DetailLoss;
import dev.viridian.matting.loss.GreenLoss;
import dev.viridian.matting.loss.MattingLoss;
import dev.viridian.matting.loss.NoiseLoss;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The losses of a batch: everything between latents and numbers. What a tape records of it are the
 * parameters that require gradients; frozen networks cost no memory. Not thread-safe.
 */
public final class Objective {
  private final Networks networks;
  private final NoiseTable table;
  private final LossOptions options;
  private final boolean recompute;

  /**
   * An objective.
   *
   * @param recompute whether the UNet's inner values are computed again in the backward pass
   */
  public Objective(Networks networks, NoiseTable table, LossOptions options, boolean recompute) {
    this.networks = networks;
    this.table = table;
    this.options = options;
    this.recompute = recompute;
  }

  /**
   * The losses of a batch, without their weights; all in the current scope.
   *
   * @param terms each of rank 0
   * @param greenRows rows that count in L_g
   * @param denoised the batch behind the UNet; null where it was not needed
   * @param context of the text, [b, 77, width]; null likewise
   * @param greenMaps the maps of L_g by layer, empty without it
   * @param matting the head's parts, or null
   */
  public record Result(
      Map<LossOptions.Term, Tensor> terms,
      int greenRows,
      @Nullable Denoised denoised,
      @Nullable Tensor context,
      List<Tensor> greenMaps,
      MattingLoss.@Nullable Parts matting) {}

  /** Evaluates a batch. */
  public Result of(Batch batch) {
    return of(batch, null);
  }

  /**
   * Evaluates a batch.
   *
   * @param encoded its captions as the text encoder gives them; null to encode them here
   */
  public Result of(Batch batch, @Nullable Tensor encoded) {
    Device device = batch.mean().device();
    Autoencoder autoencoder = networks.autoencoder();
    float scale = (float) autoencoder.config().scalingFactor();
    Autoencoder.Distribution d = new Autoencoder.Distribution(batch.mean(), batch.logVariance());
    Tensor clean = Affine.of(d.sample(batch.posteriorNoise()), scale, 0);
    Map<LossOptions.Term, Tensor> terms = new EnumMap<>(LossOptions.Term.class);
    Denoised denoised = null;
    Tensor context = null;
    List<Tensor> maps = List.of();
    GreenLoss green = new GreenLoss(options.green(), batch.greenPositions());
    if (options.needsUNet()) {
      context = encoded == null ? encode(device, batch.ids()) : encoded;
      Columns columns =
          options.has(LossOptions.Term.GREEN) ? green.columns(device, context.size(1)) : null;
      List<Tensor> given = new ArrayList<>();
      Tensor noisy = table.addNoise(clean, batch.noise(), batch.timesteps());
      UNet unet = networks.unet();
      double[] times = new double[batch.size()];
      for (int i = 0; i < times.length; i++) {
        times[i] = batch.timesteps()[i];
      }
      Tensor predicted =
          unet.forwardEach(
              noisy, unet.times(device, times), unet.context(context, columns), given, recompute);
      denoised = Denoised.of(clean, batch.noise(), noisy, predicted, batch.timesteps(), table);
      if (options.has(LossOptions.Term.NOISE)) {
        terms.put(LossOptions.Term.NOISE, NoiseLoss.of(denoised, options.snrGamma()));
      }
      if (options.has(LossOptions.Term.GREEN)) {
        int[] levels = unet.crossAttentionLevels();
        maps = given.isEmpty() ? List.of() : GreenLoss.maps(given, levels.length);
        terms.put(
            LossOptions.Term.GREEN,
            green.of(maps, levels, batch.requiredMask(), clean.size(1), clean.size(2)));
      }
      if (options.has(LossOptions.Term.DETAIL)) {
        terms.put(
            LossOptions.Term.DETAIL,
            DetailLoss.of(
                options.detail(), denoised, batch.requiredMask(), autoencoder, batch.pictures()));
      }
    }
    MattingLoss.Parts matting = null;
    if (options.has(LossOptions.Term.LATENT)) {
      matting = matting(batch, clean, denoised, scale);
      terms.put(LossOptions.Term.LATENT, matting.total());
    }
    return new Result(terms, green.rows(), denoised, context, maps, matting);
  }

  private Tensor encode(Device device, long[][] ids) {
    int length = ids[0].length;
    long[] all = new long[ids.length * length];
    for (int i = 0; i < ids.length; i++) {
      System.arraycopy(ids[i], 0, all, i * length, length);
    }
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor tokens = Tensors.of(device, all, ids.length, length);
      return scope.keep(networks.textEncoder().forward(tokens, 0, LayerObserver.NONE));
    }
  }

  private MattingLoss.Parts matting(
      Batch batch, Tensor clean, @Nullable Denoised denoised, float scale) {
    MattingHead head = networks.head();
    if (head == null) {
      throw new IllegalStateException("L_latent needs a matting head");
    }
    Tensor mean = Affine.of(batch.mean(), scale, 0);
    Tensor latents;
    if (denoised != null) {
      latents = MattingLoss.latents(options.matting(), denoised, mean);
    } else {
      latents = options.matting().mean() ? mean : clean;
    }
    Tensor feature = MattingLoss.feature(networks.autoencoder(), head, latents);
    return MattingLoss.of(options.matting(), head, feature, batch.requiredMask());
  }
}
