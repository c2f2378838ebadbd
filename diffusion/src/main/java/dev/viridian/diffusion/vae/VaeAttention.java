package dev.viridian.diffusion.vae;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.nn.GroupNorm;
import dev.viridian.engine.nn.Linear;
import dev.viridian.engine.nn.Module;
import dev.viridian.engine.ops.Attention;
import dev.viridian.engine.ops.Reshape;

/** Self-attention of a map's pixels with a single head, plus the map. q, k, v have a bias. */
final class VaeAttention extends Module {
  private final GroupNorm norm;
  private final Linear toQ;
  private final Linear toK;
  private final Linear toV;
  private final Linear toOut;

  VaeAttention(int channels, int groups, float eps) {
    norm = child("group_norm", new GroupNorm(groups, channels, eps));
    toQ = child("to_q", new Linear(channels, channels, true));
    toK = child("to_k", new Linear(channels, channels, true));
    toV = child("to_v", new Linear(channels, channels, true));
    toOut = child("to_out.0", new Linear(channels, channels, true));
  }

  Tensor forward(Tensor x) {
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor n = norm.forward(x);
      Tensor t = Reshape.of(n, n.size(0), (long) n.size(1) * n.size(2), n.size(3));
      Tensor a = Attention.of(toQ.forward(t), toK.forward(t), toV.forward(t), 1);
      Tensor out = toOut.forwardOnto(a, Reshape.of(x, t.shape().sizes()));
      return scope.keep(Reshape.of(out, x.shape().sizes()));
    }
  }
}
