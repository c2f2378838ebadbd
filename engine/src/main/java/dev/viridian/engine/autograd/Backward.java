package dev.viridian.engine.autograd;

import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What an op's backward pass works with. Gradients have their tensor's shape and are F32. */
public final class Backward {
  private final Op op;
  private final Device device;
  private final List<TensorSpec> inputSpecs;
  private final List<@Nullable Tensor> inputs;
  private final List<@Nullable Tensor> outputs;
  private final List<Tensor> saved;
  private final List<@Nullable Tensor> outputGradients;
  private final boolean[] wanted;
  private final @Nullable Tensor[] given;
  private final boolean[] fresh;

  Backward(
      Op op,
      Device device,
      List<TensorSpec> inputSpecs,
      List<@Nullable Tensor> inputs,
      List<@Nullable Tensor> outputs,
      List<Tensor> saved,
      List<@Nullable Tensor> outputGradients,
      boolean[] wanted) {
    this.op = op;
    this.device = device;
    this.inputSpecs = inputSpecs;
    this.inputs = inputs;
    this.outputs = outputs;
    this.saved = saved;
    this.outputGradients = outputGradients;
    this.wanted = wanted;
    this.given = new Tensor[wanted.length];
    this.fresh = new boolean[wanted.length];
  }

  /** The kernels of the tensors' device. */
  public Kernels kernels() {
    return device.kernels();
  }

  /** The tensors' device. */
  public Device device() {
    return device;
  }

  /** Number of inputs. */
  public int inputs() {
    return inputSpecs.size();
  }

  /** Shape and type of input {@code i}, kept or not. */
  public TensorSpec inSpec(int i) {
    return inputSpecs.get(i);
  }

  /** Input {@code i} as the forward pass saw it; the op must {@link Op#keepsInput keep} it. */
  public Tensor in(int i) {
    Tensor t = inputs.get(i);
    if (t == null) {
      throw new IllegalStateException(op.name() + " did not keep input " + i);
    }
    return t;
  }

  /** Output {@code i}; the op must {@link Op#keepsOutput keep} it. */
  public Tensor out(int i) {
    Tensor t = outputs.get(i);
    if (t == null) {
      throw new IllegalStateException(op.name() + " did not keep output " + i);
    }
    return t;
  }

  /** Buffer of {@link #in}. */
  public Buffer input(int i) {
    return in(i).buffer(op.name());
  }

  /** Buffer of input {@code i}, or null where there are fewer inputs. */
  public @Nullable Buffer optionalInput(int i) {
    return i < inputs.size() ? input(i) : null;
  }

  /** Buffer of {@link #out}. */
  public Buffer output(int i) {
    return out(i).buffer(op.name());
  }

  /** Buffer of saved tensor {@code i}. */
  public Buffer saved(int i) {
    return saved.get(i).buffer(op.name());
  }

  /** Whether a gradient arrived at output {@code i}: of several outputs only some may matter. */
  public boolean arrived(int i) {
    return outputGradients.get(i) != null;
  }

  /** The gradient that arrived at output {@code i}, contiguous. */
  public Tensor gradOut(int i) {
    Tensor t = outputGradients.get(i);
    if (t == null) {
      throw new IllegalStateException(op.name() + ": no gradient arrived at output " + i);
    }
    return t;
  }

  /** Buffer of {@link #gradOut}. */
  public Buffer gradOutput(int i) {
    return gradOut(i).buffer(op.name());
  }

  /** Whether the gradient of input {@code i} is wanted; false where there are fewer inputs. */
  public boolean wants(int i) {
    return i < wanted.length && wanted[i];
  }

  /** A buffer that the op fills with the gradient of input {@code i}; null if it is not wanted. */
  public @Nullable Buffer gradient(int i) {
    if (!wants(i)) {
      return null;
    }
    Tensor t = Tensor.empty(device, TensorSpec.f32(inputSpecs.get(i).shape()));
    given[i] = t;
    fresh[i] = true;
    return t.buffer(op.name());
  }

  /** Hands over the gradient of input {@code i}: any tensor of its shape, a view too. */
  public void give(int i, Tensor gradient) {
    if (!wants(i)) {
      return;
    }
    if (!gradient.shape().equals(inputSpecs.get(i).shape()) || gradient.dtype() != DType.F32) {
      throw new IllegalStateException(
          op.name() + ": gradient " + gradient.spec() + " for input " + inputSpecs.get(i));
    }
    given[i] = gradient;
    fresh[i] = false;
  }

  /**
   * The gradient given for input {@code i}, handed to the caller: contiguous, and in memory that
   * nothing else uses when {@link #isFresh}.
   */
  @Nullable Tensor take(int i, MemoryScope scope) {
    Tensor t = given[i];
    if (t == null) {
      return null;
    }
    if (fresh[i]) {
      return scope.detach(t);
    }
    return scope.detach(Tape.contiguous(t).alias());
  }

  boolean isFresh(int i) {
    return fresh[i];
  }
}
