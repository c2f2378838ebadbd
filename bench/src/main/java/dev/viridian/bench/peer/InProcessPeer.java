package dev.viridian.bench.peer;

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;

/** A peer within this JVM. */
public final class InProcessPeer implements Peer {
  /** Threads of engines spin for a while after their work; they are not to disturb who is next. */
  private static final long SETTLE_MILLIS = 25;

  private final String name;
  private final OpSession session;
  private final int calls;

  /**
   * Prepares an operation.
   *
   * @param inputs values in the order of the request's shapes, channels last
   * @param calls how many calls make a run
   */
  public InProcessPeer(
      OpEngine engine,
      OpRequest request,
      List<float[]> inputs,
      boolean channelsLast,
      int threads,
      int calls) {
    List<float[]> given = new ArrayList<>();
    for (int i = 0; i < inputs.size(); i++) {
      given.add(
          channelsLast
              ? inputs.get(i)
              : OpRequest.channelsFirst(inputs.get(i), request.shapes().get(i)));
    }
    this.calls = calls;
    session = engine.open(request, given, channelsLast, threads);
    name = engine.describe(request, channelsLast);
  }

  /**
   * Runs it once and says how far its answer is from another, as a share of the largest value.
   *
   * @param expected channels last
   * @param shape of it
   */
  public double error(float[] expected, long[] shape) {
    session.run(1);
    float[] theirs = session.result();
    float[] ours = OpRequest.channelsFirst(expected, shape);
    if (theirs.length != ours.length) {
      throw new IllegalStateException(
          name + " gave " + theirs.length + " numbers, expected " + ours.length);
    }
    double largest = 0;
    double worst = 0;
    for (int i = 0; i < ours.length; i++) {
      largest = Math.max(largest, Math.abs(ours[i]));
      worst = Math.max(worst, Math.abs((double) theirs[i] - ours[i]));
      if (Float.isNaN(theirs[i])) {
        return Double.POSITIVE_INFINITY;
      }
    }
    return worst / largest;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public Run run() {
    double cpu = cpuSeconds();
    long start = System.nanoTime();
    session.run(calls);
    double seconds = (System.nanoTime() - start) / 1e9;
    Run run = new Run(seconds, cpuSeconds() - cpu);
    try {
      Thread.sleep(SETTLE_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return run;
  }

  /** Does it as often as one run does, and nothing else. */
  public void call() {
    session.run(calls);
  }

  private static double cpuSeconds() {
    return ManagementFactory.getOperatingSystemMXBean()
            instanceof com.sun.management.OperatingSystemMXBean os
        ? os.getProcessCpuTime() / 1e9
        : -1;
  }

  /** Not known of a part of this process. */
  @Override
  public long peakRssBytes() {
    return 0;
  }

  @Override
  public void close() {
    session.close();
  }
}
