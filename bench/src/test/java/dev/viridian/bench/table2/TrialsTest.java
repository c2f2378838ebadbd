package dev.viridian.bench.table2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.diffusion.weights.ClipVocabulary;
import dev.viridian.diffusion.weights.FormulaModel;
import dev.viridian.diffusion.weights.ModelConfigs;
import dev.viridian.engine.InputException;
import dev.viridian.kernels.DType;
import dev.viridian.matting.cli.Main;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The whole ablation with a model as small as can be. */
class TrialsTest {
  private static final String CONFIG =
      """
      {"unet": {"in_channels": 4, "out_channels": 4, "block_out_channels": [8, 16],
        "layers_per_block": 1, "attention_head_dim": 2, "cross_attention_dim": 8,
        "norm_num_groups": 4, "norm_eps": 1e-5, "sample_size": 16,
        "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
        "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"]},
       "vae": {"in_channels": 3, "out_channels": 3, "latent_channels": 4,
        "block_out_channels": [8, 8], "layers_per_block": 1, "norm_num_groups": 4,
        "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"],
        "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D"]},
       "text_encoder": {"vocab_size": 2000, "hidden_size": 8, "intermediate_size": 16,
        "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 24}}
      """;

  @TempDir Path dir;
  private final List<String> ran = new ArrayList<>();
  private final ByteArrayOutputStream said = new ByteArrayOutputStream();

  private int viridian(List<String> args) {
    ran.add(args.getFirst());
    PrintStream stream = new PrintStream(said, true, StandardCharsets.UTF_8);
    return Main.run(args.toArray(String[]::new), stream, stream);
  }

  private void draw(Path to, int count) {
    List<String> args =
        List.of("dataset", "procedural", "--size=32", "--nouns=ball,book", "--colours=red,blue");
    args = new ArrayList<>(args);
    args.addAll(List.of("--count=" + count, "--output=" + to));
    assertEquals(0, viridian(args), said::toString);
  }

  private Trials.Setup setup(int seeds, List<Long> steps) {
    return new Trials.Setup(
        dir.resolve("base"),
        dir.resolve("data"),
        dir.resolve("test"),
        dir.resolve("out"),
        32,
        steps,
        seeds,
        2,
        1e-3,
        2,
        2,
        2,
        1,
        List.of("--detail-weighting=snr"));
  }

  @Test
  void everyVariantIsTrainedMeasuredAndNotDoneTwice() throws IOException {
    Path words = dir.resolve("words");
    ClipVocabulary.write(Files.createDirectory(words), 2000, 24);
    Path config = Files.writeString(dir.resolve("tiny.json"), CONFIG);
    new FormulaModel(ModelConfigs.read(config), DType.F32).write(dir.resolve("base"), words);
    draw(dir.resolve("data"), 4);
    draw(dir.resolve("test"), 6);
    ran.clear();

    assertEquals(0, Trials.run(setup(1, List.of(1L, 2L)), this::viridian), said::toString);
    assertEquals(1 + 3 * 2 * 2, ran.size(), ran::toString);
    Path out = dir.resolve("out");
    assertEquals("L_noise,L_g,L_detail", losses(out.resolve("all-1")));
    assertEquals("L_noise,L_detail", losses(out.resolve("without-green-1")));
    assertEquals("L_noise,L_g", losses(out.resolve("without-detail-1")));
    JsonNode json = JsonMapper.shared().readTree(out.resolve("table2.json").toFile());
    assertEquals(7, json.get("outcomes").size());
    Set<Double> grads = new HashSet<>();
    for (JsonNode outcome : json.get("outcomes")) {
      assertTrue(outcome.get("gsg").asDouble() > 0, json::toString);
      grads.add(outcome.get("grad").asDouble());
    }
    assertTrue(grads.size() > 1, "nothing was trained: " + grads);
    assertTrue(Files.readString(out.resolve("table2.md")).contains("2 steps, 1 seeds:"));
    assertFalse(Files.exists(out.resolve("all-1/checkpoints")));
    assertTrue(Files.exists(out.resolve("latents.safetensors")));

    ran.clear();
    Files.delete(out.resolve("without-detail-1/at-2/evaluation.json"));
    assertEquals(0, Trials.run(setup(1, List.of(1L, 2L)), this::viridian), said::toString);
    assertEquals(List.of("train", "evaluate"), ran);
    JsonNode again = JsonMapper.shared().readTree(out.resolve("table2.json").toFile());
    assertEquals(json, again);
  }

  @Test
  void whatFailsEndsItAndAnotherSetupIsRefused() throws IOException {
    assertEquals(2, Trials.run(setup(1, List.of(1L)), this::viridian));
    assertEquals(List.of("evaluate"), ran); // there is no base
    Trials.Setup other = setup(1, List.of(1L));
    Path setup = dir.resolve("out/setup.json");
    Files.writeString(setup, Files.readString(setup).replace("\"batch\" : 2", "\"batch\" : 4"));
    String error =
        assertThrows(InputException.class, () -> Trials.run(other, this::viridian)).getMessage();
    assertTrue(error.contains("setup.json: says another setup"), error);
  }

  private static String losses(Path folder) throws IOException {
    String header = Files.readAllLines(folder.resolve("scalars.csv")).getFirst();
    return header.substring("step,".length(), header.indexOf(",total"));
  }
}
