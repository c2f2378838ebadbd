package dev.viridian.diffusion.weights;

import dev.viridian.engine.InputException;
import dev.viridian.engine.io.FileType;
import dev.viridian.engine.io.HalfPrecision;
import dev.viridian.engine.io.SafetensorsWriter;
import dev.viridian.engine.io.TensorInfo;
import dev.viridian.engine.io.Text;
import dev.viridian.engine.io.WeightSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Copies tensors from a source to a writer piece by piece, converting their type on the way. */
final class TensorCopy {
  /** Elements in memory at once. */
  private static final int PIECE = 1 << 18;

  private TensorCopy() {}

  /**
   * Announces a tensor to the writer.
   *
   * @param source where it is
   * @param name its name there
   * @param written its name in the new file
   * @param shape its shape in the new file, of as many elements
   * @param type the type that floating-point numbers get; null to keep theirs
   */
  static void add(
      SafetensorsWriter writer,
      WeightSource source,
      String name,
      String written,
      List<Long> shape,
      @Nullable FileType type) {
    TensorInfo info = source.info(name);
    FileType wanted = type == null || !RenamedWeights.isReal(info.type()) ? info.type() : type;
    writer.add(
        new TensorInfo(written, wanted, shape), out -> copy(source, name, info, wanted, out));
  }

  /** Bytes that a tensor will take. */
  static long bytes(TensorInfo info, @Nullable FileType type) {
    boolean changed = type != null && RenamedWeights.isReal(info.type());
    return info.elements() * (changed ? type : info.type()).bytes();
  }

  private static void copy(
      WeightSource source,
      String name,
      TensorInfo info,
      FileType wanted,
      Consumer<MemorySegment> out) {
    long elements = info.elements();
    try (Arena arena = Arena.ofConfined()) {
      int piece = (int) Math.min(PIECE, Math.max(1, elements));
      MemorySegment from = arena.allocate((long) piece * info.type().bytes(), 64);
      MemorySegment to = arena.allocate((long) piece * wanted.bytes(), 64);
      for (long done = 0; done < elements; done += piece) {
        int now = (int) Math.min(piece, elements - done);
        MemorySegment read = from.asSlice(0, (long) now * info.type().bytes());
        source.read(name, done * info.type().bytes(), read);
        if (wanted == info.type()) {
          out.accept(read);
          continue;
        }
        float[] values = new float[now];
        HalfPrecision.toFloats(info.type(), read, values);
        if (wanted == FileType.F16) {
          refuseOverflow(source, name, values);
        }
        MemorySegment converted = to.asSlice(0, (long) now * wanted.bytes());
        HalfPrecision.fromFloats(values, wanted, converted);
        out.accept(converted);
      }
    }
  }

  /** A weight that becomes infinite makes pictures black and no error: better to stop here. */
  private static void refuseOverflow(WeightSource source, String name, float[] values) {
    for (float value : values) {
      if (Float.isFinite(value) && Math.abs(value) >= 65520f) {
        throw new InputException(
            source.describe()
                + ": tensor "
                + Text.quote(source.keyOf(name))
                + " has the value "
                + value
                + ", beyond the 65504 of f16; use --dtype bf16 or f32");
      }
    }
  }
}
