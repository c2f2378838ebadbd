package dev.viridian.bench.work;

import dev.viridian.diffusion.layers.LayerObserver;
import dev.viridian.diffusion.text.ClipTextModel;
import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.nn.ModuleLoader;
import dev.viridian.kernels.DType;

/** Encoding texts of full length. */
public final class TextWork implements Work {
  private final ClipTextModel text;
  private final Tensor ids;
  private final String name;

  /** Loads the network. */
  public TextWork(ModelFiles model, Device device, DType dtype, int batch) {
    text = new ClipTextModel(model.configs().textEncoder());
    ModuleLoader.load(text, model.textEncoder(), device, dtype, ClipTextModel.PRECISIONS);
    int length = text.config().maxPositions();
    long[] values = new long[batch * length];
    for (int i = 0; i < values.length; i++) {
      values[i] = i % text.config().vocabSize();
    }
    ids = Tensors.of(device, values, batch, length);
    name = "text " + length + " tokens" + Noise.batch(batch);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public void run() {
    text.forward(ids, 0, LayerObserver.NONE).close();
  }

  @Override
  public void close() {
    ids.close();
    text.close();
  }
}
