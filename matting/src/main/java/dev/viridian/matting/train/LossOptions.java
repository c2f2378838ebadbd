package dev.viridian.matting.train;

import dev.viridian.matting.loss.DetailOptions;
import dev.viridian.matting.loss.GreenOptions;
import dev.viridian.matting.loss.MattingOptions;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What is minimised: the sum of the terms times their weights, each read in one of its ways.
 *
 * @param weights of each term, at least 0; one of weight 0 is not computed
 * @param snrGamma of min-SNR weighting of L_noise; null for none
 */
public record LossOptions(
    Map<Term, Double> weights,
    @Nullable Double snrGamma,
    GreenOptions green,
    DetailOptions detail,
    MattingOptions matting) {

  /** A part of the loss. */
  public enum Term {
    /** The noise predictor's. */
    NOISE("L_noise"),
    /** That of the background's attention to "green". */
    GREEN("L_g"),
    /** That of edges. */
    DETAIL("L_detail"),
    /** The matting head's. */
    LATENT("L_latent"),
    /** The autoencoder's pictures against those that went in. */
    RECONSTRUCTION("l1"),
    /** How far the autoencoder's latents are from normal ones. */
    KL("kl");

    /** Those of DiffuMatting, in the paper's order. */
    public static final List<Term> PAPER = List.of(NOISE, GREEN, DETAIL, LATENT);

    private final String key;

    Term(String key) {
      this.key = key;
    }

    /** Its name in tables, as in the paper. */
    public String key() {
      return key;
    }
  }

  /** Copies the weights. */
  public LossOptions {
    EnumMap<Term, Double> copy = new EnumMap<>(Term.class);
    for (Term term : Term.values()) {
      double weight = weights.getOrDefault(term, 0.0);
      if (!(weight >= 0 && Double.isFinite(weight))) {
        throw new IllegalArgumentException("weight of " + term.key() + ": " + weight);
      }
      copy.put(term, weight);
    }
    weights = Map.copyOf(copy);
  }

  /** The paper's reading with weight 1 for some terms. */
  public static LossOptions of(Term... terms) {
    EnumMap<Term, Double> weights = new EnumMap<>(Term.class);
    for (Term term : terms) {
      weights.put(term, 1.0);
    }
    return new LossOptions(
        weights, null, GreenOptions.DEFAULT, DetailOptions.DEFAULT, MattingOptions.DEFAULT);
  }

  /** The weight of a term. */
  public double weight(Term term) {
    return weights.getOrDefault(term, 0.0);
  }

  /** Whether a term is computed. */
  public boolean has(Term term) {
    return weight(term) > 0;
  }

  /** Whether masks have to be read. */
  boolean needsMasks() {
    return has(Term.GREEN) || has(Term.DETAIL) || has(Term.LATENT);
  }

  /** Whether pictures have to be read although their latents are known. */
  boolean needsPictures() {
    return has(Term.RECONSTRUCTION)
        || (has(Term.DETAIL) && detail.space() == DetailOptions.Space.PIXEL_TARGET_IMAGE);
  }

  /** The readings, to be compared. */
  String described() {
    return "snr-gamma "
        + snrGamma
        + " "
        + new TreeSet<>(green.levels())
        + " "
        + List.of(
            green.token(), green.perHead(), green.nearest(), green.normaliseMax(), detail, matting);
  }

  /** Whether the noise predictor has to be evaluated. */
  boolean needsUNet() {
    return has(Term.NOISE)
        || has(Term.GREEN)
        || has(Term.DETAIL)
        || (has(Term.LATENT) && matting.estimateBelow() > 0);
  }

  /** The same with another reading of L_g. */
  public LossOptions with(GreenOptions other) {
    return new LossOptions(weights, snrGamma, other, detail, matting);
  }

  /** The same with another reading of L_detail. */
  public LossOptions with(DetailOptions other) {
    return new LossOptions(weights, snrGamma, green, other, matting);
  }

  /** The same with another reading of L_latent. */
  public LossOptions with(MattingOptions other) {
    return new LossOptions(weights, snrGamma, green, detail, other);
  }

  /** The same with min-SNR weighting. */
  public LossOptions withSnrGamma(@Nullable Double gamma) {
    return new LossOptions(weights, gamma, green, detail, matting);
  }
}
