package dev.viridian.engine.autograd;

import dev.viridian.engine.Device;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What an op's forward pass works with. */
public final class Forward {
  private final Op op;
  private final Device device;
  private final List<Tensor> inputs;
  private final List<Tensor> outputs;
  private final List<Tensor> saved;
  private final boolean recording;

  Forward(
      Op op,
      Device device,
      List<Tensor> inputs,
      List<Tensor> outputs,
      List<Tensor> saved,
      boolean recording) {
    this.recording = recording;
    this.op = op;
    this.device = device;
    this.inputs = inputs;
    this.outputs = outputs;
    this.saved = saved;
  }

  /** The kernels of the tensors' device. */
  public Kernels kernels() {
    return device.kernels();
  }

  /**
   * The kernels for activations of an input's type.
   *
   * @throws ShapeException if the device has none, or if a gradient is wanted, which is F32 alone
   */
  public Kernels kernels(int i) {
    DType type = inputs.get(i).dtype();
    if (type != DType.F32 && (recording || type != device.activations())) {
      throw new ShapeException(
          op.name()
              + ": expected F32"
              + (recording ? " where a gradient is wanted" : " on " + device)
              + ", got "
              + inputs.get(i).spec());
    }
    return device.kernels().of(type);
  }

  /** Whether a gradient is wanted: results are then the same whether they are kept or not. */
  public boolean recording() {
    return recording;
  }

  /** The tensors' device. */
  public Device device() {
    return device;
  }

  /** Number of inputs. */
  public int inputs() {
    return inputs.size();
  }

  /** Input {@code i}. */
  public Tensor in(int i) {
    return inputs.get(i);
  }

  /** Output {@code i}. */
  public Tensor out(int i) {
    return outputs.get(i);
  }

  /** Buffer of input {@code i}, from its first element on. */
  public Buffer input(int i) {
    return inputs.get(i).buffer(op.name());
  }

  /** Buffer of input {@code i}, or null where there are fewer inputs. */
  public @Nullable Buffer optionalInput(int i) {
    return i < inputs.size() ? input(i) : null;
  }

  /** Buffer of output {@code i}. */
  public Buffer output(int i) {
    return outputs.get(i).buffer(op.name());
  }

  /** Buffer of saved tensor {@code i}, or null when no backward pass follows. */
  public @Nullable Buffer saved(int i) {
    return saved.isEmpty() ? null : saved.get(i).buffer(op.name());
  }
}
