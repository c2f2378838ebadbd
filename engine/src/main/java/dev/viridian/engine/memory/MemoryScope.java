package dev.viridian.engine.memory;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Owns the tensors made while it is the innermost open scope of its thread, and closes them with
 * itself:
 *
 * <pre>{@code
 * try (MemoryScope scope = MemoryScope.open()) {
 *   Tensor h = Silu.of(x);
 *   return scope.keep(Add.of(h, x)); // handed to the scope outside, or to the caller
 * }
 * }</pre>
 *
 * <p>Scopes belong to the thread that opened them and close in the reverse order of opening.
 */
public final class MemoryScope implements AutoCloseable {
  private static final ThreadLocal<@Nullable MemoryScope> CURRENT = new ThreadLocal<>();

  private final @Nullable MemoryScope parent;
  private final Thread thread = Thread.currentThread();
  private final Set<Scoped> owned = Collections.newSetFromMap(new IdentityHashMap<>());
  private boolean closed;

  private MemoryScope(@Nullable MemoryScope parent) {
    this.parent = parent;
  }

  /** Opens a scope inside the current one. */
  public static MemoryScope open() {
    MemoryScope scope = new MemoryScope(CURRENT.get());
    CURRENT.set(scope);
    return scope;
  }

  /** The innermost open scope of this thread, if any. */
  public static @Nullable MemoryScope current() {
    return CURRENT.get();
  }

  /** Makes this scope the owner of a tensor. Called by whatever makes tensors. */
  public void own(Scoped tensor) {
    owned.add(tensor);
  }

  /**
   * Hands a tensor to the scope outside this one; without one, to the caller, who then closes it. A
   * tensor that this scope does not own stays with its owner.
   *
   * @param <T> a tensor
   */
  public <T extends Scoped> T keep(T tensor) {
    if (owned.remove(tensor) && parent != null) {
      parent.own(tensor);
    }
    return tensor;
  }

  /**
   * Hands a tensor to the caller, who then closes it, whatever scopes are open.
   *
   * @param <T> a tensor
   */
  public <T extends Scoped> T detach(T tensor) {
    owned.remove(tensor);
    return tensor;
  }

  /** Closes the tensors it owns. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    if (Thread.currentThread() != thread || CURRENT.get() != this) {
      throw new IllegalStateException(
          "memory scopes close on their own thread, in the reverse order of opening");
    }
    closed = true;
    if (parent == null) {
      CURRENT.remove();
    } else {
      CURRENT.set(parent);
    }
    List<Scoped> mine = new ArrayList<>(owned);
    owned.clear();
    for (Scoped tensor : mine) {
      tensor.close();
    }
  }
}
