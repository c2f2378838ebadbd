package dev.viridian.kernels.cpu.jit;

/** What generated code takes from the system beside the buffers it works on. */
public final class NativeMemory {
  private NativeMemory() {}

  /**
   * How often working memory was taken from the system, by all threads so far. It is kept, so that
   * a step after the first takes none.
   */
  public static long scratchTaken() {
    return NativeScratch.taken();
  }
}
