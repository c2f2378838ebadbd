package dev.viridian.engine.autograd;

import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.memory.MemoryScope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** An applied op on a tape, with what its backward pass needs. */
final class OpNode implements Tape.Node {
  /**
   * What applying an op gave.
   *
   * @param reads the inputs as the kernel read them; aliases of the node's own where they are kept
   * @param saved belongs to the node
   */
  record Result(List<Tensor> outputs, List<Tensor> reads, List<Tensor> saved) {}

  private final Op op;
  private final Device device;
  private final Tensor[] inputs;
  private final List<TensorSpec> specs;
  private final boolean[] wanted;
  private final List<Tensor> outputs;
  private final List<@Nullable Tensor> keptInputs = new ArrayList<>();
  private final List<@Nullable Tensor> keptOutputs = new ArrayList<>();
  private final List<Tensor> saved;

  OpNode(Op op, Tensor[] inputs, boolean[] wanted, Result result) {
    this.op = op;
    this.device = inputs[0].device();
    this.inputs = inputs.clone();
    this.specs = Arrays.stream(inputs).map(Tensor::spec).toList();
    this.wanted = wanted;
    this.outputs = result.outputs();
    this.saved = result.saved();
    for (int i = 0; i < inputs.length; i++) {
      keptInputs.add(op.keepsInput(i) ? result.reads().get(i) : null);
    }
    for (int i = 0; i < outputs.size(); i++) {
      keptOutputs.add(op.keepsOutput(i) ? unscopedAlias(outputs.get(i)) : null);
    }
  }

  private static Tensor unscopedAlias(Tensor tensor) {
    try (MemoryScope scope = MemoryScope.open()) {
      return scope.detach(tensor.alias());
    }
  }

  @Override
  public List<Tensor> outputs() {
    return outputs;
  }

  @Override
  public void backward(List<@Nullable Tensor> outputGradients, Tape.Sink sink) {
    try (MemoryScope scope = MemoryScope.open()) {
      Backward c =
          new Backward(op, device, specs, keptInputs, keptOutputs, saved, outputGradients, wanted);
      op.backward(c);
      for (int i = 0; i < inputs.length; i++) {
        Tensor gradient = c.take(i, scope);
        if (gradient != null) {
          sink.add(inputs[i], gradient, c.isFresh(i));
        }
      }
    }
  }

  @Override
  public void close() {
    for (Tensor t : keptInputs) {
      if (t != null) {
        t.close();
      }
    }
    for (Tensor t : keptOutputs) {
      if (t != null) {
        t.close();
      }
    }
    saved.forEach(Tensor::close);
  }
}
