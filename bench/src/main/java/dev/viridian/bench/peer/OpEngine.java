package dev.viridian.bench.peer;

import java.util.List;
import java.util.ServiceLoader;

/**
 * An engine within this JVM that does single operations. Engines are looked for on the class path,
 * where the build's profile {@code peers} puts them; without it there is none.
 */
public interface OpEngine {
  /** As {@code --peer} names it. */
  String name();

  /** Name, version and, for maps of pictures, the layout. */
  String describe(OpRequest request, boolean channelsLast);

  /** Whether it can be told how maps of pictures lie in memory. */
  boolean choosesLayout();

  /**
   * Prepares an operation in F32.
   *
   * @param inputs values in the order of the request's shapes and in PyTorch's layout; of rank 4
   *     with {@code channelsLast}, as {@link OpRequest#shapes} has them
   */
  OpSession open(OpRequest request, List<float[]> inputs, boolean channelsLast, int threads);

  /** Those that there are. */
  static List<OpEngine> all() {
    return ServiceLoader.load(OpEngine.class).stream().map(ServiceLoader.Provider::get).toList();
  }
}
