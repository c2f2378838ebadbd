package dev.viridian.diffusion.pipeline;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.io.Text;
import dev.viridian.engine.io.WeightSource;
import dev.viridian.engine.nn.Module;
import dev.viridian.engine.nn.Parameter;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.PackedWeight;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.Optional;
import java.util.stream.LongStream;

/**
 * Finds the weight to blame when a result is not finite: only then is it worth reading them all.
 */
public final class NotFinite {
  private NotFinite() {}

  /**
   * The first parameter that holds an infinity or NaN, as a line that names the file and the key in
   * it; empty if all are finite.
   *
   * @param weights what the module was loaded from
   */
  public static Optional<String> find(Module module, WeightSource weights) {
    for (Map.Entry<String, Parameter> e : module.parameters().entrySet()) {
      if (!isFinite(e.getValue())) {
        String key = Text.quote(weights.keyOf(e.getKey()));
        return Optional.of(
            weights.describe()
                + ": the weight "
                + key
                + " holds an infinity or NaN, expected finite numbers; is the file damaged?");
      }
    }
    return Optional.empty();
  }

  private static boolean isFinite(Parameter parameter) {
    PackedWeight packing = parameter.packing();
    if (packing == null) {
      Tensor t = parameter.value();
      return isFinite(t, t.dtype(), LongStream.range(0, t.elements()));
    }
    Tensor packed = parameter.packed();
    return switch (packing.precision()) {
      case F32 -> isFinite(packed, DType.F32, values(packing));
      case BF16 -> isFinite(packed, DType.BF16, LongStream.range(0, packing.bytes() / 2));
      // What is not finite shows in the factor of its channel.
      case INT8 ->
          isFinite(
              packed, DType.F32, LongStream.range(packing.scalesAt() / 4, packing.sumsAt() / 4));
    };
  }

  /** Where the values of a weight packed as F32 are. The numbers behind them may be NaN. */
  private static LongStream values(PackedWeight w) {
    return LongStream.range(0, (long) w.out() * w.channels())
        .map(i -> w.at((int) (i / w.channels()), (int) (i % w.channels())) / Float.BYTES);
  }

  /** Whether some elements, taken as of a type, are finite. */
  private static boolean isFinite(Tensor t, DType type, LongStream elements) {
    try (Arena arena = Arena.ofConfined()) {
      long bytes = t.spec().bytes();
      MemorySegment host = arena.allocate(Math.max(1, bytes), 64);
      t.device().download(t.buffer("NotFinite"), host.asSlice(0, bytes));
      return elements.allMatch(
          i ->
              switch (type) {
                case F32 -> Float.isFinite(host.getAtIndex(ValueLayout.JAVA_FLOAT, i));
                case F16 -> (host.getAtIndex(ValueLayout.JAVA_SHORT, i) & 0x7c00) != 0x7c00;
                case BF16 -> (host.getAtIndex(ValueLayout.JAVA_SHORT, i) & 0x7f80) != 0x7f80;
                case I32, I64, U8 -> true;
              });
    }
  }
}
