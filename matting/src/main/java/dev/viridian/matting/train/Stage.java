package dev.viridian.matting.train;

import dev.viridian.diffusion.weights.Component;
import dev.viridian.matting.train.LossOptions.Term;
import java.util.EnumSet;
import java.util.Set;

/** What is trained, and by which losses. */
public enum Stage {
  /** The UNet alone, by noise, green and detail: the paper's first stage. */
  UNET("1", 2e-6, EnumSet.of(Component.UNET), EnumSet.of(Term.NOISE, Term.GREEN, Term.DETAIL)),
  /** UNet and matting head together, by all losses: the paper's second stage. */
  JOINT(
      "2",
      2e-6,
      EnumSet.of(Component.UNET, Component.MATTING_HEAD),
      EnumSet.of(Term.NOISE, Term.GREEN, Term.DETAIL, Term.LATENT)),
  /** The matting head alone, for owners of a plain Stable Diffusion. */
  HEAD("head", 1e-4, EnumSet.of(Component.MATTING_HEAD), EnumSet.of(Term.LATENT)),
  /** The autoencoder. */
  VAE("vae", 1e-4, EnumSet.of(Component.VAE), EnumSet.of(Term.RECONSTRUCTION, Term.KL)),
  /** The autoencoder's decoder alone: latents, and what was trained on them, stay as they are. */
  DECODER("decoder", 1e-4, EnumSet.of(Component.VAE), EnumSet.of(Term.RECONSTRUCTION)),
  /** Text encoder and UNet from random weights, by the noise alone. */
  SCRATCH(
      "scratch", 1e-4, EnumSet.of(Component.TEXT_ENCODER, Component.UNET), EnumSet.of(Term.NOISE));

  private final String key;
  private final double learningRate;
  private final Set<Component> trained;
  private final Set<Term> terms;

  Stage(String key, double learningRate, Set<Component> trained, Set<Term> terms) {
    this.key = key;
    this.learningRate = learningRate;
    this.trained = trained;
    this.terms = terms;
  }

  /** Its name on the command line. */
  public String key() {
    return key;
  }

  /** Whether pictures are encoded and decoded, and nothing else. */
  boolean autoencodes() {
    return this == VAE || this == DECODER;
  }

  /** Whether a weight moves, by the name it has in its network. */
  boolean trains(Component component, String name) {
    return trained.contains(component)
        && (this != DECODER || name.startsWith("decoder.") || name.startsWith("post_quant_conv."));
  }

  /** The learning rate where none is given; the head's is another. */
  public double learningRate() {
    return learningRate;
  }

  /** The networks whose weights move, some or all of them. */
  public Set<Component> trained() {
    return EnumSet.copyOf(trained);
  }

  /** The losses that count where nothing else is said. */
  public Set<Term> terms() {
    return EnumSet.copyOf(terms);
  }
}
