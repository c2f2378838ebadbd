package dev.viridian.bench.peer;

import dev.viridian.engine.InputException;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * An engine in a Python process that somebody else set up: PyTorch with diffusers and transformers,
 * or OpenVINO on the same networks. The scripts beside this class read requests and write answers,
 * one JSON object a line; what libraries print goes to standard error.
 */
public final class PythonPeer implements Peer {
  private static final String COMMON = "common.py";
  private static final JsonMapper JSON = JsonMapper.shared();
  private static final long PATIENCE_SECONDS = 5;

  private final String engine;
  private final Process process;
  private final BufferedWriter requests;
  private final BufferedReader answers;
  private final String name;

  /**
   * Starts the process and prepares the work.
   *
   * @param python the interpreter; its packages are its own affair
   * @param engine {@code pytorch}, {@code openvino} or {@code training}: the script's name
   * @param request the work: {@code work}, {@code threads}, {@code dtype} and sizes; for PyTorch
   *     {@code layout}, which is {@code channels-last} or {@code contiguous}
   * @throws InputException if there is no such interpreter, or it lacks what it needs
   */
  public PythonPeer(String python, String engine, Map<String, Object> request) {
    this.engine = engine;
    try {
      process =
          new ProcessBuilder(python, "-u", "-c", script(COMMON) + script(engine + ".py"))
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
    } catch (IOException e) {
      throw new InputException(
          "--peer-python "
              + python
              + ": cannot be started, expected a Python with "
              + (engine.equals("openvino") ? "torch and openvino" : "torch"),
          e);
    }
    requests =
        new BufferedWriter(
            new OutputStreamWriter(process.getOutputStream(), StandardCharsets.UTF_8));
    answers =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    Map<String, Object> prepare = new LinkedHashMap<>(request);
    prepare.put("do", "prepare");
    try {
      name = ask(prepare).path("name").asString();
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private static String script(String file) throws IOException {
    try (InputStream in = PythonPeer.class.getResourceAsStream(file)) {
      return new String(Objects.requireNonNull(in, file).readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private JsonNode ask(Map<String, Object> request) {
    String line;
    try {
      requests.write(JSON.writeValueAsString(request));
      requests.newLine();
      requests.flush();
      line = answers.readLine();
    } catch (IOException e) {
      throw new IllegalStateException("the process of " + engine + " ended: " + e.getMessage(), e);
    }
    JsonNode answer = parse(line);
    if (answer == null) {
      throw new IllegalStateException(
          "the process of "
              + engine
              + " "
              + (line == null ? "ended without an answer" : "said " + line));
    }
    if (answer.has("missing")) {
      throw new InputException(
          "--peer-python: " + answer.get("missing").asString() + "; install it there");
    }
    if (answer.has("error")) {
      throw new IllegalStateException(engine + ": " + answer.get("error").asString());
    }
    return answer;
  }

  private static @Nullable JsonNode parse(@Nullable String line) {
    if (line == null) {
      return null;
    }
    try {
      return JSON.readTree(line);
    } catch (JacksonException e) {
      return null;
    }
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public Run run() {
    JsonNode answer = ask(Map.of("do", "run"));
    Map<String, Double> phases = new LinkedHashMap<>();
    answer.path("phases").forEachEntry((phase, took) -> phases.put(phase, took.asDouble()));
    return new Run(
        answer.path("seconds").asDouble(), answer.path("cpu_seconds").asDouble(), phases);
  }

  @Override
  public long peakRssBytes() {
    return ask(Map.of("do", "memory")).path("peak_rss_bytes").asLong();
  }

  @Override
  public void close() {
    try {
      requests.close(); // the end of its input ends it
    } catch (IOException e) {
      process.destroy(); // it had ended already
    }
    try {
      if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
