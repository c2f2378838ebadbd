package dev.viridian.engine;

import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.cpu.RoundedKernels;
import dev.viridian.kernels.memory.CountingAllocator;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A device that computes nothing and counts memory: whatever runs on it tells what it would need.
 * Numbers read from its tensors mean nothing. For one thread.
 */
public final class DryRun implements AutoCloseable {
  private final CountingAllocator allocator = new CountingAllocator();
  private final Device device;

  /** A device on which nothing was done yet. */
  public DryRun() {
    this(false);
  }

  /**
   * The same.
   *
   * @param rounds whether it stands for a CPU that rounds factors, which takes memory
   */
  public DryRun(boolean rounds) {
    Kernels idle = idle();
    device =
        Device.of(
            "dry run",
            rounds ? new RoundedKernels(idle, allocator, (n, from, to) -> {}) : idle,
            allocator);
  }

  /** The device. */
  public Device device() {
    return device;
  }

  /** A tensor in memory that is there anyway, such as a mapped file's. */
  public Tensor borrowed(TensorSpec spec) {
    return Tensor.borrow(device, allocator.uncounted(spec.bytes()), spec);
  }

  /** The most bytes that were in use at once. */
  public long peak() {
    return allocator.usage().peak();
  }

  /** Kernels that do nothing. */
  private static Kernels idle() {
    Map<Method, Object> families = new HashMap<>();
    return (Kernels)
        Proxy.newProxyInstance(
            Kernels.class.getClassLoader(),
            new Class<?>[] {Kernels.class},
            (self, method, args) ->
                method.isDefault()
                    ? InvocationHandler.invokeDefault(self, method, args)
                    : method.getReturnType().isInterface()
                        ? families.computeIfAbsent(
                            method, m -> proxy(m.getReturnType(), f -> nothing(f.getReturnType())))
                        : null);
  }

  private interface Answer {
    @Nullable Object to(Method method);
  }

  private static Object proxy(Class<?> type, Answer answer) {
    return Proxy.newProxyInstance(
        type.getClassLoader(), new Class<?>[] {type}, (self, method, args) -> answer.to(method));
  }

  private static @Nullable Object nothing(Class<?> type) {
    if (type == double.class) {
      return 0.0;
    }
    if (type == boolean.class) {
      return false;
    }
    if (type == long.class) {
      return 0L;
    }
    return type == int.class ? (Object) 0 : null;
  }

  @Override
  public void close() {
    device.close();
  }
}
