package dev.viridian.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.ops.Affine;
import dev.viridian.engine.ops.MatMul;
import dev.viridian.engine.ops.Resize;
import dev.viridian.engine.ops.Softmax;
import dev.viridian.kernels.ResampleKernels.Mode;
import dev.viridian.kernels.cuda.EmulatedDevice;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Steps that are replayed: the emulated CUDA device records, the CPU does not. */
class ReplayTest {
  private EmulatedDevice emulated;
  private Device device;
  private int steps;

  private void open() {
    emulated = EmulatedDevice.load();
    emulated.reset();
    device = Device.cuda(0);
  }

  @AfterEach
  void close() {
    if (device != null && device != Device.cpu()) {
      assertEquals(0, device.allocator().usage().used(), "bytes still in use");
      device.close();
      assertEquals("", emulated.report());
    }
  }

  /** Something with scratch memory, a product, and taps. */
  private Tensor step(List<Tensor> in) {
    steps++;
    Tensor larger = Resize.of(in.get(0), 6, 4, Mode.BILINEAR);
    Tensor product = MatMul.of(larger, in.get(1));
    return Affine.of(Softmax.of(product, -1), 2, -1);
  }

  private Tensor tensor(float first, long... sizes) {
    float[] values = new float[(int) Shape.of(sizes).elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] = first + (i * 7 % 11) / 11f;
    }
    return Tensors.of(device, values, sizes);
  }

  /** One run of the replay held against the step itself. */
  @SuppressWarnings("try") // the scope closes what is made
  private void check(Replay replay, int height, float first) {
    try (MemoryScope scope = MemoryScope.open()) {
      List<Tensor> in = List.of(tensor(first, 1, height, 2, 3), tensor(first / 2, 3, 5));
      float[] replayed = replay.run(in).toFloats();
      int before = steps;
      assertArrayEquals(step(in).toFloats(), replayed);
      steps = before;
    }
  }

  @Test
  void theSecondRunIsRecordedAndLaterOnesReplayed() {
    open();
    try (Replay replay = new Replay(device, this::step)) {
      for (int run = 0; run < 5; run++) {
        check(replay, 3, run);
        assertEquals(Math.min(run + 1, 2), steps);
        assertEquals(run > 0, replay.isRecorded());
      }
      long cached = device.allocator().usage().fresh();
      check(replay, 3, 9);
      assertEquals(cached, device.allocator().usage().fresh(), "blocks taken by a replay");
      check(replay, 2, 1); // another shape: done, recorded, replayed
      assertFalse(replay.isRecorded());
      assertEquals(3, steps);
      check(replay, 2, 2);
      check(replay, 2, 3);
      assertEquals(4, steps);
      check(replay, 3, 1);
      assertEquals(5, steps);
    }
  }

  @Test
  void aStepThatReadsNumbersBackIsDoneEachTime() {
    open();
    Consumer<Replay> run =
        replay -> {
          try (Tensor x = tensor(1, 2, 2);
              Tensor y = replay.run(List.of(x))) {
            assertEquals(2 * x.get(1, 1), y.get(1, 1));
          }
        };
    Replay.Step reads =
        in -> {
          steps++;
          try (Tensor half = Affine.of(in.getFirst(), 0.5f, 0)) {
            return Affine.of(half, half.get(0, 0) * 4, 0);
          }
        };
    Replay.Step doubles = in -> Affine.of(in.getFirst(), 2, 0);
    try (Replay replay = new Replay(device, reads);
        Replay other = new Replay(device, doubles)) {
      for (int i = 0; i < 4; i++) {
        try (Tensor x = tensor(1, 2, 2);
            Tensor y = replay.run(List.of(x))) {
          assertEquals(x.get(0, 0) * x.get(1, 1), y.get(1, 1), 1e-5f);
        }
        run.accept(other);
      }
      assertFalse(replay.isRecorded());
      assertTrue(other.isRecorded(), "the device goes on");
      assertEquals(5, steps, "one try to record it");
    }
  }

  @Test
  void theCpuDoesTheStepEachTime() {
    device = Device.cpu();
    try (Replay replay = new Replay(device, this::step)) {
      for (int run = 1; run <= 3; run++) {
        check(replay, 3, run);
        assertEquals(run, steps);
      }
      assertFalse(replay.isRecorded());
    }
  }
}
