package dev.viridian.bench.work;

import dev.viridian.bench.peer.InProcessPeer;
import dev.viridian.bench.peer.OpEngine;
import dev.viridian.bench.peer.OpRequest;
import dev.viridian.bench.shapes.OpCase;
import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** Opens peers within this JVM after a look at whether they do the same. */
public final class OpCheck {
  /** Of the largest value: sums in another order, another exponential. */
  private static final double TOLERANCE = 2e-5;

  private OpCheck() {}

  /**
   * Opens a peer and compares its answer with ours, on the same numbers.
   *
   * @param calls how many calls make a run
   * @throws IllegalStateException if they differ by more than rounding explains
   */
  public static InProcessPeer checked(
      OpEngine engine, OpCase op, Kernels kernels, boolean channelsLast, int threads, int calls) {
    OpRequest request = new OpRequest(op.request(), op.inputs(), op.output());
    try (Arena arena = Arena.ofShared()) {
      List<HostBuffer> in = op.values(arena);
      HostBuffer out =
          new HostBuffer(arena.allocate(OpCase.elements(op.output()) * Float.BYTES, 64));
      op.call(kernels, in, out).run();
      InProcessPeer peer =
          new InProcessPeer(
              engine,
              request,
              in.stream().map(OpCheck::floats).toList(),
              channelsLast,
              threads,
              calls);
      double error = peer.error(floats(out), op.output());
      if (!(error <= TOLERANCE)) {
        peer.close();
        throw new IllegalStateException(
            peer.name() + " differs in " + op.label() + " by " + error + " of the largest value");
      }
      return peer;
    }
  }

  private static float[] floats(HostBuffer buffer) {
    return buffer.segment().toArray(ValueLayout.JAVA_FLOAT);
  }
}
