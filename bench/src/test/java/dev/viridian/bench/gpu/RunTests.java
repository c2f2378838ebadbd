package dev.viridian.bench.gpu;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;
import org.junit.platform.launcher.listeners.TestExecutionSummary;
import tools.jackson.databind.json.JsonMapper;

/**
 * Runs test classes without Maven, on a machine that has jars alone; prints one line of JSON. Exit
 * code 1 if one fails, or none was found.
 */
public final class RunTests {
  private static final int MOST = 20;

  private RunTests() {}

  /** The names of the classes. */
  public static void main(String[] classes) {
    PrintStream out = System.out;
    System.setOut(System.err); // what tests print is not the answer
    Map<String, Object> result = run(classes);
    new PrintStream(out, true, StandardCharsets.UTF_8)
        .println(JsonMapper.builder().build().writeValueAsString(result));
    System.exit(Boolean.TRUE.equals(result.get("passed")) ? 0 : 1);
  }

  static Map<String, Object> run(String... classes) {
    LauncherDiscoveryRequest request =
        LauncherDiscoveryRequestBuilder.request()
            .selectors(Arrays.stream(classes).map(DiscoverySelectors::selectClass).toList())
            .build();
    SummaryGeneratingListener listener = new SummaryGeneratingListener();
    LauncherFactory.create().execute(request, listener);
    TestExecutionSummary summary = listener.getSummary();
    List<String> failures = new ArrayList<>();
    for (TestExecutionSummary.Failure f : summary.getFailures()) {
      if (failures.size() < MOST) {
        String name = f.getTestIdentifier().getDisplayName();
        failures.add(name + ": " + String.valueOf(f.getException()).lines().findFirst().orElse(""));
      }
    }
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("succeeded", summary.getTestsSucceededCount());
    result.put("failed", summary.getTotalFailureCount());
    result.put("skipped", summary.getTestsAbortedCount() + summary.getTestsSkippedCount());
    result.put("failures", failures);
    result.put("passed", failures.isEmpty() && summary.getTestsSucceededCount() > 0);
    return result;
  }
}
