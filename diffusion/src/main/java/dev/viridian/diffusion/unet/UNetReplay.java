package dev.viridian.diffusion.unet;

import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.engine.Device;
import dev.viridian.engine.Replay;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.memory.MemoryScope;
import java.util.ArrayList;
import java.util.List;

/**
 * The evaluations of a run: one text, many times. On a CUDA device they are recorded at the second
 * step and replayed after; elsewhere each is {@link UNet#forward}. For one thread; to be closed
 * with the run, since it keeps the memory of a step.
 */
public final class UNetReplay implements AutoCloseable {
  private final UNet unet;
  private final UNet.Times times;
  private final UNet.Context context;
  private final Replay replay;
  private final boolean records;
  private LayerObserver observer = LayerObserver.NONE;

  /** The evaluations of one run; times and context must stay open. */
  public UNetReplay(UNet unet, Device device, UNet.Times times, UNet.Context context) {
    this.unet = unet;
    this.times = times;
    this.context = context;
    records = device.records();
    replay = new Replay(device, this::step);
  }

  private Tensor step(List<Tensor> in) {
    UNet.Times now = new UNet.Times(in.subList(1, in.size()), 1);
    LayerObserver told = replay.isRecording() ? LayerObserver.NONE : observer;
    return unet.forward(in.getFirst(), now, 0, context, told);
  }

  /**
   * Predicts the noise, as {@link UNet#forward}.
   *
   * @param observer told of layers where they are computed one by one: not in a step that is
   *     recorded or replayed
   */
  public Tensor forward(Tensor sample, int step, LayerObserver observer) {
    if (!records) {
      return unet.forward(sample, times, step, context, observer);
    }
    this.observer = observer;
    try (MemoryScope scope = MemoryScope.open()) {
      List<Tensor> inputs = new ArrayList<>();
      inputs.add(sample);
      inputs.addAll(times.at(step));
      return scope.keep(replay.run(inputs));
    }
  }

  /** Whether the last evaluation was replayed: for tests and reports. */
  public boolean isRecorded() {
    return replay.isRecorded();
  }

  /** Gives the memory of a step back. */
  @Override
  public void close() {
    replay.close();
  }
}
