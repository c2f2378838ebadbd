package dev.viridian.engine.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.platform.commons.support.AnnotationSupport;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.TestSource;
import org.junit.platform.engine.TestTag;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;

/**
 * Counts what became of the golden tests by area, prints a line for each and writes all that was
 * skipped or failed, with the reason, to {@code target/golden-report.txt} of the module. JUnit
 * finds it by {@code META-INF/services}.
 */
public final class GoldenReport implements TestExecutionListener {
  private static final TestTag GOLDEN = TestTag.create("golden");
  private static final Path TARGET = Path.of("target");

  private static final class Counts {
    private int passed;
    private final List<String> failed = new ArrayList<>();
    private final List<String> skipped = new ArrayList<>();
    private final Map<String, Integer> reasons = new TreeMap<>();
  }

  private final Map<String, Counts> areas = new TreeMap<>();
  private TestPlan plan;

  /** Made by JUnit. */
  public GoldenReport() {}

  @Override
  public void testPlanExecutionStarted(TestPlan started) {
    plan = started;
  }

  @Override
  public void executionSkipped(TestIdentifier test, String reason) {
    counts(test).ifPresent(counts -> skipped(counts, test, reason));
  }

  @Override
  public void executionFinished(TestIdentifier test, TestExecutionResult result) {
    counts(test).ifPresent(counts -> count(counts, test, result));
  }

  private synchronized void count(Counts counts, TestIdentifier test, TestExecutionResult result) {
    String message = result.getThrowable().map(t -> String.valueOf(t.getMessage())).orElse("");
    switch (result.getStatus()) {
      case SUCCESSFUL -> counts.passed += test.isTest() ? 1 : 0;
      case ABORTED -> skipped(counts, test, message.replaceFirst("^Assumption failed: ", ""));
      case FAILED -> counts.failed.add(name(test) + ": " + message);
    }
  }

  private synchronized void skipped(Counts counts, TestIdentifier test, String reason) {
    counts.skipped.add(name(test) + ": " + reason);
    counts.reasons.merge(reason, 1, Integer::sum);
  }

  private synchronized Optional<Counts> counts(TestIdentifier test) {
    boolean golden = false;
    String area = null;
    String place = "";
    for (TestIdentifier at = test; at != null; at = plan.getParent(at).orElse(null)) {
      golden |= at.getTags().contains(GOLDEN);
      GoldenArea named = at.getSource().flatMap(GoldenReport::annotation).orElse(null);
      if (area == null && named != null) {
        area = named.value();
      }
      if (at.getSource().orElse(null) instanceof ClassSource source) {
        place = source.getClassName().substring(source.getClassName().lastIndexOf('.') + 1);
      }
    }
    return golden
        ? Optional.of(areas.computeIfAbsent(area == null ? place : area, key -> new Counts()))
        : Optional.empty();
  }

  private static Optional<GoldenArea> annotation(TestSource source) {
    return switch (source) {
      case MethodSource m -> AnnotationSupport.findAnnotation(m.getJavaMethod(), GoldenArea.class);
      case ClassSource c -> AnnotationSupport.findAnnotation(c.getJavaClass(), GoldenArea.class);
      default -> Optional.empty();
    };
  }

  private String name(TestIdentifier test) {
    String name = test.getDisplayName();
    TestIdentifier parent = plan.getParent(test).orElse(null);
    while (parent != null && plan.getParent(parent).isPresent()) {
      name = parent.getDisplayName() + " " + name;
      parent = plan.getParent(parent).orElse(null);
    }
    return name;
  }

  @Override
  public synchronized void testPlanExecutionFinished(TestPlan finished) {
    if (areas.isEmpty()) {
      return;
    }
    List<String> lines = new ArrayList<>();
    List<String> details = new ArrayList<>();
    areas.forEach(
        (area, counts) -> {
          lines.add(
              "golden "
                  + area
                  + ": "
                  + counts.passed
                  + " passed, "
                  + counts.failed.size()
                  + " failed, "
                  + counts.skipped.size()
                  + " skipped");
          counts.reasons.forEach((reason, n) -> lines.add("    skipped " + n + ": " + reason));
          counts.failed.forEach(f -> details.add("failed " + area + " " + f));
          counts.skipped.forEach(s -> details.add("skipped " + area + " " + s));
        });
    lines.forEach(System.out::println);
    if (Files.isDirectory(TARGET)) {
      lines.addFirst("goldens: " + Golden.ROOT);
      lines.add("");
      lines.addAll(details);
      try {
        Files.write(TARGET.resolve("golden-report.txt"), lines);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
