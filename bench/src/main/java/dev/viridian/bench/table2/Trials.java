package dev.viridian.bench.table2;

import dev.viridian.engine.InputException;
import dev.viridian.engine.io.AtomicFile;
import dev.viridian.engine.io.FileErrors;
import dev.viridian.engine.io.Text;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * Trains a base in every variant with every seed and measures what comes of it, by command lines of
 * {@code viridian} that anybody can type. What is done is not done again, so that it may be
 * interrupted at any time. For one thread.
 *
 * <p>In the output folder: a folder for each run, with the model and {@code at-STEPS/} (what {@code
 * evaluate} wrote), {@code base/}, {@code setup.json}, and the latents of the data, which all runs
 * share because all begin with one base.
 */
public final class Trials {
  private static final String LATENTS = "latents.safetensors";
  private static final String RESULT = "evaluation.json";
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  /** Runs a command line of {@code viridian}. */
  @FunctionalInterface
  public interface Command {
    /** Its exit code; what is wrong it has said. */
    int run(List<String> args);
  }

  /**
   * What is done.
   *
   * @param base the model that all runs begin with
   * @param data what they are trained on
   * @param test what they are measured on, with alphas
   * @param side of the pictures
   * @param steps after which they are measured, ascending
   * @param seeds how many; run k of a variant has the data and noise of run k of the others
   * @param count pictures that are generated
   * @param guidance and {@code samplerSteps} of them
   * @param more flags of {@code train}
   */
  public record Setup(
      Path base,
      Path data,
      Path test,
      Path output,
      int side,
      List<Long> steps,
      int seeds,
      int batch,
      double learningRate,
      int count,
      int samplerSteps,
      double guidance,
      int threads,
      List<String> more) {

    /** What has to stay the same for results to belong together. */
    Map<String, Object> facts() {
      Map<String, Object> facts = new LinkedHashMap<>();
      facts.put("base", base.toAbsolutePath().normalize().toString());
      facts.put("data", data.toAbsolutePath().normalize().toString());
      facts.put("test", test.toAbsolutePath().normalize().toString());
      facts.put("side", side);
      facts.put("batch", batch);
      facts.put("learning_rate", learningRate);
      facts.put("count", count);
      facts.put("sampler_steps", samplerSteps);
      facts.put("cfg_scale", guidance);
      facts.put("train_flags", String.join(" ", more));
      return facts;
    }
  }

  private final Setup setup;
  private final Command command;

  private Trials(Setup setup, Command command) {
    this.setup = setup;
    this.command = command;
  }

  /**
   * Does what is not done yet.
   *
   * <p>{@code table2.json} and {@code table2.md} are written after each seed, of what is done.
   *
   * @return the exit code of the first command that failed, 0 if none did
   * @throws InputException if the output folder was begun with another setup, or cannot be written
   */
  public static int run(Setup setup, Command command) {
    try {
      return new Trials(setup, command).run();
    } catch (IOException e) {
      throw new InputException(
          Text.line(setup.output.toString()) + ": cannot be written: " + FileErrors.reason(e), e);
    }
  }

  private int run() throws IOException {
    Files.createDirectories(setup.output);
    begin();
    List<Outcome> outcomes = new ArrayList<>();
    Path base = setup.output.resolve("base");
    int code = evaluate(setup.base, base);
    if (code != 0) {
      return code;
    }
    outcomes.add(Outcome.read(base.resolve(RESULT), null, 0, 0));
    for (int seed = 1; seed <= setup.seeds; seed++) { // a whole comparison first
      for (Variant variant : Variant.values()) {
        Path folder = setup.output.resolve(variant.key() + "-" + seed);
        for (long steps : setup.steps) {
          Path result = folder.resolve("at-" + steps);
          code = Files.exists(result.resolve(RESULT)) ? 0 : train(variant, seed, steps, folder);
          code = code == 0 ? evaluate(folder, result) : code;
          if (code != 0) {
            return code;
          }
          outcomes.add(Outcome.read(result.resolve(RESULT), variant, seed, steps));
        }
        delete(folder.resolve("checkpoints")); // three times the weights, and nothing goes on
        Files.deleteIfExists(folder.resolve(LATENTS));
      }
      write(outcomes);
    }
    return 0;
  }

  private void write(List<Outcome> outcomes) {
    Table table = new Table(outcomes);
    Map<String, Object> json = new LinkedHashMap<>(setup.facts());
    json.put("outcomes", outcomes.stream().map(Outcome::facts).toList());
    json.put("means", table.rows());
    AtomicFile.write(setup.output.resolve("table2.json"), JSON.writeValueAsString(json) + "\n");
    AtomicFile.write(setup.output.resolve("table2.md"), table.markdown());
  }

  private void begin() throws IOException {
    Path file = setup.output.resolve("setup.json");
    String now = JSON.writeValueAsString(setup.facts()) + "\n";
    if (!Files.exists(file)) {
      AtomicFile.write(file, now);
    } else if (!Files.readString(file).equals(now)) {
      throw new InputException(
          Text.line(file.toString())
              + ": says another setup than the flags do; the same flags, or another --output");
    }
  }

  private int train(Variant variant, int seed, long steps, Path folder) throws IOException {
    Files.createDirectories(folder);
    Path shared = setup.output.resolve(LATENTS);
    Path own = folder.resolve(LATENTS);
    if (Files.exists(shared) && !Files.exists(own)) {
      Files.createLink(own, shared);
    }
    List<String> args =
        new ArrayList<>(
            List.of(
                "train",
                "--stage=1",
                "--model=" + setup.base,
                "--train-data-dir=" + setup.data,
                "--output=" + folder,
                "--resolution=" + setup.side,
                "--cache-latents",
                "--random-flip",
                "--train-batch-size=" + setup.batch,
                "--learning-rate=" + setup.learningRate,
                "--green-weight=" + variant.green(),
                "--detail-weight=" + variant.detail(),
                "--max-train-steps=" + steps,
                "--checkpoints-total-limit=1",
                "--resume-from-checkpoint=latest",
                "--seed=" + seed,
                "--threads=" + setup.threads));
    args.addAll(setup.more);
    int code = command.run(args);
    if (code == 0 && !Files.exists(shared)) {
      Files.createLink(shared, own);
    }
    return code;
  }

  private int evaluate(Path model, Path to) {
    if (Files.exists(to.resolve(RESULT))) {
      return 0;
    }
    return command.run(
        List.of(
            "evaluate",
            "--model=" + model,
            "--test-data-dir=" + setup.test,
            "--output=" + to,
            "--side=" + setup.side,
            "--count=" + setup.count,
            "--steps=" + setup.samplerSteps,
            "--cfg-scale=" + setup.guidance,
            "--recogniser-steps=0",
            "--threads=" + setup.threads));
  }

  private static void delete(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }
}
