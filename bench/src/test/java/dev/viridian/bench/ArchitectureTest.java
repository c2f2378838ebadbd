package dev.viridian.bench;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.type;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaCall;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.properties.HasName;
import com.tngtech.archunit.core.domain.properties.HasOwner;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * What may use what. The benchmarks' module sees all others, so the rules of the house are here.
 */
final class ArchitectureTest {
  private static final List<String> MODULES =
      List.of("kernels", "engine", "diffusion", "matting", "bench");

  private static final String COMMAND_LINE = "dev.viridian.matting.cli..";

  private static JavaClasses classes;

  @BeforeAll
  static void read() {
    classes =
        new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .withImportOption(location -> !location.contains("-tests.jar"))
            .importPackages("dev.viridian");
  }

  private static void check(ArchRule rule) {
    rule.check(classes);
  }

  @Test
  void everyModuleIsSeen() {
    for (String module : MODULES) {
      assertTrue(
          classes.stream().anyMatch(c -> c.getPackageName().startsWith("dev.viridian." + module)),
          module);
    }
  }

  @Test
  void everyClassLiesInAModule() {
    check(
        classes()
            .should()
            .resideInAnyPackage(
                MODULES.stream().map(m -> "dev.viridian." + m + "..").toArray(String[]::new)));
  }

  @Test
  void modulesUseThoseBeforeThemAlone() {
    var layers = layeredArchitecture().consideringOnlyDependenciesInLayers();
    for (String module : MODULES) {
      layers = layers.layer(module).definedBy("dev.viridian." + module + "..");
    }
    for (int i = 0; i < MODULES.size(); i++) {
      String module = MODULES.get(i);
      List<String> later = MODULES.subList(i + 1, MODULES.size());
      layers =
          later.isEmpty()
              ? layers.whereLayer(module).mayNotBeAccessedByAnyLayer()
              : layers.whereLayer(module).mayOnlyBeAccessedByLayers(later.toArray(String[]::new));
    }
    check(layers);
  }

  @Test
  void packagesFormNoCycles() {
    check(slices().matching("dev.viridian.(**)").should().beFreeOfCycles());
  }

  @Test
  void theVectorApiIsUsedByVectorKernelsAlone() {
    check(
        noClasses()
            .that()
            .resideOutsideOfPackage("dev.viridian.kernels.cpu.vector..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("jdk.incubator.."));
  }

  @Test
  void cudaIsCalledByItsKernelsAndMemoryAlone() {
    check(
        noClasses()
            .that()
            .resideOutsideOfPackages("dev.viridian.kernels.cuda..", "dev.viridian.kernels.memory..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("jcuda.."));
  }

  @Test
  void theEnvironmentIsReadByTheCommandLineAlone() {
    check(
        noClasses()
            .that()
            .resideOutsideOfPackage(COMMAND_LINE)
            .should()
            .callMethodWhere(calls(System.class, "getenv"))
            .because("flags, not the environment, control what is done"));
  }

  @Test
  void onlyMainsEndTheProcess() {
    check(
        noClasses()
            .that()
            .resideOutsideOfPackage(COMMAND_LINE)
            .and()
            .doNotHaveFullyQualifiedName("dev.viridian.bench.Main")
            .should()
            .callMethodWhere(
                calls(System.class, "exit")
                    .or(calls(Runtime.class, "exit"))
                    .or(calls(Runtime.class, "halt"))));
  }

  @Test
  void onlyPeersOfTheBenchmarksStartProcesses() {
    check(
        noClasses()
            .that()
            .resideOutsideOfPackage("dev.viridian.bench.peer..")
            .should()
            .dependOnClassesThat()
            .areAssignableTo(ProcessBuilder.class)
            .orShould()
            .callMethodWhere(calls(Runtime.class, "exec")));
  }

  private static DescribedPredicate<JavaCall<?>> calls(Class<?> owner, String method) {
    return JavaCall.Predicates.target(HasOwner.Predicates.With.<JavaClass>owner(type(owner)))
        .and(JavaCall.Predicates.target(HasName.Predicates.name(method)));
  }
}
