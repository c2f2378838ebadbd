package dev.viridian.kernels;

/** An implementation that takes only some problems of its family. */
public interface Selective {
  /**
   * Whether this implementation takes a problem.
   *
   * @param operation name of the contract's method, such as {@code "backwardData"}
   * @param problem its problem record, or the contract's method's first numbers in a record
   */
  boolean accepts(String operation, Object problem);
}
