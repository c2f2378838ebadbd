package dev.viridian.matting.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.engine.InputException;
import dev.viridian.matting.doctor.Checkup;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MainTest {
  @Test
  void helpAndVersionGoToStandardOutput() {
    Run help = Run.of("--help");
    assertEquals(0, help.code());
    assertTrue(help.out().startsWith("Usage: viridian"), help.out());
    assertEquals("", help.err());

    Run version = Run.of("--version");
    assertEquals(0, version.code());
    assertTrue(version.out().contains(System.getProperty("java.vm.version")), version.out());
    assertTrue(version.out().contains(Checkup.vectorBits().getAsInt() + " bit"), version.out());
  }

  @Test
  void noCommandIsAWrongCommandLine() {
    Run run = Run.of();
    assertEquals(2, run.code());
    assertEquals("", run.out());
    assertEquals(1, run.err().lines().count(), run.err());
  }

  @Test
  void theNearestOptionIsSuggested() {
    Run run = Run.of("--versoin");
    assertEquals(2, run.code());
    assertEquals("viridian: unknown option '--versoin'; did you mean '--version'?\n", run.err());
  }

  @Test
  void whatIsPlannedIsToldFromWhatIsUnknown() {
    assertEquals("viridian: not available yet: matte\n", Run.of("matte").err());
    assertEquals("viridian: unknown command 'xyzzy'\n", Run.of("xyzzy").err());
    assertEquals(2, Run.of("matte").code());
    assertEquals(2, Run.of("xyzzy").code());
  }

  @Test
  void verboseAddsTheStackTrace() {
    Run run = Run.of("--versoin", "--verbose");
    assertEquals(2, run.code());
    assertTrue(run.err().contains("\tat "), run.err());
  }

  @Test
  void exitCodesByKindOfError() {
    assertEquals(2, Main.exitCode(new InputException("wrong file")));
    assertEquals(1, Main.exitCode(new IOException("disk")));
    assertEquals(1, Main.exitCode(new OutOfMemoryError("heap")));
    assertEquals(130, Main.exitCode(new InterruptedException()));
    assertEquals(130, Main.exitCode(new IllegalStateException(new CancellationException())));
  }

  @Test
  void outOfMemoryNamesTheFlagsThatHelp() {
    String text = Errors.describe(new OutOfMemoryError("Java heap space"));
    for (String part :
        List.of("Java heap space", "--width", "--batch-size", "VIRIDIAN_JAVA_OPTIONS")) {
      assertTrue(text.contains(part), text);
    }
    assertEquals("wrong file", Errors.describe(new InputException("wrong file")));
    assertTrue(Errors.describe(new IllegalStateException("x")).contains("--verbose"));
  }

  @ParameterizedTest
  @CsvSource({"a,a,0", "'',abc,3", "steps,stpes,1", "karras,karas,1", "kitten,sitting,3"})
  void distances(String a, String b, int expected) {
    assertEquals(expected, Suggestions.distance(a, b));
    assertEquals(expected, Suggestions.distance(b, a));
  }

  @Test
  void farWordsAreNotSuggested() {
    List<String> words = List.of("karras", "exponential", "beta");
    assertEquals("exponential", Suggestions.nearest("EXPONENTAIL", words));
    assertEquals("exponential", Suggestions.nearest("exp", words));
    assertNull(Suggestions.nearest("linear", words));
  }
}
