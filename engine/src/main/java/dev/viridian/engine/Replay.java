package dev.viridian.engine;

import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.kernels.cuda.CudaFailure;
import dev.viridian.kernels.cuda.CudaGraph;
import dev.viridian.kernels.memory.DeviceMemoryException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/**
 * A step that is done many times with inputs of the same shapes, such as an evaluation of a
 * network. On a CUDA device the second run is recorded and later ones are replayed by one call, on
 * memory that is kept meanwhile; inputs of other shapes begin anew. On other devices, and where a
 * step cannot be recorded, each run is the step itself. The numbers are the same in any case.
 *
 * <p>A step launches the same work each time: it reads its inputs and tensors that stay where they
 * are (weights), reads no numbers back and uploads none after its first run. For one thread;
 * nothing else may use the device during the second run (see {@link Device#turn}).
 */
public final class Replay implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(Replay.class.getName());

  /** What is done. */
  @FunctionalInterface
  public interface Step {
    /** From inputs, which it does not keep, to a new tensor. */
    Tensor run(List<Tensor> inputs);
  }

  private final Device device;
  private final Step step;
  private boolean recordable;
  private boolean recording;
  private @Nullable List<TensorSpec> shapes;
  private @Nullable Recorded recorded;

  /** A graph and the memory at its ends. */
  private record Recorded(CudaGraph graph, List<Tensor> inputs, Tensor output) {
    void close() {
      graph.close();
      output.close();
      inputs.forEach(Tensor::close);
    }
  }

  /** A step that was not run yet. */
  public Replay(Device device, Step step) {
    this.device = device;
    this.step = step;
    recordable = device.records();
  }

  /**
   * Does the step.
   *
   * @return a new tensor, the current scope's or the caller's
   */
  public Tensor run(List<Tensor> inputs) {
    if (!recordable) {
      return step.run(inputs);
    }
    List<TensorSpec> now = inputs.stream().map(Tensor::spec).toList();
    if (!now.equals(shapes)) {
      close();
      shapes = now;
      return step.run(inputs); // loads modules, uploads what stays
    }
    Recorded graph = recorded == null ? record(inputs) : recorded;
    if (graph == null) {
      return step.run(inputs);
    }
    recorded = graph;
    for (int i = 0; i < inputs.size(); i++) {
      Tensors.copy(inputs.get(i), graph.inputs.get(i));
    }
    graph.graph.launch();
    Tensor result = Tensor.empty(device, graph.output.spec());
    Tensors.copy(graph.output, result);
    return result;
  }

  private @Nullable Recorded record(List<Tensor> inputs) {
    List<Tensor> own = new ArrayList<>();
    Tensor[] output = new Tensor[1];
    recording = true;
    try (MemoryScope scope = MemoryScope.open()) {
      for (Tensor input : inputs) {
        own.add(Tensor.empty(device, input.spec()));
      }
      CudaGraph graph = device.record(() -> output[0] = within(own));
      if (graph == null) {
        throw new IllegalStateException(device + " records nothing");
      }
      own.forEach(scope::detach);
      return new Recorded(graph, own, scope.detach(output[0]));
    } catch (CancellationException e) {
      throw e; // which is an IllegalStateException, and none of the device's
    } catch (CudaFailure | DeviceMemoryException | IllegalStateException e) {
      recordable = false;
      LOG.log(
          System.Logger.Level.WARNING,
          "a step is not replayed as a CUDA graph but done each time: {0}",
          e.getMessage());
      return null;
    } finally {
      recording = false;
    }
  }

  private Tensor within(List<Tensor> inputs) {
    try (MemoryScope scope = MemoryScope.open()) {
      return scope.keep(step.run(inputs));
    }
  }

  /** Whether the step that runs now is recorded: nothing is computed, there are no numbers yet. */
  public boolean isRecording() {
    return recording;
  }

  /** Whether the last run was replayed: for tests and reports. */
  public boolean isRecorded() {
    return recorded != null;
  }

  /** Gives back the memory that was kept; a later run begins anew. */
  @Override
  public void close() {
    shapes = null;
    if (recorded != null) {
      recorded.close();
      recorded = null;
    }
  }
}
