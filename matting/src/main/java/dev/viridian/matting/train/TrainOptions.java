package dev.viridian.matting.train;

import dev.viridian.engine.optim.LearningRateSchedule;
import dev.viridian.kernels.DType;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * How to train.
 *
 * @param resolution pixels along a side of the pictures, a multiple of the autoencoder's factor
 * @param batch rows of a micro-batch
 * @param accumulation micro-batches of a step
 * @param steps of the optimiser, altogether
 * @param seed of everything that is drawn
 * @param headLearningRate of the matting head
 * @param schedule {@code constant}, {@code linear} or {@code cosine}, after {@code warmup} steps
 * @param clipNorm the largest norm of all gradients together; 0 for no clipping
 * @param captionDropout share of captions that are replaced by none
 * @param flip whether pictures are mirrored at random
 * @param crop whether pictures larger than {@code resolution} are cut at random instead of shrunk
 * @param cacheLatents whether pictures are encoded once, before the first step
 * @param recompute gradient checkpointing
 * @param compute what products, convolutions and attention round their factors to: F32 (not at
 *     all), BF16 or F16, which comes with a {@link LossScaler}; the device has to be one that does
 * @param lossScale where the scale of the loss begins, with F16 alone
 * @param emaDecay of the moving average that becomes the model; null for none
 * @param greenSuffix put after captions without "green"; empty for none
 * @param workers threads that read samples
 * @param checkpointEvery steps between checkpoints; one is made at the end in any case
 * @param keepCheckpoints how many of them stay
 */
public record TrainOptions(
    Stage stage,
    int resolution,
    int batch,
    int accumulation,
    long steps,
    long seed,
    double learningRate,
    double headLearningRate,
    String schedule,
    long warmup,
    double weightDecay,
    double clipNorm,
    double captionDropout,
    boolean flip,
    boolean crop,
    boolean cacheLatents,
    boolean recompute,
    DType compute,
    double lossScale,
    @Nullable Double emaDecay,
    LossOptions losses,
    String greenSuffix,
    boolean skipBad,
    int workers,
    long checkpointEvery,
    int keepCheckpoints) {

  /** The setting that checkpoints of older versions lack: they were made with {@link #NO}. */
  static final String PRECISION = "mixed-precision";

  static final String NO = "no";

  /** A learning rate over the steps. */
  LearningRateSchedule rate(double base) {
    return switch (schedule) {
      case "linear" -> LearningRateSchedule.linear(base, warmup, steps);
      case "cosine" -> LearningRateSchedule.cosine(base, warmup, steps, 0.5);
      default ->
          warmup > 0
              ? LearningRateSchedule.constantWithWarmup(base, warmup)
              : LearningRateSchedule.constant(base);
    };
  }

  /** What scales the loss of a run that begins; null where nothing does. */
  @Nullable LossScaler scaler() {
    return compute == DType.F16 ? new LossScaler(lossScale) : null;
  }

  /** What a run has to have in common with the one it takes up, by name. */
  public Map<String, String> settings() {
    Map<String, String> s = new TreeMap<>();
    s.put("stage", stage.key());
    s.put("resolution", Integer.toString(resolution));
    s.put("train-batch-size", Integer.toString(batch));
    s.put("gradient-accumulation-steps", Integer.toString(accumulation));
    s.put("seed", Long.toString(seed));
    s.put("learning-rate", Double.toString(learningRate));
    s.put("head-learning-rate", Double.toString(headLearningRate));
    s.put("lr-scheduler", schedule.equals("constant") ? schedule : schedule + " to " + steps);
    s.put("lr-warmup-steps", Long.toString(warmup));
    s.put("adam-weight-decay", Double.toString(weightDecay));
    s.put("max-grad-norm", Double.toString(clipNorm));
    s.put("caption-dropout", Double.toString(captionDropout));
    s.put("random-flip", Boolean.toString(flip));
    s.put("random-crop", Boolean.toString(crop));
    s.put("cache-latents", Boolean.toString(cacheLatents));
    s.put(PRECISION, compute == DType.F32 ? NO : compute.name().toLowerCase(Locale.ROOT));
    s.put("ema-decay", String.valueOf(emaDecay));
    s.put("green-suffix", greenSuffix);
    s.put("skip-bad", Boolean.toString(skipBad));
    s.put("losses", new TreeMap<>(losses.weights()) + " " + losses.described());
    return s;
  }
}
