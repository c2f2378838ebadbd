package dev.viridian.engine.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.engine.Device;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.kernels.ResampleKernels.Mode;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** What the goldens do not reach: shared memory, limits, and messages. */
class ShapeOpsTest {
  private final Device cpu = Device.cpu();
  private MemoryScope scope;

  @BeforeEach
  void open() {
    scope = MemoryScope.open();
  }

  @AfterEach
  void close() {
    scope.close();
  }

  private Tensor counting(long... sizes) {
    long n = 1;
    for (long size : sizes) {
      n *= size;
    }
    float[] values = new float[Math.toIntExact(n)];
    for (int i = 0; i < values.length; i++) {
      values[i] = i;
    }
    return Tensors.of(cpu, values, sizes);
  }

  @Test
  void slicesAndChunksShareMemory() {
    Tensor x = counting(2, 5);
    Tensor middle = Slice.of(x, -1, 1, 5, 2);
    Tensor last = Chunk.of(x, 3, 1).getLast();
    x.set(new float[] {9, 8, 7, 6, 5, 4, 3, 2, 1, 0});
    assertArrayEquals(new float[] {8, 6, 3, 1}, middle.toFloats());
    assertArrayEquals(new float[] {5, 0}, last.toFloats());
  }

  @Test
  void joinsIndicesToo() {
    Tensor a = Tensors.of(cpu, new long[] {1, 2}, 2);
    Tensor b = Tensors.of(cpu, new long[] {3}, 1);
    assertArrayEquals(new long[] {1, 2, 3}, Cat.of(0, a, b).toLongs());
  }

  @Test
  void flipsViews() {
    Tensor x = Permute.of(counting(2, 3), 1, 0);
    assertArrayEquals(new float[] {5, 2, 4, 1, 3, 0}, Flip.of(x, 0, 1).toFloats());
    assertEquals(0, Flip.of(counting(0, 3), 0).elements());
  }

  @Test
  void gathersFromALargerTensor() {
    Tensor x = counting(3, 4);
    Tensor index = Tensors.of(cpu, new long[] {3, 0}, 2, 1);
    assertArrayEquals(new float[] {3, 4}, Gather.of(x, 1, index).toFloats());
  }

  @Test
  void padsASinglePixelByItsEdge() {
    Tensor x = counting(1, 1, 2, 1);
    Tensor y = Pad.of(x, 1, 1, 2, 0, Pad.Mode.REPLICATE, 0);
    assertArrayEquals(new float[] {0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1}, y.toFloats());
    Tensor cut = Pad.of(x, 0, 0, 1, -1, Pad.Mode.CONSTANT, 7);
    assertArrayEquals(new float[] {7, 0}, cut.toFloats());
  }

  @Test
  void saysWhatDoesNotFit() {
    Tensor x = counting(1, 3, 4, 2);
    refused("Pad", () -> Pad.of(x, 3, 0, 0, 0, Pad.Mode.REFLECT, 0));
    refused("Pad", () -> Pad.of(x, 0, -4, 0, 0));
    refused("Cat", () -> Cat.of(1, x, counting(1, 3, 5, 2)));
    refused("Slice", () -> Slice.of(x, 1, 2, 4));
    refused("Gather", () -> Gather.of(x, 1, Tensors.of(cpu, new long[2], 1, 2)));
    refused("IndexSelect", () -> IndexSelect.of(x, 1, counting(2)));
    refused("Embedding", () -> Embedding.of(counting(3), Tensors.of(cpu, new long[1], 1)));
    refused("PixelShuffle", () -> PixelShuffle.of(x, 2));
    refused("PixelUnshuffle", () -> PixelUnshuffle.of(x, 2));
    refused("Unfold", () -> Unfold.of(x, Window.square(5, 1, 0)));
    refused("Fold", () -> Fold.of(counting(1, 2, 2, 1, 1, 3), 3, 3, Window.square(1, 1, 0)));
    refused("Resize", () -> Resize.of(x, 0, 3, Mode.AREA));
    refused("Resize", () -> Resize.byFactor(x, 0.1, Mode.NEAREST, false, false));
    refused("MaxPool2d", () -> MaxPool2d.of(x, 2, 1, 2));
    refused("AveragePool2d", () -> AveragePool2d.of(x, 4, 1));
    refused("Repeat", () -> Repeat.of(x, 2, 2));
    refused("Stack", () -> Stack.of(6, x, x));
    assertThrows(
        IndexOutOfBoundsException.class,
        () -> Embedding.of(counting(3, 2), Tensors.of(cpu, new long[] {3}, 1)));
  }

  private static void refused(String op, Executable work) {
    ShapeException e = assertThrows(ShapeException.class, work);
    assertTrue(e.getMessage().startsWith(op), e.getMessage());
  }
}
