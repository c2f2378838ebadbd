package dev.viridian.matting.cli;

import dev.viridian.engine.io.Text;
import dev.viridian.matting.data.procedural.ProceduralDataset;
import dev.viridian.matting.data.procedural.ProceduralObjects;
import dev.viridian.matting.data.procedural.ProceduralOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code dataset}: makes data sets to train on; so far those that are drawn. */
@Command(
    name = "dataset",
    description = "Make a data set of pictures with alpha and captions.",
    synopsisSubcommandLabel = "KIND",
    subcommands = DatasetCommand.Procedural.class)
final class DatasetCommand implements Runnable {
  @ParentCommand private @Nullable Main main;
  @Spec private @Nullable CommandSpec spec;

  @Override
  public void run() {
    if (spec == null) {
      throw new IllegalStateException("picocli did not inject the command's specification");
    }
    throw new ParameterException(
        spec.commandLine(),
        "dataset needs a kind: "
            + String.join(", ", spec.subcommands().keySet())
            + "; 'viridian dataset KIND --help' tells its flags");
  }

  /** {@code dataset procedural}: pictures of simple objects, drawn by the program. */
  @Command(
      name = "procedural",
      description = {
        "Draw simple objects with exact alpha and captions, by seed.",
        "Writes images/NNNNN.png, alphas/NNNNN.png (16 bit) and metadata.jsonl."
      })
  static final class Procedural implements Callable<Integer> {
    private static final int MOST_PICTURES = 1_000_000;

    @ParentCommand private @Nullable DatasetCommand parent;
    @Spec private @Nullable CommandSpec spec;

    @Option(
        names = "--count",
        required = true,
        paramLabel = "N",
        description = "How many pictures.")
    @Range(least = 1, most = MOST_PICTURES)
    private int count;

    @Option(names = "--size", paramLabel = "PX", description = "Their side in pixels, default 128.")
    @Range(least = ProceduralObjects.LEAST_SIZE, most = ProceduralObjects.GREATEST_SIZE)
    private int size = 128;

    @Option(
        names = "--seed",
        paramLabel = "N",
        description = "The same seed gives the same pictures, default 0.")
    @Range(least = 0, most = Long.MAX_VALUE)
    private long seed;

    @Option(
        names = "--output",
        required = true,
        paramLabel = "DIR",
        description = "The folder to write.")
    private @Nullable Path output;

    @Option(
        names = "--background",
        paramLabel = "NAME",
        description = "green, the canvas of pure green, or scene; default green.")
    private String background = "green";

    @Option(
        names = "--nouns",
        paramLabel = "A,B,…",
        description = "What to draw, default everything.")
    private @Nullable String nouns;

    @Option(
        names = "--colours",
        paramLabel = "A,B,…",
        description = "Colours of the objects, default all.")
    private @Nullable String colours;

    @Option(
        names = "--materials",
        paramLabel = "A,B,…",
        description = "What they may be made of, default anything.")
    private @Nullable String materials;

    @Option(
        names = "--variety",
        paramLabel = "X",
        description = "How much views, sizes and lamps differ, 0 to 1, default 1.")
    @Range(least = 0, most = 1)
    private double variety = 1;

    @Option(
        names = "--hold-out",
        paramLabel = "N",
        description = {
          "Leave out one of N combinations of noun, colour and material; default: none.",
          "Which ones follows from their names."
        })
    @Range(least = 2, most = 1_000_000)
    private @Nullable Integer holdOut;

    @Option(
        names = "--held-out",
        paramLabel = "N",
        description = "Draw only what --hold-out N leaves out.")
    @Range(least = 2, most = 1_000_000)
    private @Nullable Integer heldOut;

    @Option(names = "--overwrite", description = "Replace a data set that is there.")
    private boolean overwrite;

    @Option(names = "--threads", paramLabel = "N", description = "CPU threads, default: all.")
    @Range(least = 1, most = 1024)
    private int threads = Runtime.getRuntime().availableProcessors();

    @Override
    public Integer call() {
      if (spec == null || parent == null || parent.main == null || output == null) {
        throw new IllegalStateException("picocli did not inject the parent command");
      }
      Main main = parent.main;
      Checks checks = new Checks(spec);
      checks.ranges(spec);
      checks.paths(spec);
      ProceduralOptions options = options(checks);
      ProceduralDataset.Request request =
          new ProceduralDataset.Request(count, size, seed, options, threads, overwrite);
      ProceduralDataset.check(output, request); // what is wrong with the place is said first
      long start = System.nanoTime();
      try (Progress bar = Progress.start(main.err(), "draw", "pictures", count)) {
        ProceduralDataset.write(output, request, bar::to);
      }
      double seconds = (System.nanoTime() - start) * 1e-9;
      if (main.json()) {
        Json.print(spec.commandLine().getOut(), summary(options, output, seconds));
      } else {
        main.err()
            .printf(
                Locale.ROOT,
                "%s: %d pictures in %.1f s (%.1f a second)%n",
                Text.line(output.toString()),
                count,
                seconds,
                count / seconds);
      }
      return Main.OK;
    }

    private Map<String, Object> summary(ProceduralOptions options, Path folder, double seconds) {
      Map<String, Object> json = new LinkedHashMap<>();
      json.put("output", folder.toString());
      json.put("pictures", count);
      json.put("size", size);
      json.put("seed", seed);
      json.put("background", background.toLowerCase(Locale.ROOT));
      json.put("nouns", options.nouns());
      json.put("colours", options.colours());
      json.put("materials", materials == null ? ProceduralObjects.materials() : materials);
      json.put("variety", variety);
      json.put("seconds", seconds);
      return json;
    }

    private ProceduralOptions options(Checks checks) {
      String behind = checks.choice("--background", background, List.of("green", "scene"));
      ProceduralOptions options =
          ProceduralOptions.defaults()
              .withBackground(
                  ProceduralOptions.Background.valueOf(behind.toUpperCase(Locale.ROOT)));
      options = options.withVariety(variety);
      if (nouns != null) {
        options = options.withNouns(names(checks, "--nouns", nouns, ProceduralObjects.nouns()));
      }
      if (colours != null) {
        options =
            options.withColours(names(checks, "--colours", colours, ProceduralObjects.colours()));
      }
      Set<String> made =
          Set.copyOf(
              materials == null
                  ? ProceduralObjects.materials()
                  : names(checks, "--materials", materials, ProceduralObjects.materials()));
      int without = holdOut == null ? 0 : holdOut;
      int only = heldOut == null ? 0 : heldOut;
      options =
          options.withAllowed(
              kind ->
                  made.contains(kind.material())
                      && !(without > 0 && kind.heldOut(without))
                      && (only == 0 || kind.heldOut(only)));
      if (!ProceduralObjects.canDraw(options)) {
        throw checks.wrong("--nouns, --colours, --materials and --held-out leave nothing to draw");
      }
      return options;
    }

    private static List<String> names(Checks checks, String flag, String list, List<String> known) {
      List<String> chosen = new ArrayList<>();
      for (String name : list.split(",", -1)) {
        String word = checks.choice(flag, name.strip(), known);
        if (!chosen.contains(word)) {
          chosen.add(word);
        }
      }
      return chosen;
    }
  }
}
