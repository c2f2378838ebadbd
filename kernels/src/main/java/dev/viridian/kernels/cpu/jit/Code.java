package dev.viridian.kernels.cpu.jit;

/** A function {@code void f(void* arguments)} of machine code. */
interface Code {
  /**
   * Runs the code. It checks nothing: whatever the arguments point to and say must be right.
   *
   * @param arguments address of its arguments, which must stay alive meanwhile
   */
  void call(long arguments);
}
