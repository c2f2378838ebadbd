package dev.viridian.engine.memory;

/** What a {@link MemoryScope} can own: a tensor, of which this package knows no more. */
public interface Scoped extends AutoCloseable {
  /** Lets go of the memory. Closing twice does nothing. */
  @Override
  void close();
}
