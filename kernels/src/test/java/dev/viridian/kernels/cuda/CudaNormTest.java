package dev.viridian.kernels.cuda;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.NormKernels.Backward;
import dev.viridian.kernels.NormKernels.BatchNorm;
import dev.viridian.kernels.NormKernels.Forward;
import dev.viridian.kernels.NormKernels.GroupNorm;
import dev.viridian.kernels.NormKernels.LayerNorm;
import dev.viridian.kernels.NormKernels.Running;
import dev.viridian.kernels.memory.Buffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CudaNormTest extends CudaFamilyTest {
  private static final double FORWARD = 1e-5;
  private static final double BACKWARD = 2e-5;

  /** Of two values that are nearly alike a mean of binary32 leaves that much. */
  private static final double FEW = 2e-4;

  /** Far from zero, so that a variance that is not about the mean would show. */
  private Numbers shifted(long count) {
    return floats(count, i -> 8 + random.nextGaussian());
  }

  private void group(GroupNorm p) {
    long total = (long) p.n() * p.spatial() * p.channels();
    long patches = (long) p.n() * p.groups();
    Numbers x = shifted(total);
    Numbers gamma = normal(p.parameters(), p.channels());
    Numbers beta = normal(p.parameters(), p.channels());
    boolean few = p.spatial() * (p.channels() / p.groups()) < 10;
    agree(
        p + " forward",
        few ? FEW : FORWARD,
        (k, b) -> k.norm().groupNorm(p, new Forward(b[0], b[1], b[2], b[3], b[4], b[5])),
        x,
        gamma,
        beta,
        unwritten(total),
        unwritten(patches),
        unwritten(patches));
    agree(
        p + " without parameters and statistics",
        few ? FEW : FORWARD,
        (k, b) -> k.norm().groupNorm(p, new Forward(b[0], null, null, b[1])),
        x,
        unwritten(total));
    agree(
        p + " backward",
        few ? FEW : BACKWARD,
        (k, b) -> {
          k.norm().groupNorm(p, new Forward(b[0], b[1], b[2], b[4], b[5], b[6]));
          k.norm()
              .groupNormBackward(
                  p, new Backward(b[0], b[1], b[2], b[5], b[6], b[3], b[4], b[7], b[8]));
        },
        x,
        gamma,
        beta,
        normal(total),
        unwritten(total),
        unwritten(patches),
        unwritten(patches),
        unwritten(p.channels()),
        unwritten(p.channels()));
  }

  @ParameterizedTest
  @EnumSource(EmulatedDevice.Order.class)
  void groups(EmulatedDevice.Order order) {
    emulated.order(order, 3);
    group(new GroupNorm(2, 35, 24, 4, 1e-5f, DType.F32, Activation.SILU));
    group(new GroupNorm(1, 1, 6, 3, 1e-6f, DType.BF16, Activation.NONE));
    group(new GroupNorm(3, 7, 10, 5, 1e-6f, DType.F16, Activation.SILU));
  }

  /** Blocks of whole rows: more vectors than threads, vectors in two patches, few rows. */
  @ParameterizedTest
  @EnumSource(EmulatedDevice.Order.class)
  void wholeRows(EmulatedDevice.Order order) {
    emulated.order(order, 5);
    for (int aligned = 0; aligned < 4; aligned++) { // where buffers begin is drawn
      group(new GroupNorm(1, 21, 1280, 32, 1e-5f, DType.F16, Activation.SILU));
      group(new GroupNorm(2, 50, 60, 10, 1e-5f, DType.F32, Activation.NONE));
    }
  }

  @Test
  void manySlicesAndNoPictures() {
    group(new GroupNorm(1, 3000, 16, 2, 1e-6f, DType.F32, Activation.SILU));
    group(new GroupNorm(0, 4, 6, 3, 1e-6f, DType.F32, Activation.NONE));
  }

  private void layer(LayerNorm p) {
    long total = p.rows() * p.cols();
    Numbers x = shifted(total);
    Numbers gamma = normal(p.parameters(), p.cols());
    agree(
        p + " forward",
        FORWARD,
        (k, b) -> k.norm().layerNorm(p, new Forward(b[0], b[1], b[2], b[3], b[4], b[5])),
        x,
        gamma,
        normal(p.parameters(), p.cols()),
        unwritten(total),
        unwritten(p.rows()),
        unwritten(p.rows()));
    agree(
        p + " backward",
        BACKWARD,
        (k, b) -> {
          Buffer[] n = b;
          k.norm().layerNorm(p, new Forward(n[0], n[1], null, n[3], n[4], n[5]));
          k.norm()
              .layerNormBackward(
                  p, new Backward(n[0], n[1], null, n[4], n[5], n[2], n[3], n[6], n[7]));
        },
        x,
        gamma,
        normal(total),
        unwritten(total),
        unwritten(p.rows()),
        unwritten(p.rows()),
        unwritten(p.cols()),
        unwritten(p.cols()));
  }

  @ParameterizedTest
  @EnumSource(EmulatedDevice.Order.class)
  void layers(EmulatedDevice.Order order) {
    emulated.order(order, 3);
    layer(new LayerNorm(5, 33, 1e-5f, DType.F32));
    layer(new LayerNorm(77, 768, 1e-5f, DType.F16));
    layer(new LayerNorm(200, 1, 1e-5f, DType.BF16));
    layer(new LayerNorm(0, 8, 1e-5f, DType.F32));
  }

  @ParameterizedTest
  @EnumSource(EmulatedDevice.Order.class)
  void batches(EmulatedDevice.Order order) {
    emulated.order(order, 3);
    for (BatchNorm p :
        new BatchNorm[] {
          new BatchNorm(2, 3, 1e-5f, 0.1f), new BatchNorm(300, 5, 1e-3f, 0.5f),
        }) {
      long total = p.rows() * p.channels();
      int c = p.channels();
      agree(
          p + " training",
          p.rows() < 10 ? FEW : BACKWARD,
          (k, b) -> {
            k.norm()
                .batchNormTraining(
                    p, new Forward(b[0], b[1], b[2], b[5], b[6], b[7]), new Running(b[3], b[4]));
            k.norm()
                .batchNormBackward(
                    p, true, new Backward(b[0], b[1], null, b[6], b[7], b[8], b[9], b[10], b[11]));
          },
          shifted(total),
          normal(c),
          normal(c),
          normal(c),
          uniform(c, 0.5, 2),
          unwritten(total),
          unwritten(c),
          unwritten(c),
          normal(total),
          unwritten(total),
          unwritten(c),
          unwritten(c));
      agree(
          p + " inference",
          BACKWARD,
          (k, b) -> {
            k.norm()
                .batchNormInference(
                    p, new Forward(b[0], b[1], b[2], b[5]), new Running(b[3], b[4]));
            k.norm()
                .batchNormBackward(
                    p, false, new Backward(b[0], b[1], null, b[3], b[4], b[6], b[7], b[8], null));
          },
          normal(total),
          normal(c),
          normal(c),
          normal(c),
          uniform(c, 0.5, 2),
          unwritten(total),
          normal(total),
          unwritten(total),
          unwritten(c));
    }
  }
}
