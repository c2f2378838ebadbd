package dev.viridian.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * All that is public has a comment. The build's own doclint checks what the comments say; it cannot
 * be asked for their presence without asking also for a {@code @param} and {@code @return} that
 * repeat a sentence.
 */
final class DocumentationTest {
  @TempDir private Path classes;

  @TestFactory
  Stream<DynamicTest> modules() {
    return Stream.of("kernels", "engine", "diffusion", "matting", "bench")
        .map(module -> DynamicTest.dynamicTest(module, () -> check(module)));
  }

  private void check(String module) throws IOException {
    Path sources = Path.of(System.getProperty("viridian.project"), module, "src/main/java");
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    DiagnosticCollector<JavaFileObject> found = new DiagnosticCollector<>();
    try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null);
        Stream<Path> walk = Files.walk(sources)) {
      List<Path> all = walk.filter(p -> p.toString().endsWith(".java")).toList();
      boolean compiled =
          compiler
              .getTask(
                  null,
                  files,
                  found,
                  List.of(
                      "-proc:none",
                      "-d",
                      classes.toString(),
                      "-cp",
                      System.getProperty("java.class.path"),
                      "--add-modules",
                      "jdk.incubator.vector",
                      "-Xmaxwarns",
                      "100000",
                      "-Xdoclint:all/protected"),
                  null,
                  files.getJavaFileObjectsFromPaths(all))
              .call();
      assertTrue(compiled, () -> found.getDiagnostics().toString());
    }
    List<String> bare = new ArrayList<>();
    for (Diagnostic<? extends JavaFileObject> d : found.getDiagnostics()) {
      if (d.getMessage(null).contains("no comment")) {
        bare.add(d.getSource().getName() + ":" + d.getLineNumber());
      }
    }
    assertEquals(List.of(), bare, "public, without a comment");
  }
}
