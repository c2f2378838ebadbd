package dev.viridian.matting.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.testing.Maps;
import dev.viridian.diffusion.weights.Component;
import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.autograd.Gradients;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.ops.Contiguous;
import dev.viridian.engine.ops.Slice;
import dev.viridian.engine.ops.Sobel;
import dev.viridian.engine.optim.AdamW;
import dev.viridian.engine.optim.LearningRateSchedule;
import dev.viridian.engine.testing.Golden;
import dev.viridian.engine.testing.GoldenArea;
import dev.viridian.engine.testing.GoldenDevices;
import dev.viridian.engine.testing.GoldenFile;
import dev.viridian.kernels.ImageKernels;
import dev.viridian.matting.loss.AutoencoderLoss;
import dev.viridian.matting.loss.Denoised;
import dev.viridian.matting.loss.DetailLoss;
import dev.viridian.matting.loss.DetailOptions;
import dev.viridian.matting.loss.GreenLoss;
import dev.viridian.matting.loss.GreenOptions;
import dev.viridian.matting.loss.MattingLoss;
import dev.viridian.matting.loss.MattingOptions;
import dev.viridian.matting.loss.NoiseLoss;
import dev.viridian.matting.train.GoldenTraining.Comparison;
import dev.viridian.matting.train.GoldenTraining.Model;
import dev.viridian.matting.train.LossOptions.Term;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.databind.JsonNode;

/** Losses, their gradients and readings, and optimiser steps against {@code training}. */
@GoldenArea(GoldenTraining.AREA)
class TrainingGoldenTest {
  private static final Set<Component> BOTH = Set.of(Component.UNET, Component.MATTING_HEAD);

  /** Cases that run on the emulated CUDA device too: a step of each stage, values and gradients. */
  private static final Set<String> ON_CUDA =
      Set.of("adamw_stage1", "vae_step", "b2_64 values", "b2_64 gradients of the total");

  private static final LossOptions ALL = LossOptions.of(Term.PAPER.toArray(Term[]::new));

  private final JsonNode root = Golden.json(GoldenTraining.AREA, "cases.json");

  @FunctionalInterface
  private interface Body {
    void run(JsonNode c, GoldenFile file, Comparison comparison);
  }

