package dev.viridian.bench.gpu;

import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** Times work on a device: what was begun is waited for by reading one number back. */
final class Clock implements AutoCloseable {
  private static final double LONG_ENOUGH = 0.02;
  private static final int MOST_CALLS = 1000;

  private final Tensor number;
  private final int repeat;

  Clock(Device device, int repeat) {
    this.number = Tensors.scalar(device, 0);
    this.repeat = repeat;
  }

  /** Waits until all is done. */
  void await() {
    number.item();
  }

  private double seconds(Runnable work, int calls) {
    await();
    long start = System.nanoTime();
    for (int i = 0; i < calls; i++) {
      work.run();
    }
    await();
    return (System.nanoTime() - start) / 1e9 / calls;
  }

  /** Least, median and most seconds of a call, after three that do not count. */
  Map<String, Object> time(Runnable work) {
    double last = 0;
    for (int i = 0; i < 3; i++) {
      last = seconds(work, 1);
    }
    int calls = (int) Math.clamp(Math.ceil(LONG_ENOUGH / Math.max(last, 1e-9)), 1, MOST_CALLS);
    double[] runs = new double[repeat];
    for (int i = 0; i < repeat; i++) {
      runs[i] = seconds(work, calls);
    }
    Arrays.sort(runs);
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("min", runs[0]);
    result.put("median", runs[repeat / 2]);
    result.put("max", runs[repeat - 1]);
    return result;
  }

  @Override
  public void close() {
    number.close();
  }
}
