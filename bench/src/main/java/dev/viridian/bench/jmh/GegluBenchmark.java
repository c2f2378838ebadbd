package dev.viridian.bench.jmh;

import dev.viridian.bench.shapes.GegluShape;
import dev.viridian.bench.shapes.OpCase;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** The gate of the feed-forward. */
public class GegluBenchmark extends KernelBenchmark {
  /** The sizes. */
  @Param public GegluShape shape = GegluShape.values()[0];

  /** For JMH. */
  public GegluBenchmark() {}

  @Override
  protected OpCase shape() {
    return shape;
  }

  /** One call. */
  @Benchmark
  public void geglu() {
    call();
  }
}
