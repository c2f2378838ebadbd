package dev.viridian.diffusion.unet;

import dev.viridian.diffusion.layers.Downsample;
import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.layers.ResnetBlock;
import dev.viridian.diffusion.layers.Upsample;
import dev.viridian.diffusion.weights.UNetConfig;
import dev.viridian.engine.Device;
import dev.viridian.engine.Shape;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.autograd.Recompute;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.Conv2d;
import dev.viridian.engine.nn.GroupNorm;
import dev.viridian.engine.nn.Module;
import dev.viridian.engine.nn.ModuleLoader;
import dev.viridian.engine.ops.Cast;
import dev.viridian.engine.ops.Cat;
import dev.viridian.engine.ops.Reshape;
import dev.viridian.engine.ops.Silu;
import dev.viridian.engine.ops.Slice;
import dev.viridian.kernels.Activation;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Precision;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The noise predictor of Stable Diffusion 1.x, of any width and depth. Latents are channels-last,
 * [b, h, w, inChannels], of any size from 1×1.
 *
 * <p>What does not change between the steps of a run is computed once: {@link #context} for the
 * text, {@link #times} for the time steps. Thread-safe once loaded; a context and times may be
 * shared too.
 */
public final class UNet extends Module {
  private static final int UP_LAYERS_MORE = 1;

  /** One level on the way down or up, or the middle. */
  private record Level(
      String name,
      List<ResnetBlock> resnets,
      List<SpatialTransformer> attentions,
      @Nullable Downsample down,
      @Nullable Upsample up) {}

  /**
   * The text as the UNet uses it: keys and values for each cross-attention. Closed by the scope or
   * caller that it was made in.
   */
  public static final class Context implements AutoCloseable {
    private final List<CrossAttention.KeyValue> keyValues;
    private final @Nullable Columns wanted;

    Context(List<CrossAttention.KeyValue> keyValues, @Nullable Columns wanted) {
      this.keyValues = keyValues;
      this.wanted = wanted;
    }

    /** Closes the keys and values. */
    @Override
    public void close() {
      for (CrossAttention.KeyValue kv : keyValues) {
        kv.key().close();
        kv.value().close();
      }
    }
  }

  /** The time steps of a run as the UNet uses them: a bias [times, channels] for each resnet. */
  public static final class Times implements AutoCloseable {
    private final List<Tensor> biases;
    private final int count;

    Times(List<Tensor> biases, int count) {
      this.biases = biases;
      this.count = count;
    }

    /** The biases of one step, each [1, channels]: views in the current scope. */
    List<Tensor> at(int step) {
      return biases.stream().map(b -> Slice.of(b, 0, step, step + 1L)).toList();
    }

    /** Closes the biases. */
    @Override
    public void close() {
      biases.forEach(Tensor::close);
    }
  }

  private final UNetConfig config;
  private final Conv2d convIn;
  private final TimeEmbedding timeEmbedding;
  private final List<Level> downLevels = new ArrayList<>();
  private final Level middle;
  private final List<Level> upLevels = new ArrayList<>();
  private final GroupNorm normOut;
  private final Conv2d convOut;
  private final List<ResnetBlock> allResnets = new ArrayList<>();
  private final List<SpatialTransformer> allAttentions = new ArrayList<>();

  /**
   * The precision that each weight is packed for when products of the network are computed in a
   * lower one; none for F32. As they are stay the first and the last convolution (few channels, and
   * their errors reach the result directly) and what is computed once a picture: time embedding,
   * keys and values of the text. Attention whose queries' weight is of a lower one may be computed
   * in bfloat16.
   */
  public static ModuleLoader.Precisions precisions(Precision precision) {
    return (name, parameter) ->
        precision == Precision.F32
                || name.startsWith("conv_in.")
                || name.startsWith("conv_out.")
                || name.startsWith("time_embedding.")
                || name.contains(".time_emb_proj.")
                || name.contains(".attn2.to_k.")
                || name.contains(".attn2.to_v.")
            ? null
            : precision;
  }

  /** A network without numbers; names are those of diffusers' UNet2DConditionModel. */
  public UNet(UNetConfig config) {
    this.config = config;
    List<Integer> widths = config.blockOutChannels();
    int levels = widths.size();
    int timeWidth = 4 * widths.getFirst();
    convIn = child("conv_in", new Conv2d(config.inChannels(), widths.getFirst(), 3, 1, 1));
    timeEmbedding = child("time_embedding", new TimeEmbedding(config, timeWidth));

    Deque<Integer> skips = new ArrayDeque<>();
    skips.push(widths.getFirst());
    int channels = widths.getFirst();
    for (int i = 0; i < levels; i++) {
      List<Integer> inputs = new ArrayList<>();
      for (int j = 0; j < config.layersPerBlock(); j++) {
        inputs.add(j == 0 ? channels : widths.get(i));
        skips.push(widths.get(i));
      }
      boolean last = i == levels - 1;
      channels = widths.get(i);
      downLevels.add(
          level(
              "down_blocks." + i,
              inputs,
              channels,
              config.downAttention().get(i) ? inputs.size() : 0,
              config.headsPerBlock().get(i),
              last ? null : new Downsample(channels, false),
              null));
      if (!last) {
        skips.push(channels);
      }
    }

    middle =
        level(
            "mid_block",
            List.of(channels, channels),
            channels,
            1,
            config.headsPerBlock().getLast(),
            null,
            null);

    for (int i = 0; i < levels; i++) {
      int width = widths.get(levels - 1 - i);
      List<Integer> inputs = new ArrayList<>();
      for (int j = 0; j < config.layersPerBlock() + UP_LAYERS_MORE; j++) {
        inputs.add((j == 0 ? channels : width) + skips.pop());
      }
      channels = width;
      upLevels.add(
          level(
              "up_blocks." + i,
              inputs,
              width,
              config.upAttention().get(i) ? inputs.size() : 0,
              config.headsPerBlock().get(levels - 1 - i),
              null,
              i == levels - 1 ? null : new Upsample(width)));
    }

    normOut =
        child(
            "conv_norm_out",
            new GroupNorm(config.normGroups(), widths.getFirst(), config.normEps()));
    convOut = child("conv_out", new Conv2d(widths.getFirst(), config.outChannels(), 3, 1, 1));
  }

  private Level level(
      String name,
      List<Integer> inputs,
      int width,
      int attentionCount,
      int heads,
      @Nullable Downsample down,
      @Nullable Upsample up) {
    List<ResnetBlock> resnets = new ArrayList<>();
    List<SpatialTransformer> attentions = new ArrayList<>();
    for (int j = 0; j < inputs.size(); j++) {
      ResnetBlock resnet =
          new ResnetBlock(
              inputs.get(j),
              width,
              4 * config.blockOutChannels().getFirst(),
              config.normGroups(),
              config.normEps());
      resnets.add(child(name + ".resnets." + j, resnet));
      allResnets.add(resnet);
      if (j < attentionCount) {
        String attention = name + ".attentions." + j;
        SpatialTransformer transformer =
            new SpatialTransformer(
                attention, width, config.crossAttentionDim(), heads, config.normGroups());
        attentions.add(child(attention, transformer));
        allAttentions.add(transformer);
      }
    }
    if (down != null) {
      child(name + ".downsamplers.0", down);
    }
    if (up != null) {
      child(name + ".upsamplers.0", up);
    }
    return new Level(name, resnets, attentions, down, up);
  }

  /** Its configuration. */
  public UNetConfig config() {
    return config;
  }

  /** Names of the cross-attention layers, in the order of {@link #forward}'s columns. */
  public List<String> crossAttentionNames() {
    return allAttentions.stream().map(SpatialTransformer::crossAttentionName).toList();
  }

  /**
   * The level of each cross-attention in the order of {@link #crossAttentionNames}: its map has the
   * size of the latents halved so many times, rounded up.
   */
  public int[] crossAttentionLevels() {
    int last = config.levels() - 1;
    List<Integer> levels = new ArrayList<>();
    for (int i = 0; i <= last; i++) {
      levels.addAll(Collections.nCopies(downLevels.get(i).attentions.size(), i));
    }
    levels.addAll(Collections.nCopies(middle.attentions.size(), last));
    for (int i = 0; i <= last; i++) {
      levels.addAll(Collections.nCopies(upLevels.get(i).attentions.size(), last - i));
    }
    return levels.stream().mapToInt(Integer::intValue).toArray();
  }

  /**
   * Prepares a text.
   *
   * @param encoded the text encoder's last hidden state, [b, m, crossAttentionDim]
   */
  public Context context(Tensor encoded) {
    return context(encoded, null);
  }

  /**
   * Prepares a text, of which each cross-attention also gives out columns of its probabilities.
   *
   * @param wanted which columns, or null for none; must outlive the context
   */
  public Context context(Tensor encoded, @Nullable Columns wanted) {
    if (encoded.shape().rank() != 3 || encoded.size(2) != config.crossAttentionDim()) {
      throw new ShapeException(
          "UNet: context: expected [b, m, " + config.crossAttentionDim() + "], got " + encoded);
    }
    DType type = Tape.activations(encoded.device());
    return new Context(allAttentions.stream().map(a -> a.keyValue(encoded, type)).toList(), wanted);
  }

  /** Prepares the time steps of a run; fractions are allowed. */
  public Times times(Device device, double... times) {
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor activated = Silu.of(timeEmbedding.forward(device, times));
      List<Tensor> biases = new ArrayList<>();
      for (ResnetBlock resnet : allResnets) {
        biases.add(scope.keep(resnet.timeBias(activated)));
      }
      return new Times(biases, times.length);
    }
  }

  /** The time embedding alone, [times, 4·channels]: to compare with the reference. */
  public Tensor timeEmbedding(Device device, double... times) {
    return timeEmbedding.forward(device, times);
  }

  /** The sinusoids alone, [times, channels]: to compare with the reference. */
  public Tensor sinusoids(Device device, double... times) {
    return timeEmbedding.sinusoids(device, times);
  }

  /**
   * Predicts the noise (or what the model was trained to predict).
   *
   * @param sample [b, h, w, inChannels]
   * @param step which of the prepared times
   * @param context of b texts
   * @return [b, h, w, outChannels]
   */
  public Tensor forward(
      Tensor sample, Times times, int step, Context context, LayerObserver observer) {
    return forward(sample, times, step, context, observer, null);
  }

  /**
   * As {@link #forward(Tensor, Times, int, Context, LayerObserver)}, with the columns.
   *
   * @param columns where the maps of each cross-attention are added, in the order of {@link
   *     #crossAttentionNames} and of the columns that the context wants, if it wants any
   */
  public Tensor forward(
      Tensor sample,
      Times times,
      int step,
      Context context,
      LayerObserver observer,
      @Nullable List<Tensor> columns) {
    if (step < 0 || step >= times.count) {
      throw new IndexOutOfBoundsException("UNet: step " + step + " of " + times.count);
    }
    return run(sample, new Pass(times, step, context, observer, columns, false), columns);
  }

  /**
   * Predicts the noise of samples that are each at a time of their own, as in training.
   *
   * @param times as many as samples, in their order
   * @param columns as in {@link #forward(Tensor, Times, int, Context, LayerObserver, List)}, or
   *     null
   * @param recompute whether the inner values of resnets and transformers are computed again in the
   *     backward pass instead of being kept; no gradient changes by that
   */
  public Tensor forwardEach(
      Tensor sample,
      Times times,
      Context context,
      @Nullable List<Tensor> columns,
      boolean recompute) {
    if (times.count != sample.size(0)) {
      throw new ShapeException("UNet: " + times.count + " times for samples " + sample);
    }
    Pass pass = new Pass(times, Pass.EACH, context, LayerObserver.NONE, columns, recompute);
    return run(sample, pass, columns);
  }

  private Tensor run(Tensor sample, Pass pass, @Nullable List<Tensor> columns) {
    Shape s = sample.shape();
    if (s.rank() != 4 || s.dim(3) != config.inChannels()) {
      throw new ShapeException(
          "UNet: sample: expected [b, h, w, " + config.inChannels() + "], got " + sample);
    }
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor out = pass.run(sample);
      if (columns != null) {
        columns.forEach(scope::keep);
      }
      return scope.keep(out);
    }
  }

  /** One evaluation: walks the levels, counting resnets and attentions in order. */
  private final class Pass {
    static final int EACH = -1;

    private final Times times;
    private final int step;
    private final Context context;
    private final LayerObserver observer;
    private final @Nullable List<Tensor> columns;
    private final boolean recompute;
    private final Deque<Tensor> skips = new ArrayDeque<>();
    private int resnet;
    private int attention;

    Pass(
        Times times,
        int step,
        Context context,
        LayerObserver observer,
        @Nullable List<Tensor> columns,
        boolean recompute) {
      this.times = times;
      this.step = step;
      this.context = context;
      this.observer = observer;
      this.columns = context.wanted == null ? null : columns;
      this.recompute = recompute;
    }

    Tensor run(Tensor sample) {
      Tensor x = convIn.forward(Cast.of(sample, Tape.activations(sample.device())));
      observer.output("conv_in", x);
      skips.push(x);
      for (Level level : downLevels) {
        x = down(level, x);
      }
      x = middle(x);
      for (Level level : upLevels) {
        x = up(level, x);
      }
      Tensor n = normOut.forward(x, Activation.SILU);
      x.close();
      Tensor noise = Cast.of(convOut.forward(n), DType.F32);
      observer.output("conv_out", noise);
      return noise;
    }

    private Tensor resnet(Level level, int j, Tensor x) {
      ResnetBlock block = level.resnets.get(j);
      Tensor bias = times.biases.get(resnet++);
      if (step != EACH) {
        Tensor row = Slice.of(bias, 0, step, step + 1);
        bias = Reshape.of(row, row.size(1));
      }
      Tensor y =
          recompute
              ? Recompute.of(in -> List.of(block.forward(in.get(0), in.get(1))), List.of(x, bias))
                  .getFirst()
              : block.forward(entering(x), bias);
      observer.output(level.name + ".resnets." + j, y);
      return y;
    }

    /**
     * A block's input; in training a view, so that gradients are summed in the order in which
     * recomputing sums them: first within the block.
     */
    private Tensor entering(Tensor x) {
      return step == EACH ? Reshape.of(x, x.shape().sizes()) : x;
    }

    private Tensor attention(Level level, int j, Tensor x) {
      SpatialTransformer block = level.attentions.get(j);
      CrossAttention.KeyValue kv = context.keyValues.get(attention++);
      if (!recompute) {
        return block.forward(entering(x), kv, context.wanted, columns, observer);
      }
      // keys and values are inputs, so that their gradients find the way to the context
      List<Tensor> out =
          Recompute.of(in -> recomputed(block, in), List.of(x, kv.key(), kv.value()));
      if (columns != null) {
        columns.addAll(out.subList(1, out.size()));
      }
      return out.getFirst();
    }

    /** Of map, keys and values: the new map, then the columns. */
    private List<Tensor> recomputed(SpatialTransformer block, List<Tensor> in) {
      CrossAttention.KeyValue kv = new CrossAttention.KeyValue(in.get(1), in.get(2));
      List<Tensor> maps = new ArrayList<>();
      List<Tensor> out = new ArrayList<>();
      out.add(
          block.forward(
              in.get(0), kv, context.wanted, columns == null ? null : maps, LayerObserver.NONE));
      out.addAll(maps);
      return out;
    }

    private Tensor down(Level level, Tensor input) {
      Tensor x = input; // a skip too: not closed here
      for (int j = 0; j < level.resnets.size(); j++) {
        x = resnet(level, j, x);
        if (j < level.attentions.size()) {
          Tensor before = x;
          x = attention(level, j, x);
          before.close();
        }
        skips.push(x);
      }
      if (level.down != null) {
        x = level.down.forward(x);
        observer.output(level.name + ".downsamplers.0", x);
        skips.push(x);
      }
      observer.output(level.name, x);
      return x;
    }

    private Tensor middle(Tensor input) {
      Tensor a = resnet(middle, 0, input); // the input is a skip too
      Tensor b = attention(middle, 0, a);
      a.close();
      Tensor c = resnet(middle, 1, b);
      b.close();
      observer.output("mid_block", c);
      return c;
    }

    private Tensor up(Level level, Tensor input) {
      Tensor x = input;
      for (int j = 0; j < level.resnets.size(); j++) {
        Tensor skip = skips.pop();
        Tensor both = Cat.of(-1, x, skip);
        x.close();
        skip.close();
        x = resnet(level, j, both);
        both.close();
        if (j < level.attentions.size()) {
          Tensor before = x;
          x = attention(level, j, x);
          before.close();
        }
      }
      if (level.up != null) {
        // To the size of the waiting skip, which need not be twice this one.
        Tensor before = x;
        Tensor waiting = skips.element();
        x = level.up.forward(x, waiting.size(1), waiting.size(2));
        before.close();
        observer.output(level.name + ".upsamplers.0", x);
      }
      observer.output(level.name, x);
      return x;
    }
  }
}
