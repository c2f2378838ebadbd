package dev.viridian.bench.work;

import dev.viridian.bench.shapes.OpCase;
import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.Precision;
import java.lang.foreign.Arena;

/** One kernel call on one shape, repeated until it takes a time that can be measured. */
public final class OpWork implements Work {
  private final String name;
  private final Arena arena = Arena.ofShared();
  private final Runnable call;
  private final int calls;

  /**
   * Makes the inputs.
   *
   * @param precision one that the op has and the kernels offer
   * @param calls how many calls make one run
   */
  public OpWork(OpCase op, Kernels kernels, Precision precision, int calls) {
    this.name = op.label();
    this.calls = calls;
    try {
      this.call = op.prepare(kernels, precision, arena);
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public void run() {
    for (int i = 0; i < calls; i++) {
      call.run();
    }
  }

  @Override
  public void close() {
    arena.close();
  }
}
