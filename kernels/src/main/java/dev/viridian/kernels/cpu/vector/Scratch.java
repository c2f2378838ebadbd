package dev.viridian.kernels.cpu.vector;

/**
 * Arrays of one thread that are kept between tasks, with undefined content. A part belongs to the
 * caller of {@link #get} until it asks for the same part again.
 */
final class Scratch {
  /** What an array is for. */
  enum Part {
    /** Panels of the right factor, read by all threads that work on a product. */
    PANELS,
    /** Rows of the left factor. */
    ROWS,
    /** A tile of the result. */
    TILE,
    /** A block on its way to being transposed. */
    BLOCK,
    /** A transposed tile. */
    FLIPPED,
    /** Values, beside keys in {@link #PANELS}. */
    VALUES,
    /** Rows of a second left factor. */
    GRADIENT_ROWS,
    /** Scores, then probabilities. */
    SCORES,
    /** Gradients of scores. */
    GRADIENTS,
    /** Sums over blocks. */
    SUMS,
    /** A run of a function's first operand, and of its result. */
    FIRST,
    /** A run of its second operand. */
    SECOND,
    /** A run of its third operand. */
    THIRD
  }

  private static final ThreadLocal<Scratch> OF_THREAD = ThreadLocal.withInitial(Scratch::new);

  private final float[][] arrays = new float[Part.values().length][0];

  private Scratch() {}

  /** An array of the calling thread of at least the given size. */
  static float[] get(Part part, int size) {
    float[][] arrays = OF_THREAD.get().arrays;
    float[] array = arrays[part.ordinal()];
    if (array.length < size) {
      array = new float[size];
      arrays[part.ordinal()] = array;
    }
    return array;
  }
}
