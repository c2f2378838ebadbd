package dev.viridian.engine.autograd;

import dev.viridian.engine.Layout;

/** An operation of one input whose result shares its memory. */
public non-sealed interface ViewOp extends Op {
  /** Where the result's elements lie in the input's storage. */
  Layout view(Layout input);

  @Override
  default boolean keepsInput(int i) {
    return false;
  }
}
