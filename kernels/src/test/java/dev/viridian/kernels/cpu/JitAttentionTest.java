package dev.viridian.kernels.cpu;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.viridian.kernels.cpu.jit.CpuFeatures;
import dev.viridian.kernels.cpu.jit.CpuFeatures.Feature;
import org.junit.jupiter.api.BeforeAll;

final class JitAttentionTest extends AttentionCases {
  JitAttentionTest() {
    super("jit");
  }

  @BeforeAll
  static void onlyWhereCodeCanBeGenerated() {
    assumeTrue(CpuFeatures.here().has(Feature.AVX2, Feature.FMA, Feature.F16C), "no AVX2 here");
  }
}
