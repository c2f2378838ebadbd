package dev.viridian.matting.cli;

import dev.viridian.matting.doctor.Checkup;
import dev.viridian.matting.doctor.Finding;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code doctor}: what this machine offers and what is missing. */
@Command(
    name = "doctor",
    description = {
      "Say what this machine offers (JDK, vectors, CPU, memory, GPU) and what to do about what is",
      "missing. Ends with 1 when something has to be mended before pictures can be made."
    })
final class DoctorCommand implements Callable<Integer> {
  @ParentCommand private @Nullable Main main;
  @Spec private @Nullable CommandSpec spec;

  @Override
  public Integer call() {
    if (main == null || spec == null) {
      throw new IllegalStateException("picocli did not inject the parent command");
    }
    String libraryPath = System.getenv("LD_LIBRARY_PATH");
    List<Finding> findings = new Checkup(libraryPath == null ? "" : libraryPath).findings();
    PrintWriter out = spec.commandLine().getOut();
    boolean sound = findings.stream().noneMatch(f -> f.state() == Finding.State.WRONG);
    if (main.json()) {
      Json.print(out, json(findings, sound));
    } else {
      for (Finding finding : findings) {
        out.printf("%-7s %-14s %s%n", finding.state().label(), finding.name(), finding.found());
        if (!finding.advice().isEmpty()) {
          out.printf("%-22s → %s%n", "", finding.advice());
        }
      }
    }
    out.flush();
    return sound ? Main.OK : Main.FAILED;
  }

  private static Map<String, Object> json(List<Finding> findings, boolean sound) {
    List<Object> list = new ArrayList<>();
    for (Finding finding : findings) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("name", finding.name());
      one.put("state", finding.state().label());
      one.put("found", finding.found());
      one.put("advice", finding.advice());
      list.add(one);
    }
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("viridian", VersionText.viridian());
    json.put("sound", sound);
    json.put("findings", list);
    return json;
  }
}
