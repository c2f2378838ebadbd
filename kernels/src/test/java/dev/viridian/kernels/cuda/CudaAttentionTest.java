package dev.viridian.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.viridian.kernels.AttentionKernels;
import dev.viridian.kernels.AttentionKernels.Gradients;
import dev.viridian.kernels.AttentionKernels.Inputs;
import dev.viridian.kernels.AttentionKernels.Results;
import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.AttentionProblem.Strides;
import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.memory.CudaBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CudaAttentionTest extends CudaFamilyTest {
  /** What is allowed, of the largest result. */
  double forward() {
    return 2e-6;
  }

  double backward() {
    return 2e-5;
  }

  /** The kernels that are tested, in place of those of the device. */
  AttentionKernels attention(Kernels any) {
    return any.attention();
  }

  /** Queries, keys, values and gradients: standard normal. */
  Numbers factors(long count) {
    return normal(count);
  }

  /** Forward and backward, with and without the column. */
  final void attend(AttentionProblem p, Numbers mask) {
    attend(p, mask, true);
    attend(p, mask, false);
  }

  final void attend(AttentionProblem p, Numbers mask, boolean column) {
    long ofQueries = (long) p.batch() * p.queries() * p.heads() * p.headDim();
    long ofKeys = (long) p.batch() * p.keys() * p.heads() * p.headDim();
    long rows = (long) p.batch() * p.heads() * p.queries();
    long map = (long) p.batch() * p.queries();
    boolean masked = mask.count() > 0;
    Numbers q = factors(ofQueries);
    Numbers k = factors(ofKeys);
    Numbers v = factors(ofKeys);
    Numbers weights = uniform((long) p.batch() * p.keys(), 0, 1);
    String what = p + (masked ? " masked" : "") + (column ? " with a column" : "");
    agree(
        what + " forward",
        forward(),
        (kernels, b) ->
            attention(kernels)
                .forward(
                    p,
                    new Inputs(b[0], b[1], b[2], masked ? b[3] : null, column ? b[4] : null),
                    new Results(b[5], b[6], column ? b[7] : null)),
        q,
        k,
        v,
        mask,
        weights,
        unwritten(ofQueries),
        unwritten(rows),
        unwritten(map));
    agree(
        what + " backward",
        backward(),
        (kernels, b) -> {
          attention(kernels)
              .forward(
                  p,
                  new Inputs(b[0], b[1], b[2], masked ? b[3] : null, null),
                  new Results(b[5], b[6], null));
          attention(kernels)
              .backward(
                  p,
                  new Inputs(b[0], b[1], b[2], masked ? b[3] : null, column ? b[4] : null),
                  new Results(b[5], b[6], null),
                  new Gradients(b[7], column ? b[8] : null, b[9], b[10], b[11]));
        },
        q,
        k,
        v,
        mask,
        weights,
        unwritten(ofQueries),
        unwritten(rows),
        factors(ofQueries),
        normal(map),
        unwritten(ofQueries),
        unwritten(ofKeys),
        unwritten(ofKeys));
  }

  final Numbers none() {
    return floats(0, i -> 0);
  }

  @ParameterizedTest
  @EnumSource(EmulatedDevice.Order.class)
  void awkwardSizes(EmulatedDevice.Order order) {
    emulated.order(order, 3);
    attend(AttentionProblem.blhd(2, 3, 37, 41, 40), none());
    attend(AttentionProblem.blhd(1, 1, 1, 1, 1), none());
    attend(AttentionProblem.blhd(1, 2, 5, 77, 80), none());
  }

  @Test
  void deepHeads() {
    attend(AttentionProblem.blhd(1, 1, 33, 34, 160), none());
    attend(AttentionProblem.blhd(1, 1, 9, 40, 512), none());
    attend(AttentionProblem.blhd(1, 2, 3, 70, 193), none());
  }

  @Test
  void causalAndMasked() {
    int queries = 35;
    int keys = 35;
    Strides strides = Strides.bhld(queries, 2, 8);
    AttentionProblem causal =
        new AttentionProblem(
            2, 2, queries, keys, 8, 0.4f, true, strides, strides, strides, strides, Strides.NONE);
    attend(causal, none());
    AttentionProblem masked =
        new AttentionProblem(
            2,
            2,
            queries,
            keys,
            8,
            0.4f,
            false,
            strides,
            strides,
            strides,
            strides,
            new Strides((long) queries * keys, 0, keys));
    // row 3 of the first picture sees nothing
    Numbers mask =
        floats(
            2L * queries * keys,
            i ->
                i / keys == 3 || random.nextInt(5) == 0
                    ? Double.NEGATIVE_INFINITY
                    : random.nextGaussian());
    attend(masked, mask);
  }

  @Test
  void nothingToDo() {
    attend(AttentionProblem.blhd(0, 2, 3, 4, 5), none());
    attend(AttentionProblem.blhd(1, 2, 0, 4, 5), none());
  }

  @Test
  void headsThatAreTooDeepAreRefused() {
    AttentionProblem p = AttentionProblem.blhd(1, 1, 1, 1, 513);
    CudaBuffer b = allocator.allocate(4 * 513);
    assertThrows(
        IllegalArgumentException.class,
        () -> attention(kernels).forward(p, new Inputs(b, b, b), new Results(b)));
    allocator.release(b);
  }
}
