package dev.viridian.matting.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class DoctorCommandTest {
  @Test
  void theTestsOwnJvmIsSound() {
    Run run = Run.of("doctor", "--json");
    assertEquals(0, run.code(), run.err() + run.out());
    JsonNode json = JsonMapper.shared().readTree(run.out());
    assertTrue(json.get("sound").asBoolean());
    for (JsonNode finding : json.get("findings")) {
      boolean ok = finding.get("state").asString().equals("ok");
      assertEquals(ok, finding.get("advice").asString().isEmpty(), finding.toString());
    }
    assertTrue(json.get("findings").size() >= 7, run.out());
  }

  @Test
  void textHasALineForEachFindingAndEachAdvice() {
    Run run = Run.of("doctor");
    assertEquals(0, run.code());
    assertTrue(run.out().contains("jdk"), run.out());
    assertTrue(run.out().contains(System.getProperty("java.home")), run.out());
  }
}
