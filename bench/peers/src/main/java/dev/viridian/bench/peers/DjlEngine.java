package dev.viridian.bench.peers;

import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.translate.NoopTranslator;
import ai.djl.translate.TranslateException;
import dev.viridian.bench.peer.OpEngine;
import dev.viridian.bench.peer.OpRequest;
import dev.viridian.bench.peer.OpSession;
import dev.viridian.bench.peer.TorchScript;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.List;

/**
 * PyTorch's C++ library through DJL. Calls are repeated within TorchScript, so that what Java and
 * JNI cost is not counted.
 */
public final class DjlEngine implements OpEngine {
  /** For {@link java.util.ServiceLoader}. */
  public DjlEngine() {}

  @Override
  public String name() {
    return "djl";
  }

  private static Engine engine() {
    System.setProperty("ai.djl.offline", "true");
    System.setProperty("ai.djl.pytorch.graph_optimizer", "false"); // it would specialise by trying
    return Engine.getEngine("PyTorch");
  }

  @Override
  public String describe(OpRequest request, boolean channelsLast) {
    return "djl pytorch "
        + engine().getVersion()
        + (request.maps() ? (channelsLast ? " channels-last" : " contiguous") : "");
  }

  @Override
  public boolean choosesLayout() {
    return true;
  }

  @Override
  public OpSession open(
      OpRequest request, List<float[]> inputs, boolean channelsLast, int threads) {
    engine();
    JniUtils.setNumThreads(threads);
    try {
      return new Session(request, inputs, channelsLast);
    } catch (IOException | MalformedModelException e) {
      throw new IllegalStateException("DJL: " + e.getMessage(), e);
    }
  }

  private static final class Session implements OpSession {
    private final NDManager manager = NDManager.newBaseManager("PyTorch");
    private final Model model = Model.newInstance("op", "PyTorch");
    private final Predictor<NDList, NDList> predictor;
    private final NDList arguments = new NDList();
    private NDList last = new NDList();

    Session(OpRequest request, List<float[]> inputs, boolean channelsLast)
        throws IOException, MalformedModelException {
      model.load(new ByteArrayInputStream(TorchScript.of(request, channelsLast)));
      predictor = model.newPredictor(new NoopTranslator());
      for (int i = 0; i < inputs.size(); i++) {
        long[] shape = request.shapes().get(i);
        arguments.add(
            manager.create(
                inputs.get(i), new Shape(channelsLast ? shape : OpRequest.channelsFirst(shape))));
      }
    }

    @Override
    public void run(int calls) {
      last.close();
      try (NDArray count = manager.create((long) calls)) {
        NDList all = new NDList(arguments);
        all.add(count);
        last = predictor.predict(all);
      } catch (TranslateException e) {
        throw new IllegalStateException("DJL: " + e.getMessage(), e);
      }
    }

    @Override
    public float[] result() {
      // PyTorch's own order; what lies otherwise in memory is copied by flatten
      try (NDArray flat = last.singletonOrThrow().flatten()) {
        return flat.toFloatArray();
      }
    }

    @Override
    public void close() {
      last.close();
      predictor.close();
      model.close();
      manager.close();
    }
  }
}
