package dev.viridian.matting.cli;

import dev.viridian.diffusion.weights.WeightReport;
import dev.viridian.engine.InputException;
import dev.viridian.engine.io.TensorInfo;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code inspect}: what weight files are, from their headers alone. */
@Command(
    name = "inspect",
    description = {
      "Say what a weight file, or every weight file in a folder, is for: tensors, types, sizes.",
      "Headers alone are read; nothing in a pickle is run."
    })
final class InspectCommand implements Callable<Integer> {
  @ParentCommand private @Nullable Main main;
  @Spec private @Nullable CommandSpec spec;

  @Parameters(
      paramLabel = "FILE|DIR",
      description =
          "A .safetensors, .ckpt, .pt, .pth or .bin file, an index of shards, or a folder.")
  private Path path = Path.of("");

  @Option(names = "--keys", description = "List every tensor: name, type, shape.")
  private boolean keys;

  @Option(names = "--hash", description = "Add the SHA-256 of each file; reads it from end to end.")
  private boolean hash;

  /** A file and what became of reading it: a report or an error. */
  private record Result(Path file, @Nullable WeightReport report, String error) {}

  @Override
  public Integer call() throws IOException {
    if (main == null || spec == null) {
      throw new IllegalStateException("picocli did not inject the parent command");
    }
    PrintWriter out = spec.commandLine().getOut();
    new Checks(spec).paths(spec);
    if (!Files.exists(path)) {
      throw new InputException(path + ": no such file or folder");
    }
    boolean folder = Files.isDirectory(path);
    List<Result> results = new ArrayList<>();
    if (folder) {
      for (Path file : WeightReport.filesIn(path)) {
        results.add(read(file));
      }
      if (results.isEmpty()) {
        throw new InputException(
            path + ": no weight files in it (.safetensors .ckpt .pt .pth .bin)");
      }
    } else {
      results.add(new Result(path, WeightReport.of(path), ""));
    }
    if (main.json()) {
      Json.print(out, json(folder, results));
    } else {
      for (Result result : results) {
        print(out, folder, result);
      }
    }
    out.flush();
    List<Result> bad = results.stream().filter(result -> !result.error.isEmpty()).toList();
    if (!bad.isEmpty()) {
      throw new InputException(
          bad.size()
              + " of "
              + results.size()
              + " weight files cannot be read, the first: "
              + bad.getFirst().error);
    }
    return Main.OK;
  }

  private static Result read(Path file) {
    try {
      return new Result(file, WeightReport.of(file), "");
    } catch (InputException e) {
      return new Result(file, null, String.valueOf(e.getMessage()));
    }
  }

  private void print(PrintWriter out, boolean folder, Result result) throws IOException {
    out.println(folder ? path.relativize(result.file) : result.file);
    WeightReport report = result.report;
    if (report == null) {
      out.println("  not readable: " + result.error);
      return;
    }
    String types =
        report.types().entrySet().stream()
            .map(entry -> entry.getValue() + " " + entry.getKey())
            .collect(Collectors.joining(", "));
    out.println("  " + report.role().describe());
    out.printf(
        Locale.ROOT,
        "  %d tensors (%s), %,d numbers, %.1f MB%n",
        report.tensors().size(),
        types,
        report.elements(),
        report.bytes() / 1e6);
    if (hash) {
      out.println("  sha256 " + report.sha256());
    }
    if (keys) {
      for (TensorInfo tensor : report.tensors()) {
        out.println("  " + tensor.name() + " " + tensor.type() + " " + tensor.shape());
      }
    }
  }

  private Map<String, Object> json(boolean folder, List<Result> results) throws IOException {
    List<Object> files = new ArrayList<>();
    for (Result result : results) {
      Map<String, Object> file = new LinkedHashMap<>();
      file.put("file", (folder ? path.relativize(result.file) : result.file).toString());
      WeightReport report = result.report;
      if (report == null) {
        file.put("error", result.error);
      } else {
        put(file, report);
      }
      files.add(file);
    }
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("path", path.toString());
    json.put("files", files);
    return json;
  }

  private void put(Map<String, Object> file, WeightReport report) throws IOException {
    file.put("role", report.role().kind().name().toLowerCase(Locale.ROOT));
    file.put("description", report.role().describe());
    file.put("layout", report.role().layout());
    file.put("details", report.role().details());
    file.put("bytes", report.bytes());
    file.put("tensors", report.tensors().size());
    file.put("parameters", report.elements());
    Map<String, Integer> types = new LinkedHashMap<>();
    report.types().forEach((type, count) -> types.put(type.name(), count));
    file.put("types", types);
    file.put("metadata", report.metadata());
    if (hash) {
      file.put("sha256", report.sha256());
    }
    if (keys) {
      List<Object> list = new ArrayList<>();
      for (TensorInfo tensor : report.tensors()) {
        Map<String, Object> key = new LinkedHashMap<>();
        key.put("name", tensor.name());
        key.put("type", tensor.type().name());
        key.put("shape", tensor.shape());
        list.add(key);
      }
      file.put("keys", list);
    }
  }
}
