package dev.viridian.kernels.cpu.jit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.kernels.cpu.threads.Workers;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;

final class PeakRateTest {
  @Test
  void knownWhereCodeIsGenerated() {
    try (Workers workers = new Workers(1)) {
      OptionalDouble rate = PeakRate.flops(workers);
      assertEquals(Kit.best() != null, rate.isPresent());
      assertTrue(rate.orElse(1) > 0, "operations a second: " + rate);
    }
  }
}
