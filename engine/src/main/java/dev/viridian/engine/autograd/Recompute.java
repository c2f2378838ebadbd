package dev.viridian.engine.autograd;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.memory.MemoryScope;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Gradient checkpointing: a block whose inner values are not kept but computed again in the
 * backward pass. The gradients are those of the plain block, bit for bit, as long as the block
 * computes the same when it is called twice.
 */
public final class Recompute {
  private Recompute() {}

  /**
   * Runs a block without keeping what is inside.
   *
   * @param block from inputs to outputs; it may use parameters that require gradients, and must
   *     make its outputs in the current scope
   */
  public static List<Tensor> of(Function<List<Tensor>, List<Tensor>> block, List<Tensor> inputs) {
    Tape tape = Tape.current();
    if (tape == null || tape.forgets()) {
      return block.apply(inputs);
    }
    List<Tensor> outputs = tape.forgetting(() -> block.apply(inputs));
    tape.record(new BlockNode(block, inputs, outputs, tape));
    outputs.forEach(tape::track);
    return outputs;
  }

  private static final class BlockNode implements Tape.Node {
    private final Function<List<Tensor>, List<Tensor>> block;
    private final List<Tensor> inputs;
    private final List<Tensor> kept = new ArrayList<>();
    private final List<Tensor> outputs;
    private final boolean[] wanted;

    BlockNode(
        Function<List<Tensor>, List<Tensor>> block,
        List<Tensor> inputs,
        List<Tensor> outputs,
        Tape tape) {
      this.block = block;
      this.inputs = List.copyOf(inputs);
      this.outputs = List.copyOf(outputs);
      this.wanted = new boolean[inputs.size()];
      try (MemoryScope scope = MemoryScope.open()) {
        for (int i = 0; i < inputs.size(); i++) {
          wanted[i] = tape.tracks(inputs.get(i));
          kept.add(scope.detach(inputs.get(i).alias()));
        }
      }
    }

    @Override
    public List<Tensor> outputs() {
      return outputs;
    }

    @Override
    @SuppressWarnings("try") // the scope closes what the block makes
    public void backward(List<@Nullable Tensor> outputGradients, Tape.Sink sink) {
      try (MemoryScope scope = MemoryScope.open();
          Tape inner = Tape.open()) {
        List<Tensor> again = new ArrayList<>();
        for (int i = 0; i < kept.size(); i++) {
          Tensor alias = kept.get(i).alias();
          again.add(wanted[i] ? alias.requireGradient(true) : alias);
        }
        List<Tensor> recomputed = block.apply(again);
        List<Tensor> reached = new ArrayList<>();
        List<Tensor> arriving = new ArrayList<>();
        for (int i = 0; i < recomputed.size(); i++) {
          Tensor gradient = outputGradients.get(i);
          if (gradient != null) {
            reached.add(recomputed.get(i));
            arriving.add(gradient);
          }
        }
        Gradients gradients = inner.gradients(reached, arriving);
        for (Tensor leaf : gradients.leaves()) {
          Tensor target = leaf;
          for (int i = 0; i < again.size(); i++) {
            if (again.get(i) == leaf) {
              target = inputs.get(i);
            }
          }
          Tensor gradient = gradients.get(leaf);
          if (gradient != null) {
            sink.add(target, gradient, true);
          }
        }
      }
    }

    @Override
    public void close() {
      kept.forEach(Tensor::close);
    }
  }
}