  @TestFactory
  Stream<DynamicTest> cases() {
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode c : root.get("cases")) {
      String name = c.get("name").asString();
      if (c.has("captions")) {
        add(tests, c, name + " values", TrainingGoldenTest::values);
        for (Term term : Term.PAPER) {
          add(tests, c, name + " gradients of " + term.key(), (k, f, x) -> single(f, x, term));
        }
        add(tests, c, name + " gradients of the total", (k, f, x) -> total(f, x));
        add(tests, c, name + " gradients within", TrainingGoldenTest::within);
        for (String option : options(c)) {
          add(tests, c, name + " " + option, (k, f, x) -> new OptionCheck(f, x, option).run());
        }
      } else if (c.has("stage")) {
        add(tests, c, name, TrainingGoldenTest::steps);
      } else if (c.has("kl_weight")) {
        add(tests, c, name, TrainingGoldenTest::autoencoder);
      } else if (!c.has("columns")) { // those with columns are the engine's
        assertEquals("text_encoder", name, "what this case is");
        add(tests, c, name, TrainingGoldenTest::text);
      }
    }
    return tests.stream();
  }

  private static Set<String> options(JsonNode c) {
    Set<String> names = new TreeSet<>();
    for (String key : c.get("scalars").propertyNames()) {
      if (key.startsWith("option.")) {
        names.add(key.substring(0, key.lastIndexOf(".loss")));
      }
    }
    return names;
  }

  private static void add(List<DynamicTest> tests, JsonNode c, String name, Body body) {
    tests.add(dynamicTest(name, () -> run(GoldenDevices.device(), c, body)));
    if (ON_CUDA.contains(name) && !GoldenDevices.forced()) {
      tests.add(
          dynamicTest(name + " [cuda, emulated]", () -> run(GoldenDevices.emulated(), c, body)));
    }
  }

  @SuppressWarnings("try") // the scope closes what the case makes
  private static void run(Device device, JsonNode c, Body body) {
    GoldenTraining.device = device;
    try {
      long before = device.allocator().usage().used();
      try (MemoryScope scope = MemoryScope.open();
          GoldenFile own = GoldenFile.open(GoldenTraining.AREA, c.get("file").asString())) {
        Comparison comparison = new Comparison(c, own);
        if (c.has("batch")) {
          String other = c.get("batch").asString() + ".safetensors";
          try (GoldenFile batch = GoldenFile.open(GoldenTraining.AREA, other)) {
            body.run(c, batch, comparison);
          }
        } else {
          body.run(c, own, comparison);
        }
        comparison.done();
      }
      long after = device.allocator().usage().used();
      assertEquals(before, after, "bytes still in use");
      GoldenDevices.requireSound(device);
    } finally {
      GoldenTraining.device = GoldenDevices.device();
    }
  }

  private static Batch whole(Model model, GoldenFile file) {
    return GoldenTraining.batch(model.networks, file, 0, file.dims("x0")[0]);
  }

  private static Objective objective(Model model, LossOptions options) {
    return new Objective(model.networks, model.table, options, false);
  }

  /** Everything on the way, and the losses. */
  private static void values(JsonNode c, GoldenFile file, Comparison x) {
    try (Model model = new Model(Set.of())) {
      Batch batch = whole(model, file);
      Objective.Result r = objective(model, ALL).of(batch);
      Denoised d = r.denoised();
      r.terms().forEach((term, value) -> x.scalar("loss." + term.key(), value.item()));
      x.scalar("loss.L_latent.l1", r.matting().l1().item());
      x.scalar("loss.L_latent.dice", r.matting().dice().item());
      x.scalar("loss.total", r.terms().values().stream().mapToDouble(Tensor::item).sum());
      map(x, "latent_mean", batch.mean());
      map(x, "latent_logvar", batch.logVariance());
      map(x, "z0", d.clean());
      map(x, "zt", d.noisy());
      map(x, "eps", d.predicted());
      map(x, "z0_hat", d.cleanEstimate());
      map(x, "Mc", r.matting().mask());
      x.tensor("context", r.context().toFloats());
      float[] table = new float[batch.size()];
      for (int i = 0; i < table.length; i++) {
        table[i] = model.table.alphaCumprod(batch.timesteps()[i]);
      }
      x.tensor("alphas_cumprod", table);
      Tensor m = DetailLoss.area(batch.mask(), d.clean());
      map(x, "M_latent", m);
      map(x, "H_hat", DetailLoss.edges(d.cleanEstimate(), m, false));
      map(x, "H_ref", DetailLoss.edges(d.clean(), m, false));
      sobel(x, "z0", d.clean());
      sobel(x, "z0_hat", d.cleanEstimate());
      var decoded = model.networks.autoencoder().decode(d.clean(), false, LayerObserver.NONE);
      map(x, "image", decoded.picture());
      map(x, "feature_channels_0_1", Slice.of(decoded.feature(), -1, 0, 2));
      greenMaps(model, batch, r.greenMaps(), "green_map.", x);
    }
  }

  private static void map(Comparison x, String key, Tensor map) {
    x.tensor(key, Maps.channelsFirst(map));
  }

  private static void sobel(Comparison x, String key, Tensor z) {
    Sobel.Responses s = Sobel.of(z, ImageKernels.Border.ZERO);
    map(x, "sobel_x_" + key, s.x());
    map(x, "sobel_y_" + key, s.y());
  }

  private static void greenMaps(
      Model model, Batch batch, List<Tensor> maps, String prefix, Comparison x) {
    List<String> names = model.networks.unet().crossAttentionNames();
    for (int l = 0; l < names.size(); l++) {
      float[] all = maps.get(l).toFloats();
      int n = all.length / batch.size();
      for (int b = 0; b < batch.size(); b++) {
        if (batch.greenPositions()[b].length > 0) {
          float[] row = Arrays.copyOfRange(all, b * n, (b + 1) * n);
          x.tensor(prefix + names.get(l) + "." + b, row);
        }
      }
    }
  }

  /** The gradient of one term on its own. */
  private static void single(GoldenFile file, Comparison x, Term term) {
    Component trained = term == Term.LATENT ? Component.MATTING_HEAD : Component.UNET;
    try (Model model = new Model(Set.of(trained))) {
      Batch batch = whole(model, file);
      Objective objective = objective(model, LossOptions.of(term));
      Map<String, float[]> g =
          GoldenTraining.gradients(
              model.weights(trained), () -> objective.of(batch).terms().get(term));
      g.forEach((name, value) -> x.tensor("grad." + term.key() + "." + name, value));
      x.scalar("loss_grad_norm." + term.key(), GoldenTraining.norm(g.values()));
    }
  }

  private static void total(GoldenFile file, Comparison x) {
    try (Model model = new Model(BOTH)) {
      Batch batch = whole(model, file);
      try (Accumulation a = accumulate(model, batch, false)) {
        Map<String, float[]> g = collect(model, a.gradients());
        x.scalar("loss.total", a.total());
        g.forEach((name, value) -> x.tensor("grad.total." + name, value));
        x.scalar("loss_grad_norm.total", GoldenTraining.norm(g.values()));
        x.norms("total", g);
      }
    }
  }

  private static Accumulation accumulate(Model model, Batch batch, boolean recompute) {
    Objective objective = new Objective(model.networks, model.table, ALL, recompute);
    int rows = new GreenLoss(ALL.green(), batch.greenPositions()).rows();
    return Accumulation.of(1, rows, i -> batch, objective::of, ALL);
  }

  private static Map<String, float[]> collect(Model model, Gradients gradients) {
    Map<String, float[]> out = new LinkedHashMap<>();
    model
        .weights(Component.UNET, Component.MATTING_HEAD)
        .forEach((name, t) -> out.put(name, GoldenTraining.values(gradients.get(t), t)));
    return out;
  }

  /** A tensor that gradients are asked for, with another's numbers. */
  private static Tensor leaf(Tensor t) {
    return Contiguous.copyOf(t).requireGradient(true);
  }

  static Denoised predicted(Denoised d, Tensor eps) {
    return Denoised.of(d.clean(), d.noise(), d.noisy(), eps, d.timesteps(), d.table());
  }

  /** Gradients with respect to what lies between the networks and the losses. */
  private static void within(JsonNode c, GoldenFile file, Comparison x) {
    try (Model model = new Model(Set.of())) {
      Batch batch = whole(model, file);
      Objective.Result r = objective(model, ALL).of(batch);
      Tensor eps = leaf(r.denoised().predicted());
      Map<String, Tensor> one = Map.of("eps", eps);
      x.tensor(
          "dL_noise.eps",
          GoldenTraining.gradients(one, () -> NoiseLoss.of(predicted(r.denoised(), eps), null))
              .get("eps"));
      x.tensor(
          "dL_detail.eps",
          GoldenTraining.gradients(
                  one,
                  () ->
                      DetailLoss.of(
                          DetailOptions.DEFAULT,
                          predicted(r.denoised(), eps),
                          batch.mask(),
                          null,
                          null))
              .get("eps"));
      Tensor mc = leaf(r.matting().mask());
      x.tensor(
          "dL_latent.Mc",
          GoldenTraining.gradients(
                  Map.of("Mc", mc),
                  () -> MattingLoss.of(MattingOptions.DEFAULT, mc, batch.mask()).total())
              .get("Mc"));
      GreenLoss green = new GreenLoss(GreenOptions.DEFAULT, batch.greenPositions());
      List<Tensor> maps = r.greenMaps().stream().map(TrainingGoldenTest::leaf).toList();
      Tensor z = r.denoised().clean();
      try (Tape tape = Tape.open();
          Gradients g =
              tape.gradients(
                  green.of(
                      maps,
                      model.networks.unet().crossAttentionLevels(),
                      batch.mask(),
                      z.size(1),
                      z.size(2)))) {
        List<Tensor> gradients = maps.stream().map(g::get).toList();
        greenMaps(model, batch, gradients, "dL_g.green_map.", x);
      }
    }
  }

  /** Three steps of the optimiser, and the losses after them. */
  private static void steps(JsonNode c, GoldenFile file, Comparison x) {
    boolean joint = c.get("stage").asInt() == 2;
    LossOptions options = joint ? ALL : LossOptions.of(Term.NOISE, Term.GREEN, Term.DETAIL);
    Component[] parts =
        joint
            ? new Component[] {Component.UNET, Component.MATTING_HEAD}
            : new Component[] {Component.UNET};
    try (Model model = new Model(Set.of(parts))) {
      Batch batch = whole(model, file);
      List<Optimisation.Group> groups = new ArrayList<>();
      for (Component part : parts) {
        double rate = c.get(part == Component.UNET ? "unet_lr" : "head_lr").asDouble();
        groups.add(
            new Optimisation.Group(
                model.networks.trainedWeights(part), LearningRateSchedule.constant(rate)));
      }
      AdamW.Options adam =
          new AdamW.Options(
              c.get("betas").get(0).asDouble(),
              c.get("betas").get(1).asDouble(),
              c.get("eps").asDouble(),
              c.get("weight_decay").asDouble());
      Map<String, float[]> start = copy(model.weights(parts));
      Objective objective = objective(model, options);
      try (Optimisation o = new Optimisation(groups, adam, c.get("clip_norm").asDouble())) {
        for (int i = 1; i <= 4; i++) {
          String prefix = i <= 3 ? "step_" + i + "." : "after.";
          try (Accumulation a = Accumulation.of(1, 1, k -> batch, objective::of, options)) {
            a.terms().forEach((term, value) -> x.scalar(prefix + term.key(), value));
            x.scalar(prefix + "total", a.total());
            if (i <= 3) {
              x.scalar(prefix + "grad_norm", o.step(a::gradient, i - 1));
            }
          }
        }
      }
      Map<String, float[]> end = copy(model.weights(parts));
      end.forEach((name, values) -> x.tensor("after." + name, values));
      Map<String, float[]> change = new LinkedHashMap<>();
      end.forEach((name, values) -> change.put(name, minus(values, start.get(name))));
      x.norms("update", change);
    }
  }

  private static Map<String, float[]> copy(Map<String, Tensor> weights) {
    Map<String, float[]> out = new LinkedHashMap<>();
    weights.forEach((name, t) -> out.put(name, Maps.channelsFirst(t)));
    return out;
  }

  private static float[] minus(float[] a, float[] b) {
    float[] out = new float[a.length];
    for (int i = 0; i < a.length; i++) {
      out[i] = a[i] - b[i];
    }
    return out;
  }

  /** A step of the autoencoder. */
  private static void autoencoder(JsonNode c, GoldenFile file, Comparison x) {
    try (Model model = new Model(Set.of(Component.VAE))) {
      Batch batch = whole(model, file);
      Map<String, Tensor> weights = model.weights(Component.VAE);
      Map<String, float[]> start = copy(weights);
      double klWeight = c.get("kl_weight").asDouble();
      List<Optimisation.Group> groups =
          List.of(
              new Optimisation.Group(
                  model.networks.trainedWeights(Component.VAE),
                  LearningRateSchedule.constant(1e-4)));
      try (Optimisation o = new Optimisation(groups, AdamW.Options.DEFAULT, 0)) {
        for (int i = 1; i <= 2; i++) {
          try (Tape tape = Tape.open()) {
            AutoencoderLoss.Parts p =
                AutoencoderLoss.of(
                    model.networks.autoencoder(),
                    batch.pictures(),
                    batch.posteriorNoise(),
                    klWeight);
            x.scalar("loss.step_" + i + ".l1", p.l1().item());
            x.scalar("loss.step_" + i + ".kl", p.kl().item());
            x.scalar("loss.step_" + i + ".loss", p.total().item());
            if (i == 1) {
              map(x, "mean", p.distribution().mean());
              map(x, "logvar", p.distribution().logVariance());
              map(x, "z", p.latents());
              map(x, "reconstruction", p.reconstruction());
              try (Gradients g = tape.gradients(p.total())) {
                Map<String, float[]> values = new LinkedHashMap<>();
                weights.forEach((n, t) -> values.put(n, GoldenTraining.values(g.get(t), t)));
                values.forEach((name, v) -> x.tensor("grad." + name, v));
                x.norms("total", values);
                o.step(g::get, 0);
              }
              Map<String, float[]> end = copy(weights);
              end.forEach((name, v) -> x.tensor("after." + name, v));
              Map<String, float[]> change = new LinkedHashMap<>();
              end.forEach((name, v) -> change.put(name, minus(v, start.get(name))));
              x.norms("update", change);
            }
          }
        }
      }
    }
  }

  /** A text encoder that trains too. */
  private static void text(JsonNode c, GoldenFile file, Comparison x) {
    LossOptions options = LossOptions.of(Term.NOISE, Term.GREEN, Term.DETAIL);
    try (Model model = new Model(Set.of(Component.TEXT_ENCODER));
        GoldenFile own = GoldenFile.open(GoldenTraining.AREA, c.get("file").asString())) {
      Batch batch = whole(model, file);
      Objective objective = objective(model, options);
      Tensor context;
      try (Accumulation a = Accumulation.of(1, 1, i -> batch, objective::of, options)) {
        x.scalar("loss.total", a.total());
        Map<String, float[]> g = new LinkedHashMap<>();
        model
            .weights(Component.TEXT_ENCODER)
            .forEach((n, t) -> g.put(n, GoldenTraining.values(a.gradient(t), t)));
        g.forEach((name, value) -> x.tensor("grad." + name, value));
        x.norms("total", g);
        String table = "text_encoder.text_model.embeddings.token_embedding.weight";
        x.tensor("grad." + table + ".rows", rows(g.get(table), own.ints("used_token_ids")));
      }
      context = leaf(objective.of(batch).context());
      x.tensor("context", context.toFloats());
      try (Accumulation a =
          Accumulation.of(1, 1, i -> batch, b -> objective.of(b, context), options)) {
        x.tensor("d_context", a.gradient(context).toFloats());
      }
    }
  }

  private static float[] rows(float[] table, int[] indices) {
    int width = 32;
    float[] out = new float[indices.length * width];
    for (int i = 0; i < indices.length; i++) {
      System.arraycopy(table, indices[i] * width, out, i * width, width);
    }
    return out;
  }

  /**
   * How far the gradients of a batch and of its halves may be from each other, relative to their
   * norm. In exact arithmetic they are equal; how kernels order the sums of F32 depends on the
   * batch: below 4e-5 with plain loops, up to 5.3e-5 with AVX2, pairs, and cuDNN on an H100. A
   * share that were weighted wrongly would make 1e-2 and more.
   */
  private static final double MOST_APART = 1e-4;

  /** Two micro-batches of one against the batch of two. */
  @TestFactory
  Stream<DynamicTest> accumulation() {
    List<DynamicTest> tests = new ArrayList<>();
    JsonNode doc = root.get("accumulation");
    long[] other =
        doc.get("row_1_both_green")
            .get("input_ids")
            .valueStream()
            .mapToLong(JsonNode::asLong)
            .toArray();
    for (String kind : List.of("both_rows_green", "row_1_dropped")) {
      tests.add(
          dynamicTest(
              kind, () -> accumulated(doc.get(kind), kind.startsWith("both") ? other : null)));
    }
    return tests.stream();
  }

  @SuppressWarnings("try") // the scope closes what the case makes
  private static void accumulated(JsonNode expected, long[] caption) {
    try (MemoryScope scope = MemoryScope.open();
        GoldenFile file = GoldenFile.open(GoldenTraining.AREA, "b2_64.safetensors");
        Model model = new Model(BOTH)) {
      long[][] ids = GoldenTraining.batch(model.networks, file, 0, 2).ids().clone();
      if (caption != null) {
        ids[1] = caption;
      }
      int rows = new GreenLoss(ALL.green(), GoldenTraining.positions(ids)).rows();
      double worst = 0;
      double largest = 0;
      for (Term term : Term.PAPER) {
        LossOptions options = LossOptions.of(term);
        Objective objective = objective(model, options);
        try (Accumulation parts =
                Accumulation.of(
                    2,
                    rows,
                    i -> GoldenTraining.batch(model.networks, file, ids, i, i + 1),
                    objective::of,
                    options);
            Accumulation whole =
                Accumulation.of(
                    1,
                    rows,
                    i -> GoldenTraining.batch(model.networks, file, ids, 0, 2),
                    objective::of,
                    options)) {
          double value = expected.get("whole").get(term.key()).asDouble();
          assertEquals(value, parts.terms().get(term), 4e-6 * value, term.key());
          Map<String, float[]> a = collect(model, parts.gradients());
          Map<String, float[]> b = collect(model, whole.gradients());
          double norm = expected.get("gradient_norm_whole").get(term.key()).asDouble();
          assertEquals(norm, GoldenTraining.norm(a.values()), 4e-5 * norm, "norm " + term.key());
          List<float[]> difference = new ArrayList<>();
          a.forEach((name, v) -> difference.add(minus(v, b.get(name))));
          worst = Math.max(worst, GoldenTraining.norm(difference) / norm);
          largest = Math.max(largest, norm);
        }
      }
      assertTrue(largest > 1 && worst < MOST_APART, "relative difference of gradients " + worst);
    }
  }

  /** Recomputing blocks in the backward pass changes no bit of a gradient. */
  @TestFactory
  @SuppressWarnings("try") // the scope closes what the case makes
  Stream<DynamicTest> checkpointing() {
    assertEquals(0.0, root.get("checkpointing").get("largest_gradient_difference").asDouble());
    return Stream.of(
        dynamicTest(
            "checkpointing",
            () -> {
              try (MemoryScope scope = MemoryScope.open();
                  GoldenFile file = GoldenFile.open(GoldenTraining.AREA, "b2_64.safetensors");
                  Model model = new Model(BOTH)) {
                Batch batch = whole(model, file);
                try (Accumulation plain = accumulate(model, batch, false);
                    Accumulation again = accumulate(model, batch, true)) {
                  assertEquals(plain.total(), again.total());
                  Map<String, float[]> b = collect(model, again.gradients());
                  collect(model, plain.gradients())
                      .forEach((name, v) -> assertArrayEquals(v, b.get(name), name));
                }
              }
            }));
  }
}
