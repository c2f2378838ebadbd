package dev.viridian.bench.peers;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.viridian.bench.peer.OnnxModel;
import dev.viridian.bench.peer.OpEngine;
import dev.viridian.bench.peer.OpRequest;
import dev.viridian.bench.peer.OpSession;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** ONNX Runtime on the CPU; inputs and output are memory that stays. */
public final class OnnxRuntimeEngine implements OpEngine {
  /** For {@link java.util.ServiceLoader}. */
  public OnnxRuntimeEngine() {}

  @Override
  public String name() {
    return "onnxruntime";
  }

  @Override
  public String describe(OpRequest request, boolean channelsLast) {
    return name() + " " + OrtEnvironment.getEnvironment().getVersion();
  }

  @Override
  public boolean choosesLayout() {
    return false;
  }

  @Override
  public OpSession open(
      OpRequest request, List<float[]> inputs, boolean channelsLast, int threads) {
    try {
      return new Session(request, inputs, threads);
    } catch (OrtException e) {
      throw failed(e);
    }
  }

  private static IllegalStateException failed(OrtException e) {
    return new IllegalStateException("ONNX Runtime: " + e.getMessage(), e);
  }

  private static final class Session implements OpSession {
    private final OrtSession session;
    private final Map<String, OnnxTensor> in = new HashMap<>();
    private final Map<String, OnnxTensor> out = new HashMap<>();
    private final FloatBuffer result;

    Session(OpRequest request, List<float[]> inputs, int threads) throws OrtException {
      OrtEnvironment environment = OrtEnvironment.getEnvironment();
      try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
        options.setIntraOpNumThreads(threads);
        options.setInterOpNumThreads(1);
        session = environment.createSession(OnnxModel.of(request, inputs), options);
      }
      for (int i = 0; i < request.arguments(); i++) {
        FloatBuffer values = direct(inputs.get(i).length).put(inputs.get(i)).rewind();
        long[] shape = OpRequest.channelsFirst(request.shapes().get(i));
        in.put("x" + i, OnnxTensor.createTensor(environment, values, shape));
      }
      long[] shape = OpRequest.channelsFirst(request.output());
      result = direct(Math.toIntExact(Arrays.stream(shape).reduce(1, Math::multiplyExact)));
      out.put("y", OnnxTensor.createTensor(environment, result, shape));
    }

    private static FloatBuffer direct(int count) {
      return ByteBuffer.allocateDirect(Math.multiplyExact(count, Float.BYTES))
          .order(ByteOrder.nativeOrder())
          .asFloatBuffer();
    }

    @Override
    public void run(int calls) {
      try {
        for (int i = 0; i < calls; i++) {
          session.run(in, Set.of(), out).close();
        }
      } catch (OrtException e) {
        throw failed(e);
      }
    }

    @Override
    public float[] result() {
      float[] values = new float[result.capacity()];
      result.get(0, values);
      return values;
    }

    @Override
    public void close() {
      in.values().forEach(OnnxTensor::close);
      out.values().forEach(OnnxTensor::close);
      try {
        session.close();
      } catch (OrtException e) {
        throw failed(e);
      }
    }
  }
}
