package dev.viridian.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

final class VectorAttentionTest extends AttentionCases {
  VectorAttentionTest() {
    super("vector");
  }

  /** A single key is left to the plain loops: see VectorAttention.accepts. */
  @Test
  void backwardIsInUse() {
    check(new AttentionCase(new Random(1), 1, 1, 3, 2, 4, false));
    assertTrue(uses("backward"));
  }
}
