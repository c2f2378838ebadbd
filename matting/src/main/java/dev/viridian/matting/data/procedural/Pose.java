package dev.viridian.matting.data.procedural;

/**
 * The angles that an object is seen from. Degrees.
 *
 * @param yaw up to so much to either side
 * @param pitchFrom from below (negative) or above
 * @param roll up to so much to either side
 */
record Pose(double yaw, double pitchFrom, double pitchTo, double roll) {
  /** It stands, and is seen from any side. */
  static final Pose STANDING = new Pose(180, 6, 28, 7);

  /** It stands, with a front. */
  static final Pose FACING = new Pose(38, 4, 22, 7);

  /** Flat things, seen almost from the front. */
  static final Pose FLAT = new Pose(22, -8, 14, 14);

  /** Flat things that may lie in any direction of the picture. */
  static final Pose LOOSE = new Pose(22, -14, 14, 60);

  /** Seen from well above. */
  static final Pose ABOVE = new Pose(180, 32, 58, 8);
}
