package dev.viridian.bench.jmh;

import dev.viridian.bench.shapes.AttentionShape;
import dev.viridian.bench.shapes.OpCase;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** Attention. */
public class AttentionBenchmark extends KernelBenchmark {
  /** The sizes. */
  @Param public AttentionShape shape = AttentionShape.values()[0];

  /** For JMH. */
  public AttentionBenchmark() {}

  @Override
  protected OpCase shape() {
    return shape;
  }

  /** One call. */
  @Benchmark
  public void attention() {
    call();
  }
}
