package dev.viridian.matting.train;

import dev.viridian.diffusion.weights.Component;
import dev.viridian.engine.Device;
import dev.viridian.engine.Shape;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.Module;
import dev.viridian.engine.nn.Parameter;
import dev.viridian.engine.random.TorchRandom;
import dev.viridian.kernels.DType;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Weights to begin with. Convolutions and linear layers as PyTorch's default: uniform within ±1 /
 * √(inputs of an output), their biases too; norms 1 and 0; embeddings normal with deviation 0.02.
 * In the UNet the last layer of each block, and the last of all, are zeros, as in the original code
 * of latent diffusion: every block begins as the identity.
 */
final class Initialisation {
  private static final double EMBEDDING_DEVIATION = 0.02;
  private static final List<String> LAST_OF_BLOCK = List.of("conv2.", "proj_out.");

  private Initialisation() {}

  /** Draws all weights of a network, in the order of its parameters. */
  static void draw(Component component, Module module, Device device, TorchRandom random) {
    Map<String, Parameter> all = module.parameters();
    all.forEach(
        (name, parameter) -> {
          float[] values = new float[Math.toIntExact(parameter.shape().elements())];
          fill(component, name, parameter, all, values, random);
          try (MemoryScope scope = MemoryScope.open()) {
            Tensor value = Tensor.empty(device, new TensorSpec(parameter.shape(), DType.F32));
            value.set(values);
            parameter.bind(scope.detach(value.named(name)));
          }
        });
  }

  private static void fill(
      Component component,
      String name,
      Parameter parameter,
      Map<String, Parameter> all,
      float[] values,
      TorchRandom random) {
    String stem = name.substring(0, name.lastIndexOf('.') + 1);
    Parameter weight = all.getOrDefault(stem + "weight", parameter);
    Shape shape = weight.fileShape();
    if (shape.rank() < 2) {
      Arrays.fill(values, name.endsWith("weight") ? 1 : 0); // a norm
    } else if (stem.endsWith("embedding.")) {
      random.normal(values, 0, EMBEDDING_DEVIATION);
    } else if (component == Component.UNET && isLast(stem)) {
      Arrays.fill(values, 0);
    } else {
      float bound = (float) (1 / Math.sqrt((double) shape.elements() / shape.dim(0)));
      random.uniform(values, -bound, bound);
    }
  }

  private static boolean isLast(String stem) {
    return stem.equals("conv_out.") || LAST_OF_BLOCK.stream().anyMatch(l -> stem.endsWith("." + l));
  }
}
