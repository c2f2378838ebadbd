package dev.viridian.matting.cli;

import dev.viridian.diffusion.weights.Converter;
import dev.viridian.kernels.DType;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code convert}: a model in another layout or type, or a weight file as safetensors. */
@Command(
    name = "convert",
    description = {
      "Write a model folder as a single file or the other way round, change the type of weights,",
      "or write any one weight file as safetensors. What is written appears whole or not at all."
    })
final class ConvertCommand implements Callable<Integer> {
  @ParentCommand private @Nullable Main main;
  @Spec private @Nullable CommandSpec spec;
  @Mixin private final ConvertOptions options = new ConvertOptions();

  @Override
  public Integer call() {
    if (main == null || spec == null) {
      throw new IllegalStateException("picocli did not inject the parent command");
    }
    options.check(spec);
    Converter.Result result =
        Converter.convert(
            options.input,
            options.output,
            new Converter.Options(dtype(), layout(), options.overwrite));
    PrintWriter out = spec.commandLine().getOut();
    if (main.json()) {
      Map<String, Object> json = new LinkedHashMap<>();
      json.put("output", result.output().toString());
      json.put("what", result.what());
      json.put("tensors", result.tensors());
      json.put("bytes", result.bytes());
      json.put("notes", result.notes());
      Json.print(out, json);
    } else {
      out.printf(
          Locale.ROOT,
          "%s: %s, %d tensors, %.1f MB%n",
          result.output(),
          result.what(),
          result.tensors(),
          result.bytes() / 1e6);
      result.notes().forEach(note -> out.println("  " + note));
      out.flush();
    }
    return Main.OK;
  }

  private @Nullable DType dtype() {
    return options.dtype == null ? null : DType.valueOf(options.dtype.toUpperCase(Locale.ROOT));
  }

  private Converter.@Nullable Layout layout() {
    return options.layout == null
        ? null
        : Converter.Layout.valueOf(options.layout.toUpperCase(Locale.ROOT));
  }
}
