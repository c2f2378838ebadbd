package dev.viridian.bench.jmh;

import dev.viridian.bench.shapes.GemmShape;
import dev.viridian.bench.shapes.OpCase;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** Linear layers. */
public class GemmBenchmark extends KernelBenchmark {
  /** The sizes. */
  @Param public GemmShape shape = GemmShape.values()[0];

  /** For JMH. */
  public GemmBenchmark() {}

  @Override
  protected OpCase shape() {
    return shape;
  }

  /** One call. */
  @Benchmark
  public void gemm() {
    call();
  }
}
