package dev.viridian.bench.jmh;

import dev.viridian.bench.peer.InProcessPeer;
import dev.viridian.bench.peer.OpEngine;
import dev.viridian.bench.shapes.OpCase;
import dev.viridian.bench.work.OpCheck;
import dev.viridian.kernels.Precision;
import dev.viridian.kernels.cpu.CpuKernels;
import dev.viridian.kernels.cpu.CpuOptions;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Time of one kernel call, the kernels' own threads at work. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public abstract class KernelBenchmark {
  private static final String LAST = "-channels-last";

  /** How many threads the kernels use; 0 for all processors. */
  @Param("0")
  public int threads;

  /**
   * Which implementation, such as {@code reference}; {@code auto} takes the fastest that accepts.
   * Or a peer: {@code onnxruntime}, {@code djl}, {@code djl-channels-last}.
   */
  @Param("auto")
  public String implementation = "auto";

  private @Nullable Arena arena;
  private @Nullable CpuKernels kernels;
  private @Nullable InProcessPeer peer;
  private Runnable call = () -> {};

  /** For subclasses. */
  protected KernelBenchmark() {}

  /** What to call. */
  protected abstract OpCase shape();

  /** Starts the threads and makes the inputs. */
  @Setup
  public void open() {
    OpCase shape = shape();
    int count = threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
    boolean last = implementation.endsWith(LAST);
    String engine = last ? implementation.replace(LAST, "") : implementation;
    if (List.of("onnxruntime", "djl").contains(engine)) {
      peer(engine, shape, count, last);
      return;
    }
    Map<String, String> forced =
        implementation.equals("auto") ? Map.of() : Map.of(shape.family(), implementation);
    arena = Arena.ofShared();
    kernels = new CpuKernels(new CpuOptions(count, forced));
    call = shape.prepare(kernels, Precision.F32, arena);
  }

  private void peer(String engine, OpCase shape, int count, boolean last) {
    OpEngine found =
        OpEngine.all().stream()
            .filter(e -> e.name().equals(engine))
            .findFirst()
            .orElseThrow(
                () ->
                    new IllegalStateException(
                        engine + " is not there: 'mvn -Ppeers -DskipTests package' fetches it"));
    try (CpuKernels ours = new CpuKernels(new CpuOptions(count, Map.of()))) {
      peer = OpCheck.checked(found, shape, ours, last, count, 1);
    }
    call = peer::call;
  }

  /** Ends the threads and frees the inputs. */
  @TearDown
  public void close() {
    if (peer != null) {
      peer.close();
    }
    if (kernels != null) {
      kernels.close();
    }
    if (arena != null) {
      arena.close();
    }
  }

  /** The call that is timed. */
  protected final void call() {
    call.run();
  }
}
