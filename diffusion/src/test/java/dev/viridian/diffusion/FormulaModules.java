package dev.viridian.diffusion;

import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.io.FormulaWeights;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.Module;
import dev.viridian.engine.nn.Parameter;
import dev.viridian.engine.ops.Contiguous;
import dev.viridian.engine.ops.Permute;
import java.lang.foreign.MemorySegment;
import java.util.Map;

/** Binds formula weights to a module, and compares maps with goldens in [n, c, h, w]. */
public final class FormulaModules {
  private FormulaModules() {}

  /** Fills every parameter with the formula of {@code prefix + name}. */
  public static <M extends Module> M fill(M module, String prefix, Device device) {
    for (Map.Entry<String, Parameter> e : module.parameters().entrySet()) {
      Parameter p = e.getValue();
      float[] values = new float[Math.toIntExact(p.fileShape().elements())];
      FormulaWeights.fill(
          e.getKey(), p.fileShape().sizes(), prefix, 1, MemorySegment.ofArray(values));
      try (MemoryScope scope = MemoryScope.open()) {
        Tensor t = Tensors.of(device, values, p.fileShape().sizes());
        if (p.form() == Parameter.Form.CONVOLUTION) {
          t = Contiguous.copyOf(Permute.of(t, 0, 2, 3, 1));
        }
        p.bind(scope.detach(t.named(e.getKey())));
      }
    }
    return module;
  }

  /** [n, c, h, w] numbers as a channels-last tensor. */
  public static Tensor channelsLast(Device device, float[] values, long... sizes) {
    return Contiguous.copyOf(Permute.of(Tensors.of(device, values, sizes), 0, 2, 3, 1));
  }

  /** A channels-last map's numbers in [n, c, h, w]; other ranks as they are. */
  public static float[] channelsFirst(Tensor t) {
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor turned = t.shape().rank() == 4 ? Permute.of(t, 0, 3, 1, 2) : t.alias();
      scope.keep(turned);
      float[] values = turned.toFloats();
      turned.close();
      return values;
    }
  }
}
