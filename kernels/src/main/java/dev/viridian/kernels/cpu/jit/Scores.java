package dev.viridian.kernels.cpu.jit;

/** How scores of attention are summed. */
enum Scores {
  /** Product by product. */
  PLAIN,
  /** As {@link PairSums}. */
  PAIRED,
  /** As bfloat16, two products at a time; weights are bfloat16 too. */
  ROUNDED
}
