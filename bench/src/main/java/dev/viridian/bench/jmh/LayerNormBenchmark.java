package dev.viridian.bench.jmh;

import dev.viridian.bench.shapes.LayerNormShape;
import dev.viridian.bench.shapes.OpCase;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** Layer normalisation. */
public class LayerNormBenchmark extends KernelBenchmark {
  /** The sizes. */
  @Param public LayerNormShape shape = LayerNormShape.values()[0];

  /** For JMH. */
  public LayerNormBenchmark() {}

  @Override
  protected OpCase shape() {
    return shape;
  }

  /** One call. */
  @Benchmark
  public void layerNorm() {
    call();
  }
}
