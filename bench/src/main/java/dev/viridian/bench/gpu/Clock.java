package dev.viridian.bench.gpu;

import dev.viridian.engine.Device;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** Times work on a device, whose end is waited for. */
final class Clock {
  private static final double LONG_ENOUGH = 0.02;
  private static final int MOST_CALLS = 1000;

  private final Device device;
  private final int repeat;

  Clock(Device device, int repeat) {
    this.device = device;
    this.repeat = repeat;
  }

  private double seconds(Runnable work, int calls) {
    device.await();
    long start = System.nanoTime();
    for (int i = 0; i < calls; i++) {
      work.run();
    }
    device.await();
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
}
