package dev.viridian.matting.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class ProgressTest {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final PrintStream err = new PrintStream(bytes, true, StandardCharsets.UTF_8);
  private final AtomicLong clock = new AtomicLong();

  private void second(double seconds) {
    clock.set((long) (seconds * 1e9));
  }

  private String text() {
    return bytes.toString(StandardCharsets.UTF_8);
  }

  @Test
  void withoutATerminalThereIsALineNowAndThen() {
    try (Progress progress = Progress.start(err, false, "denoising", "steps", 20, clock::get)) {
      for (int i = 1; i <= 20; i++) {
        second(6 * i);
        progress.to(i);
      }
    }
    String[] lines = text().split("\n");
    assertEquals("denoising: 2/20 steps, 0.17 steps/s, 1:48 min left", lines[0]);
    assertEquals("denoising: 18/20 steps, 0.17 steps/s, 12.0 s left", lines[8]);
    assertEquals("denoising: 20/20 steps in 2:00 min", lines[9]);
    assertEquals(10, lines.length);
  }

  @Test
  void shortWorkIsSilent() {
    try (Progress progress = Progress.start(err, false, "decoding", "tiles", 4, clock::get)) {
      progress.to(4);
      second(0.9);
    }
    assertEquals("", text());
  }

  @Test
  void whatWasStoppedSaysHowFarItCame() {
    try (Progress progress = Progress.start(err, false, "training", "steps", 100_000, clock::get)) {
      second(7300);
      progress.to(0);
    }
    assertEquals(
        "training: 0/100000 steps, 0.00 steps/s, unknown left\n"
            + "training: 0/100000 steps in 2:01 h\n",
        text());
  }

  @Test
  void aTerminalGetsABarOnOneLine() {
    try (Progress progress = Progress.start(err, true, "denoising", "steps", 4, clock::get)) {
      progress.to(4);
    }
    assertTrue(text().contains("\r"), text());
    assertTrue(text().contains("denoising 100%"), text());
    assertTrue(text().contains("steps/s"), text());
    for (String frame : text().split("[\r\n]+")) {
      assertTrue(frame.length() <= 79, frame);
    }
  }
}
