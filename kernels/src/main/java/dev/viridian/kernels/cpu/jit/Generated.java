package dev.viridian.kernels.cpu.jit;

import org.jspecify.annotations.Nullable;

/** What a generated function does: its key in the {@link CodeCache}. A record. */
interface Generated {
  /** Its machine code. */
  byte[] code();

  /** Runs it on a small case: null if it did what plain loops do, else what was wrong. */
  @Nullable String fault(Code page);
}
