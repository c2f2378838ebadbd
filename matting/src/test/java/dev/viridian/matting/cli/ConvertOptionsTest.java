package dev.viridian.matting.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.engine.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

class ConvertOptionsTest {
  @Command(name = "convert")
  private static final class Holder {
    @Mixin private final ConvertOptions options = new ConvertOptions();
  }

  @TempDir private Path folder;

  private static ConvertOptions parse(Object... args) {
    Holder holder = new Holder();
    CommandLine line = new CommandLine(holder);
    String[] texts = new String[args.length];
    for (int i = 0; i < texts.length; i++) {
      texts[i] = args[i].toString();
    }
    line.parseArgs(texts);
    holder.options.check(line.getCommandSpec());
    return holder.options;
  }

  private static String error(Object... args) {
    return assertThrows(RuntimeException.class, () -> parse(args)).getMessage();
  }

  @Test
  void valuesArriveAndWrongOnesAreTold() throws IOException {
    Path in = Files.createFile(folder.resolve("in.ckpt"));
    Path out = folder.resolve("out.safetensors");
    ConvertOptions options = parse(in, "--output", out, "--dtype", "BF16", "--layout", "single");
    assertEquals(in, options.input);
    assertEquals(out, options.output);
    assertEquals("bf16", options.dtype);
    assertEquals("single", options.layout);
    assertTrue(error(in, "--output", out, "--dtype", "fp16").contains("did you mean 'f16'?"));
    assertTrue(error(in, "--output", in).contains("the input itself"));
    assertTrue(error(in).contains("--output"));
    assertThrows(InputException.class, () -> parse(folder.resolve("no"), "--output", out));
  }
}
