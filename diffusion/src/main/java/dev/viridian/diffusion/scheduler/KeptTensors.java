package dev.viridian.diffusion.scheduler;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.memory.MemoryScope;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;

/** The last few tensors that a multistep method remembers, kept alive beyond memory scopes. */
final class KeptTensors implements AutoCloseable {
  private final int most;
  private final Deque<Tensor> newestFirst = new ArrayDeque<>();

  /** Remembers up to so many; the oldest is let go. */
  KeptTensors(int most) {
    this.most = most;
  }

  void add(Tensor tensor) {
    Tensor own = tensor.alias();
    MemoryScope scope = MemoryScope.current();
    if (scope != null) {
      scope.detach(own);
    }
    newestFirst.addFirst(own);
    if (newestFirst.size() > most) {
      newestFirst.removeLast().close();
    }
  }

  int size() {
    return newestFirst.size();
  }

  /** The newest (0), the one before (1), and so on. */
  Combination get(int back) {
    Iterator<Tensor> it = newestFirst.iterator();
    for (int i = 0; i < back; i++) {
      it.next();
    }
    return Combination.of(it.next());
  }

  @Override
  public void close() {
    newestFirst.forEach(Tensor::close);
    newestFirst.clear();
  }
}
