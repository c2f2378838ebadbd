package dev.viridian.matting.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.engine.InputException;
import dev.viridian.kernels.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.json.JsonMapper;

/** Values of flags that are wrong, and prompts that are strange, on the command line. */
class BadFlagsTest {
  @TempDir private static Path shared;
  private static Path model;

  @TempDir private Path folder;

  @BeforeAll
  static void makeModel() throws IOException {
    model = SmallModel.folder(shared.resolve("model"), DType.F32);
  }

  private List<String> generate(String... flags) {
    return SmallModel.generate(model, folder.resolve("a.png"), flags);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--width|0|a multiple of 8 from 8 to 4096",
        "--width|-8|a multiple of 8 from 8 to 4096",
        "--height|15|a multiple of 8 from 8 to 4096",
        "--height|4104|a multiple of 8 from 8 to 4096",
        "--width|2147483648|a multiple of 8 from 8 to 4096",
        "--width|8.5|a multiple of 8 from 8 to 4096",
        "--width|wide|a multiple of 8 from 8 to 4096",
        "--steps|0|a whole number from 1 to 1000",
        "--steps|-1|a whole number from 1 to 1000",
        "--steps|99999999999999999999|a whole number from 1 to 1000",
        "--cfg-scale|NaN|a number from 0 to 100",
        "--cfg-scale|much|a number from 0 to 100",
        "--cfg-scale|-Infinity|a number from 0 to 100",
        "--eta|2|a number from 0 to 1",
        "--seed|-2|a whole number from -1 to 9223372036854775807",
        "--seed|18446744073709551616|a whole number from -1 to 9223372036854775807",
        "--threads|0|a whole number from 1 to 1024",
        "--threads|1025|a whole number from 1 to 1024",
        "--batch-size|65|a whole number from 1 to 64",
        "--batch-count|0|a whole number from 1 to 100000",
        "--clip-skip|13|a whole number from 1 to 12",
        "--sampler|eulr-a|one of ddpm, ddim, pndm",
        "--dtype|f64|one of auto, f32, bf16, f16, int8",
        "--device|tpu|one of auto, cpu, cuda, cuda:N",
        "--matting|corse|did you mean 'coarse'?",
        "--schedule|carras|did you mean 'karras'?",
      })
  void aWrongValueIsToldWithWhatIsAllowed(String flag, String value, String expected)
      throws IOException {
    BadInput.refused(2, generate(flag, value), flag + " is ", value, expected);
    assertNothingIsWritten();
  }

  @Test
  void valuesThatTogetherAskForTooMuch() throws IOException {
    BadInput.refused(
        2,
        generate("--batch-size", "64", "--batch-count", "100000", "--output", folder + "/d/"),
        "6400000",
        "100000 pictures at most");
    BadInput.refused(2, generate("--clip-skip", "2"), "clip skip", "1 layers");
    BadInput.refused(
        2, generate("--sampler", "ddim", "--schedule", "karras"), "ddim", "karras", "dpmpp-2m");
    BadInput.refused(2, generate("--steps", "1000"), "1000 steps", "take fewer steps");
    BadInput.refused(
        2, generate("--promt", "x"), "unknown option '--promt'", "did you mean '--prompt'?");
    assertNothingIsWritten();
  }

  @Test
  void longAndStrangeValuesStayOnOneShortLine() throws IOException {
    String strange = "x\u0007\n\u001b[31m\u202e\ud800" + "y".repeat(100_000);
    for (List<String> args :
        List.of(
            generate("--sampler", strange),
            generate("--matting", strange),
            generate("--steps", strange),
            generate("--model", strange),
            generate("--" + strange, "1"),
            List.of(strange),
            List.of("inspect", strange),
            List.of("inspect", "a", strange),
            List.of("convert", strange, "--output", "b"))) {
      Run run = BadInput.refused(2, args);
      assertTrue(run.err().length() < 5000, run.err());
    }
    assertNothingIsWritten();
  }

  @Test
  void pathsThatAreNoPaths() throws IOException {
    for (String path : List.of("", "a\u0000b", "\ud800")) {
      for (String flag : List.of("--output", "--model", "--latents", "--raw")) {
        BadInput.refused(2, generate(flag, path), flag + " is ", "expected ");
      }
      BadInput.refused(2, List.of("inspect", path), "FILE|DIR is ", "expected a path");
      BadInput.refused(2, List.of("convert", path, "--output", "b"), "INPUT is ", "a path");
      BadInput.refused(2, List.of("convert", model + "", "--output", path), "--output is ");
    }
    assertNothingIsWritten();
  }

  @Test
  void resultsThatWouldReplaceEachOther() throws IOException {
    String file = folder.resolve("t.safetensors").toString();
    BadInput.refused(2, generate("--latents", file, "--raw", file), "t.safetensors", "twice");
    String picture = folder.resolve("a.alpha.png").toString();
    BadInput.refused(2, generate("--raw", picture), "a.alpha.png", "twice");
    assertNothingIsWritten();
  }

  /** Whatever a prompt is, it is tokenised; what is too long is cut and that is said. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "x",
        "red apple ",
        "\u0301",
        "\u00e9",
        "<|endoftext|>",
        "<|startoftext|>",
        "'s",
        "\ud83d\ude00",
        "\n",
        "\u3042",
        "1",
        "\ud800",
        "\udc00\ud800"
      })
  void aPromptOfAHundredThousandCharacters(String part) throws IOException {
    String prompt = part.repeat(100_000 / part.length());
    Run run = Run.of(generate("--prompt", prompt).toArray(String[]::new));
    assertEquals(0, run.code(), run.err());
    boolean cut = run.err().contains("the prompt is longer than 75 tokens");
    assertTrue(cut || prompt.isBlank(), run.err());
    String json = Files.readString(folder.resolve("a.json"));
    assertTrue(JsonMapper.shared().readTree(json).get("token_ids").size() == 77);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", " ", "\ud800", "a\udc00b", "\u0000", "a\u0000b", "@file", "%s%n", "-5"})
  void aStrangePrompt(String prompt) throws IOException {
    Run run =
        Run.of(generate("--prompt", prompt, "--negative-prompt", prompt).toArray(String[]::new));
    assertEquals(0, run.code(), run.err());
    assertTrue(Files.size(folder.resolve("a.png")) > 0);
    String found =
        JsonMapper.shared()
            .readTree(Files.readString(folder.resolve("a.json")))
            .get("negative_prompt")
            .asString();
    assertEquals(prompt.replaceAll("\\p{Cs}", "\ufffd"), found);
  }

  @Test
  void theSuffixMayBeTooLongToo() throws IOException {
    Run run =
        Run.of(
            generate("--prompt", "p".repeat(100_000), "--green-suffix", "xy ".repeat(33_333))
                .toArray(String[]::new));
    assertEquals(0, run.code(), run.err());
  }

  @Test
  void whatCannotFitIsSaidBeforeTheRun() {
    GenerateOptions options = new GenerateOptions();
    options.width = 4096;
    options.height = 4096;
    String memory =
        assertThrows(
                InputException.class,
                () -> MemoryEstimate.check(options, 3.4e9, 13e9, 43e9, 13.1e9, 8e9, 1e9, 2e9))
            .getMessage();
    for (String part :
        List.of(
            "4096x4096",
            "3.4 GB",
            "13.0 GB",
            "43.0 GB",
            "8.0 GB",
            "--vae-tiling (decodes in 13.1 GB)",
            "--width",
            "--dtype")) {
      assertTrue(memory.contains(part), memory);
    }
    options.batchSize = 2;
    String tiled =
        assertThrows(
                InputException.class,
                () -> MemoryEstimate.check(options, 3.4e9, 26e9, 13e9, 13e9, 8e9, 1e9, 2e9))
            .getMessage();
    assertTrue(tiled.contains("--batch-size") && !tiled.contains("--vae-tiling"), tiled);
    String heap =
        assertThrows(
                InputException.class,
                () -> MemoryEstimate.check(options, 1, 1, 1, 1, 8e9, 3e9, 2e9))
            .getMessage();
    for (String part : List.of("4096x4096", "3.0 GB", "2.0 GB", "--batch-size", "-Xmx3640m")) {
      assertTrue(heap.contains(part), heap);
    }
    MemoryEstimate.check(options, 1, 1, 1, 1, 8e9, 1e9, 2e9);
    MemoryEstimate.check(options, 1e12, 1, 1, 1, 0, 1e9, 2e9); // a system that does not tell
  }

  /** 64 pictures of the largest size take 40 GB as they wait to be written, whatever the model. */
  @Test
  void theLargestBatchIsRefusedByItsHeap() throws IOException {
    BadInput.refused(
        2,
        generate(
            "--width",
            "4096",
            "--height",
            "4096",
            "--batch-size",
            "64",
            "--output",
            folder + "/d/"),
        "not enough",
        "64 pictures of 4096x4096",
        "GB");
    assertFalse(Files.exists(folder.resolve("d/00000-1.png")));
  }

  private void assertNothingIsWritten() throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      assertEquals(new ArrayList<>(), files.filter(Files::isRegularFile).toList());
    }
  }
}
