package dev.viridian.bench.jmh;

import dev.viridian.bench.shapes.ConvShape;
import dev.viridian.bench.shapes.OpCase;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** Convolutions. */
public class ConvBenchmark extends KernelBenchmark {
  /** The sizes. */
  @Param public ConvShape shape = ConvShape.values()[0];

  /** For JMH. */
  public ConvBenchmark() {}

  @Override
  protected OpCase shape() {
    return shape;
  }

  /** One call. */
  @Benchmark
  public void conv() {
    call();
  }
}
