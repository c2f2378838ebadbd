package dev.viridian.bench.jmh;

import dev.viridian.bench.shapes.GroupNormShape;
import dev.viridian.bench.shapes.OpCase;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** Group normalisation with SiLU. */
public class GroupNormBenchmark extends KernelBenchmark {
  /** The sizes. */
  @Param public GroupNormShape shape = GroupNormShape.values()[0];

  /** For JMH. */
  public GroupNormBenchmark() {}

  @Override
  protected OpCase shape() {
    return shape;
  }

  /** One call. */
  @Benchmark
  public void groupNormSilu() {
    call();
  }
}
