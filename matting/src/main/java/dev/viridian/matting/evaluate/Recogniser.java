package dev.viridian.matting.evaluate;

import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.autograd.Gradients;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.Conv2d;
import dev.viridian.engine.nn.GroupNorm;
import dev.viridian.engine.nn.Linear;
import dev.viridian.engine.nn.Module;
import dev.viridian.engine.ops.Add;
import dev.viridian.engine.ops.CrossEntropy;
import dev.viridian.engine.ops.Reduction;
import dev.viridian.engine.ops.Reshape;
import dev.viridian.engine.optim.AdamW;
import dev.viridian.engine.optim.LearningRateSchedule;
import dev.viridian.engine.random.TorchRandom;
import dev.viridian.kernels.Activation;
import dev.viridian.kernels.DType;
import dev.viridian.matting.data.procedural.ProceduralObject;
import dev.viridian.matting.data.procedural.ProceduralObjects;
import dev.viridian.matting.data.procedural.ProceduralOptions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Tells nouns and colours of pictures on the canvas: a small network, trained on drawn pictures
 * alone, which knows nothing of the model that it judges. It sees 32×32 pixels, too few to tell
 * sharp from blurred. For one thread.
 */
final class Recogniser implements AutoCloseable {
  /** Pixels along each side of what it sees. */
  static final int SIDE = 32;

  private static final int BATCH = 32;
  private static final double RATE = 2e-3;

  /** What it takes a picture for. */
  record Guess(String noun, String colour) {}

  private static final class Network extends Module {
    private final List<Conv2d> convolutions = new ArrayList<>();
    private final List<GroupNorm> norms = new ArrayList<>();
    private final Linear noun;
    private final Linear colour;

    Network(int nouns, int colours) {
      int[] widths = {3, 32, 48, 64};
      for (int i = 1; i < widths.length; i++) {
        convolutions.add(child("conv" + i, new Conv2d(widths[i - 1], widths[i], 3, 2, 1)));
        norms.add(child("norm" + i, new GroupNorm(8, widths[i], 1e-5f)));
      }
      int features = SIDE / 8 * (SIDE / 8) * widths[3];
      noun = child("noun", new Linear(features, nouns, true));
      colour = child("colour", new Linear(features, colours, true));
    }

    Tensor features(Tensor x) {
      Tensor h = x;
      for (int i = 0; i < convolutions.size(); i++) {
        h = norms.get(i).forward(convolutions.get(i).forward(h), Activation.SILU);
      }
      return Reshape.of(h, h.size(0), h.shape().elements() / h.size(0));
    }
  }

  private final Device device;
  private final List<String> nouns;
  private final List<String> colours;
  private final Network network;

  private Recogniser(Device device, List<String> nouns, List<String> colours, TorchRandom random) {
    this.device = device;
    this.nouns = List.copyOf(nouns);
    this.colours = List.copyOf(colours);
    network = new Network(nouns.size(), colours.size());
    network
        .parameters()
        .forEach(
            (name, p) -> {
              float[] values = new float[Math.toIntExact(p.shape().elements())];
              if (p.shape().rank() > 1) {
                float bound = (float) Math.sqrt(3.0 * p.shape().dim(0) / p.shape().elements());
                random.uniform(values, -bound, bound);
              } else {
                Arrays.fill(values, name.matches("norm.*weight") ? 1 : 0);
              }
              try (MemoryScope scope = MemoryScope.open()) {
                Tensor value = Tensor.empty(device, new TensorSpec(p.shape(), DType.F32));
                value.set(values);
                p.bind(scope.detach(value.named(name)).requireGradient(true));
              }
            });
  }

  /**
   * Trains one.
   *
   * @param options what may be drawn; its nouns and colours are what can be told
   * @param steps of 32 pictures each
   */
  @SuppressWarnings("try") // scopes close what the steps make
  static Recogniser train(Device device, ProceduralOptions options, int steps, long seed) {
    Recogniser recogniser =
        new Recogniser(device, options.nouns(), options.colours(), new TorchRandom(seed));
    Map<String, Tensor> weights = new LinkedHashMap<>();
    recogniser.network.parameters().forEach((name, p) -> weights.put(name, p.value()));
    LearningRateSchedule rate = LearningRateSchedule.cosine(RATE, 0, steps, 0.5);
    try (AdamW optimizer = new AdamW(weights, AdamW.Options.DEFAULT)) {
      for (int step = 0; step < steps; step++) {
        long first = (long) step * BATCH;
        ProceduralObject[] drawn =
            IntStream.range(0, BATCH)
                .parallel()
                .mapToObj(i -> ProceduralObjects.sample(seed, first + i, SIDE, options))
                .toArray(ProceduralObject[]::new);
        try (MemoryScope scope = MemoryScope.open();
            Tape tape = Tape.open();
            Gradients gradients = tape.gradients(recogniser.loss(drawn))) {
          optimizer.step(gradients::get, rate.at(step));
        }
      }
    } catch (RuntimeException | Error e) {
      recogniser.close();
      throw e;
    }
    return recogniser;
  }

  private Tensor loss(ProceduralObject[] drawn) {
    List<float[]> pictures = new ArrayList<>();
    long[] noun = new long[drawn.length];
    long[] colour = new long[drawn.length];
    for (int i = 0; i < drawn.length; i++) {
      pictures.add(drawn[i].composite());
      noun[i] = nouns.indexOf(drawn[i].noun());
      colour[i] = colours.indexOf(drawn[i].colour());
    }
    Tensor features = network.features(input(pictures));
    return Add.of(
        CrossEntropy.of(
            network.noun.forward(features), Tensors.of(device, noun, noun.length), Reduction.MEAN),
        CrossEntropy.of(
            network.colour.forward(features),
            Tensors.of(device, colour, colour.length),
            Reduction.MEAN));
  }

  private Tensor input(List<float[]> pictures) {
    int each = SIDE * SIDE * 3;
    float[] all = new float[pictures.size() * each];
    for (int i = 0; i < pictures.size(); i++) {
      for (int j = 0; j < each; j++) {
        all[i * each + j] = 2 * pictures.get(i)[j] - 1;
      }
    }
    return Tensors.of(device, all, pictures.size(), SIDE, SIDE, 3);
  }

  /** What it takes a picture for: [32, 32, 3] in 0…1. */
  @SuppressWarnings("try") // the scope closes what is computed
  Guess guess(float[] picture) {
    try (MemoryScope scope = MemoryScope.open()) {
      return Tape.withoutRecording(
          () -> {
            Tensor features = network.features(input(List.of(picture)));
            int noun = largest(network.noun.forward(features).toFloats());
            int colour = largest(network.colour.forward(features).toFloats());
            return new Guess(nouns.get(noun), colours.get(colour));
          });
    }
  }

  private static int largest(float[] values) {
    int at = 0;
    for (int i = 1; i < values.length; i++) {
      at = values[i] > values[at] ? i : at;
    }
    return at;
  }

  @Override
  public void close() {
    network.close();
  }
}
