package dev.viridian.matting.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.engine.io.Safetensors;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Training from the command line, in all its stages, on a data set of discs. */
class TrainCommandTest {
  @TempDir static Path dir;
  private static Path data;
  private static Path config;
  private static Path vae;
  private static Path model;

  /** A whole model: an autoencoder of a few steps, then text encoder and UNet on its latents. */
  @BeforeAll
  static void models() throws IOException {
    data = TinyData.write(dir.resolve("data"), 6);
    config = TinyData.config(dir);
    vae = dir.resolve("vae");
    ok(train("vae", vae, "--config", config.toString(), "--random-flip"));
    model = dir.resolve("scratch");
    ok(
        train(
            "scratch",
            model,
            "--model",
            vae.toString(),
            "--cache-latents",
            "--random-flip",
            "--ema"));
  }

  static List<String> train(String stage, Path output, String... more) {
    List<String> args =
        new ArrayList<>(
            List.of(
                "train",
                "--stage",
                stage,
                "--train-data-dir",
                data.toString(),
                "--output",
                output.toString(),
                "--resolution",
                "16",
                "--max-train-steps",
                "4",
                "--checkpointing-steps",
                "2",
                "--seed",
                "7",
                "--threads",
                "1"));
    args.addAll(List.of(more));
    return args;
  }

  private static Run ok(List<String> args) {
    Run run = Run.of(args.toArray(String[]::new));
    assertEquals(0, run.code(), run.err());
    return run;
  }

  private static String wrong(List<String> args) {
    Run run = Run.of(args.toArray(String[]::new));
    assertEquals(2, run.code(), run.err());
    assertEquals(1, run.err().lines().count(), run.err());
    return run.err();
  }

