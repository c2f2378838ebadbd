package dev.viridian.matting.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.ParameterException;

class GenerateOptionsTest {
  @Command(name = "generate")
  private static final class Holder {
    @Mixin private final GenerateOptions options = new GenerateOptions();
  }

  private static GenerateOptions parse(String... args) {
    Holder holder = new Holder();
    CommandLine line = new CommandLine(holder);
    line.setExpandAtFiles(false);
    line.parseArgs(args);
    holder.options.check(line.getCommandSpec());
    return holder.options;
  }

  private static GenerateOptions cat(String flags) {
    String[] more = flags.isEmpty() ? new String[0] : flags.split(" ");
    String[] args = new String[more.length + 2];
    args[0] = "--prompt";
    args[1] = "a cat";
    System.arraycopy(more, 0, args, 2, more.length);
    return parse(args);
  }

  private static String error(String flags) {
    return assertThrows(ParameterException.class, () -> cat(flags)).getMessage();
  }

  @Test
  void defaultsAreThoseOfTheHelp() {
    GenerateOptions options = cat("");
    assertEquals(512, options.width);
    assertEquals(512, options.height);
    assertEquals(64, cat("--height 64").height);
    assertEquals(20, options.steps);
    assertEquals(7.5, options.cfgScale);
    assertEquals(-1, options.seed);
    assertEquals("viridian.png", options.output);
    assertEquals("viridian/", cat("--batch-count 2").output);
  }

  @Test
  void valuesArrive() {
    GenerateOptions options =
        cat("--width 64 --height 4096 --steps 1000 --seed -1 --schedule KARRAS --matting none");
    assertEquals(64, options.width);
    assertEquals(4096, options.height);
    assertEquals("karras", options.schedule);
    assertEquals("@home", parse("--prompt", "@home").prompt);
    assertEquals("", parse("--prompt", "").prompt);
  }

  @Test
  void samplersGoByBothNames() {
    assertEquals("euler-a", cat("--sampler euler-a").sampler);
    assertEquals("euler-a", parse("--prompt", "x", "--sampler", "Euler a").sampler);
    assertTrue(error("--sampler dddim").contains("did you mean 'ddim'?"));
    assertEquals("not available yet: --sampler unipc", error("--sampler unipc"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--width 500|--width is 500, expected a multiple of 8 from 8 to 4096 (the nearest is 504)",
        "--height 0|--height is 0, expected a multiple of 8 from 8 to 4096 (the nearest is 8)",
        "--width -64|--width is -64, expected a multiple of 8 from 8 to 4096 (the nearest is 8)",
        "--width 99999|--width is 99999, expected a multiple of 8 from 8 to 4096 (the nearest is 4096)",
        "--steps 0|--steps is 0, expected a whole number from 1 to 1000",
        "--cfg-scale NaN|--cfg-scale is NaN, expected a number from 0 to 100",
        "--cfg-scale -1|--cfg-scale is -1, expected a number from 0 to 100",
        "--eta 1.5|--eta is 1.5, expected a number from 0 to 1",
        "--batch-size 0|--batch-size is 0, expected a whole number from 1 to 64",
        "--matting coarce|--matting is 'coarce', expected one of auto, coarse, green-post, key, none; did you mean 'coarse'?",
        "--device gpu|--device is 'gpu', expected one of auto, cpu, cuda, cuda:N; did you mean 'cpu'?",
        "--batch-count 2 --output a.png|--output is 'a.png', expected a folder (DIR/) for 2 pictures"
      })
  void wrongValuesSayWhatIsAllowed(String flags, String expected) {
    assertEquals(expected, error(flags));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--init-image a.png",
        "--mask a.png",
        "--lora a.safetensors:0.5",
        "--control-net d",
        "--long-prompt chunk",
        "--matting key"
      })
  void whatIsNotBuiltIsRefused(String flags) {
    assertTrue(error(flags).startsWith("not available yet: " + flags.split("[ :]")[0]));
  }
}