  /** The files of the model in a folder, by relative name. */
  static Map<String, byte[]> modelFiles(Path folder) throws IOException {
    Map<String, byte[]> files = new TreeMap<>();
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path file : all.filter(Files::isRegularFile).toList()) {
        String name = folder.relativize(file).toString();
        if (!name.startsWith("checkpoints")
            && !name.matches(".*\\.(csv|html)")
            && !name.startsWith("lat")) {
          files.put(name, Files.readAllBytes(file));
        }
      }
    }
    return files;
  }

  static void assertSame(Path expected, Path actual) throws IOException {
    Map<String, byte[]> a = modelFiles(expected);
    Map<String, byte[]> b = modelFiles(actual);
    assertEquals(a.keySet(), b.keySet());
    assertTrue(a.containsKey("unet/diffusion_pytorch_model.safetensors"), a.keySet().toString());
    a.forEach((name, bytes) -> assertArrayEquals(bytes, b.get(name), name));
  }

  @Test
  void whatIsTrainedGenerates() throws IOException {
    Path picture = dir.resolve("picture.png");
    List<String> args = SmallModel.generate(model, picture);
    ok(args);
    assertTrue(Files.size(picture) > 0);
    List<String> rows = Files.readAllLines(model.resolve("scalars.csv"));
    assertEquals("step,L_noise,total,gradient_norm,learning_rate,seconds", rows.getFirst());
    assertEquals(5, rows.size());
    assertTrue(Files.exists(model.resolve("checkpoints/4/state.json")));
  }

  /** The model's text encoder has 24 positions. */
  @Test
  void promptsAreAsLongAsTheTextEncoderHasPositions() throws IOException {
    String json = Files.readString(model.resolve("tokenizer/tokenizer_config.json"));
    assertEquals(24, JsonMapper.shared().readTree(json).get("model_max_length").asInt());
    Path picture = dir.resolve("long.png");
    List<String> args = SmallModel.generate(model, picture);
    args.set(args.indexOf("--prompt") + 1, "a ball and another one ".repeat(10));
    assertTrue(ok(args).err().contains("longer than 22 tokens"));
    JsonNode record = JsonMapper.shared().readTree(Files.readString(dir.resolve("long.json")));
    assertEquals(24, record.get("token_ids").size());
    assertTrue(record.get("prompt").asString().endsWith(", on a green screen background"));
  }

  /** Steps and guidance that the model to begin with is run with are those of what comes of it. */
  @Test
  void theModelsOwnStepsAndGuidanceStay() throws IOException {
    Path begin = dir.resolve("own");
    ok(List.of("convert", model.toString(), "--output", begin.toString()));
    Path index = begin.resolve("model_index.json");
    ObjectNode json = (ObjectNode) JsonMapper.shared().readTree(Files.readString(index));
    assertTrue(json.path("_viridian").isMissingNode(), json::toString);
    json.putObject("_viridian").put("steps", 3).put("cfg_scale", 2.5);
    Files.writeString(index, json.toString());
    Path out = dir.resolve("own-trained");
    ok(train("1", out, "--model", begin.toString()));
    JsonNode written =
        JsonMapper.shared().readTree(Files.readString(out.resolve("model_index.json")));
    assertEquals("{\"steps\":3,\"cfg_scale\":2.5}", written.get("_viridian").toString());
  }

  @Test
  void theDecoderAloneLeavesTheEncoderAsItIs() throws IOException {
    Path out = dir.resolve("decoder");
    ok(train("decoder", out, "--model", vae.toString(), "--learning-rate", "1e-3"));
    assertEquals(
        Files.readString(vae.resolve("vae/config.json")),
        Files.readString(out.resolve("vae/config.json")));
    String file = "vae/diffusion_pytorch_model.safetensors";
    try (Safetensors before = Safetensors.open(vae.resolve(file));
        Safetensors after = Safetensors.open(out.resolve(file))) {
      for (String name : before.tensors().keySet()) {
        boolean moves = name.startsWith("decoder.") || name.startsWith("post_quant_conv.");
        boolean same = before.data(name).mismatch(after.data(name)) == -1;
        assertTrue(moves || same, name);
        assertTrue(!name.equals("decoder.conv_in.weight") || !same, name);
      }
    }
  }

  @Test
  void aModelIsEvaluatedOnDrawnPictures() throws IOException {
    Path drawn = dir.resolve("drawn");
    ok(
        List.of(
            "dataset",
            "procedural",
            "--count",
            "3",
            "--size",
            "32",
            "--nouns",
            "ball,book",
            "--output",
            drawn.toString()));
    List<String> lines = new ArrayList<>();
    for (String line : Files.readAllLines(drawn.resolve("metadata.jsonl"))) {
      ObjectNode node = (ObjectNode) JsonMapper.shared().readTree(line);
      String named = "a " + node.get("colour").asString() + " " + node.get("noun").asString();
      node.put("text", lines.isEmpty() ? "a thing" : named);
      lines.add(node.toString());
    }
    Files.write(drawn.resolve("metadata.jsonl"), lines);
    Path out = dir.resolve("evaluated");
    List<String> args =
        List.of(
            "evaluate",
            "--model",
            model.toString(),
            "--test-data-dir",
            drawn.toString(),
            "--output",
            out.toString(),
            "--side",
            "32",
            "--count",
            "2",
            "--steps",
            "2",
            "--recogniser-steps",
            "2",
            "--json");
    JsonNode json = JsonMapper.shared().readTree(ok(args).out());
    assertTrue(json.get("vae_psnr").asDouble() > 0, json::toString);
    assertTrue(json.get("gsg").asDouble() > 0, json::toString);
    assertTrue(json.get("mask_against_key").asDouble() > 0, json::toString);
    assertTrue(json.get("nouns_recognised").asDouble() <= 1, json::toString);
    assertEquals(json, JsonMapper.shared().readTree(out.resolve("evaluation.json").toFile()));
    for (String of : List.of("edges", "edges_of_autoencoder")) {
      for (String what : List.of("sad", "mse", "grad")) {
        assertTrue(json.get(of).get(what).asDouble() > 0, json::toString);
      }
    }
    double sum = 0;
    for (String t : List.of("200", "400", "600")) {
      sum += json.get("edges").get("grad_by_timestep").get(t).asDouble();
    }
    assertEquals(sum / 3, json.get("edges").get("grad").asDouble(), 1e-4);
    JsonNode generated = json.get("generated");
    assertEquals(2, generated.size());
    double right = 0;
    double green = 0;
    for (int i = 0; i < 2; i++) { // the first line names nothing
      JsonNode asked = JsonMapper.shared().readTree(lines.get(i + 1));
      JsonNode picture = generated.get(i);
      assertEquals(asked.get("text"), picture.get("caption"));
      assertEquals(asked.get("noun"), picture.get("noun"));
      assertEquals(asked.get("colour"), picture.get("colour"));
      assertEquals(i, picture.get("seed").asInt());
      right += picture.get("recognised_noun").equals(asked.get("noun")) ? 0.5 : 0;
      green += picture.get("gsg").asDouble() / 2;
    }
    assertEquals(right, json.get("nouns_recognised").asDouble());
    assertEquals(green, json.get("gsg").asDouble(), 2e-4);
    BufferedImage sheet = ImageIO.read(out.resolve("sheet.png").toFile());
    assertEquals(64, sheet.getWidth());
    assertEquals(32, sheet.getHeight());
    args = new ArrayList<>(args);
    args.set(args.indexOf("--count") + 1, "3");
    assertTrue(wrong(args).contains("2 of its 3 captions name noun and colour"));
    for (int i = 0; i < lines.size(); i++) {
      lines.set(i, lines.get(i).replace("alpha_file_name", "other"));
    }
    Files.write(drawn.resolve("metadata.jsonl"), lines);
    args.set(args.indexOf("--count") + 1, "1");
    assertTrue(JsonMapper.shared().readTree(ok(args).out()).get("edges").isNull());
    args.set(args.indexOf(drawn.toString()), data.toString());
    assertTrue(wrong(args).contains("has no noun"));
  }

  /** Stopped after some steps and resumed, whatever is switched on. */
  @Test
  void resumedRunsEndWithTheSameBits() throws IOException {
    String[] flags = {
      "--model",
      model.toString(),
      "--gradient-accumulation-steps",
      "2",
      "--gradient-checkpointing",
      "--random-flip",
      "--ema",
      "--learning-rate",
      "1e-3",
      "--lr-warmup-steps",
      "2",
      "--snr-gamma",
      "5"
    };
    Path whole = dir.resolve("whole");
    ok(train("2", whole, flags));
    Path parts = dir.resolve("parts");
    List<String> first = train("2", parts, flags);
    first.set(first.indexOf("--max-train-steps") + 1, "2");
    ok(first);
    List<String> second = train("2", parts, flags);
    second.addAll(List.of("--resume-from-checkpoint", "latest"));
    ok(second);
    assertSame(whole, parts);
    assertEquals(
        withoutSeconds(Files.readAllLines(whole.resolve("scalars.csv"))),
        withoutSeconds(Files.readAllLines(parts.resolve("scalars.csv"))));

    List<String> other = train("2", parts, flags);
    other.addAll(List.of("--resume-from-checkpoint", "latest"));
    other.set(other.indexOf("--seed") + 1, "8");
    assertTrue(wrong(other).contains("was made with seed 7, found 8"));
  }

  private static List<String> withoutSeconds(List<String> rows) {
    return rows.stream().map(row -> row.substring(0, row.lastIndexOf(','))).toList();
  }

  @Test
  void theHeadAloneAndEveryReading() throws IOException {
    ok(
        train(
            "head",
            dir.resolve("head"),
            "--model",
            vae.toString(),
            "--head-activation",
            "sigmoid"));
    String json = Files.readString(dir.resolve("head/matting_head/config.json"));
    assertTrue(json.contains("sigmoid"), json);
    ok(
        train(
            "2",
            dir.resolve("readings"),
            "--model",
            model.toString(),
            "--green-token=max",
            "--green-levels=0,1",
            "--green-heads=each",
            "--green-mask=nearest",
            "--green-normalise=max",
            "--detail-weighting=snr",
            "--detail-t-max=900",
            "--detail-clamp=2",
            "--detail-norm=mse",
            "--detail-space=pixel-image",
            "--detail-sobel=abs",
            "--detail-band=1",
            "--head-feature=up-block",
            "--head-hidden=4",
            "--latent-dice=unit",
            "--latent-mean",
            "--latent-estimate-below=500",
            "--dice-intersection=min",
            "--validation-prompt=a red ball"));
    try (Stream<Path> pictures = Files.list(dir.resolve("readings/validation"))) {
      assertEquals(2, pictures.count()); // one for each checkpoint
    }
    String report = Files.readString(dir.resolve("readings/report.html"));
    assertTrue(report.contains("validation/2-0.png"), report);
    Matcher curves = Pattern.compile("data:image/png;base64,([^\"]+)\"").matcher(report);
    int count = 0;
    for (; curves.find(); count++) {
      byte[] png = Base64.getDecoder().decode(curves.group(1));
      assertTrue(ImageIO.read(new ByteArrayInputStream(png)).getWidth() > 500);
    }
    String columns = Files.readAllLines(dir.resolve("readings/scalars.csv")).getFirst();
    assertEquals(columns.split(",").length - 1, count);
  }

  /** The estimate is made before the start; what the run then took is told with it. */
  @Test
  void memoryIsForeseen() throws IOException {
    String[][] runs = {
      {"2", "--train-batch-size", "4", "--ema"},
      {"2", "--train-batch-size", "4", "--gradient-checkpointing"},
      {"2", "--train-batch-size", "4", "--mixed-precision", "bf16"},
      {"1", "--train-batch-size", "6", "--cache-latents", "--random-flip"},
      {"1", "--gradient-accumulation-steps", "3", "--detail-space", "pixel"},
      {"head", "--train-batch-size", "3"},
      {"vae", "--train-batch-size", "3"},
      {"vae", "--train-batch-size", "3", "--mixed-precision", "bf16"},
      {"decoder", "--train-batch-size", "3"},
    };
    for (int i = 0; i < runs.length; i++) {
      List<String> args = train(runs[i][0], dir.resolve("memory" + i), "--json");
      args.addAll(List.of(runs[i]).subList(1, runs[i].length));
      args.addAll(List.of("--model", model.toString()));
      args.set(args.indexOf("--max-train-steps") + 1, "3");
      JsonNode result = JsonMapper.shared().readTree(ok(args).out());
      double estimated = result.get("estimated_bytes").asDouble();
      double used = result.get("peak_bytes").asDouble();
      assertEquals(1, estimated / used, 0.1, List.of(runs[i]) + ": " + estimated + ", " + used);
    }
  }

  @Test
  void badSamplesAreNamedOrSkippedAndCounted() throws IOException {
    Path bad = TinyData.write(dir.resolve("bad"), 6);
    Files.writeString(bad.resolve("images/00003.png"), "no picture");
    List<String> args = train("head", dir.resolve("bad-out"), "--model", vae.toString());
    args.set(args.indexOf("--train-data-dir") + 1, bad.toString());
    String error = wrong(args);
    assertTrue(error.contains("00003.png") && error.contains("--skip-bad"), error);
    args.add("--skip-bad");
    args.add("--json");
    args.add("--overwrite");
    Run run = ok(args);
    assertTrue(run.out().contains("\"skipped\" : 2"), run.out()); // once in each pass
  }

  @Test
  void wrongFlagsAreSaidInALine() {
    Path out = dir.resolve("none");
    assertTrue(wrong(train("3", out)).contains("--stage"));
    assertTrue(wrong(train("1", out)).contains("--config"));
    assertTrue(
        wrong(train("1", out, "--model", vae.toString(), "--latent-weight", "1"))
            .contains("no place in stage 1"));
    assertTrue(
        wrong(train("vae", out, "--config", config.toString(), "--cache-latents"))
            .contains("--cache-latents"));
    assertTrue(wrong(train("vae", vae, "--config", config.toString())).contains("--overwrite"));
  }
}
