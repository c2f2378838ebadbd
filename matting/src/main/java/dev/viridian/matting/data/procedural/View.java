package dev.viridian.matting.data.procedural;

/**
 * Where a model is seen from, without perspective, and where the light comes from. Degrees.
 *
 * @param yaw turn about the upright axis; positive shows more of the left side
 * @param pitch how far from above; 0 is level
 * @param roll turn in the picture, counter-clockwise
 * @param mirrored whether left and right are exchanged
 * @param fill the larger side of the object as a share of the picture's
 * @param shiftX where it lies in the room that is left: −1 at the left, 1 at the right
 * @param shiftY −1 at the bottom, 1 at the top
 * @param lightYaw where the light comes from: positive is from the right
 * @param lightPitch and from how far above
 */
record View(
    double yaw,
    double pitch,
    double roll,
    boolean mirrored,
    double fill,
    double shiftX,
    double shiftY,
    double lightYaw,
    double lightPitch) {

  /** From the front, centred, with light from the upper left. */
  static View front(double fill) {
    return new View(0, 0, 0, false, fill, 0, 0, -35, 45);
  }

  /** Part of the way to another view; whether it is mirrored stays. */
  View towards(View other, double share) {
    return new View(
        between(yaw, other.yaw, share),
        between(pitch, other.pitch, share),
        between(roll, other.roll, share),
        mirrored,
        between(fill, other.fill, share),
        between(shiftX, other.shiftX, share),
        between(shiftY, other.shiftY, share),
        between(lightYaw, other.lightYaw, share),
        between(lightPitch, other.lightPitch, share));
  }

  private static double between(double from, double to, double share) {
    return from + (to - from) * share;
  }

  /** Rows of the matrix that turns a model towards the viewer. */
  double[] rotation() {
    double cy = Trig.cos(yaw / 360);
    double sy = Trig.sin(yaw / 360);
    double cp = Trig.cos(pitch / 360);
    double sp = Trig.sin(pitch / 360);
    double cr = Trig.cos(roll / 360);
    double sr = Trig.sin(roll / 360);
    // yaw about y
    double[] x = {cy, 0, sy};
    double[] z = {-sy, 0, cy};
    // then pitch about x: y' = y cos − z sin, z' = y sin + z cos
    double[] y1 = {-sp * z[0], cp, -sp * z[2]};
    double[] z1 = {cp * z[0], sp, cp * z[2]};
    double m = mirrored ? -1 : 1;
    double[] out = new double[9];
    for (int k = 0; k < 3; k++) {
      out[k] = (m * x[k]) * cr - y1[k] * sr;
      out[3 + k] = (m * x[k]) * sr + y1[k] * cr;
      out[6 + k] = z1[k];
    }
    return out;
  }

  /** Unit vector towards the light. */
  float[] light() {
    double c = Trig.cos(lightPitch / 360);
    return new float[] {
      (float) (c * Trig.sin(lightYaw / 360)),
      (float) Trig.sin(lightPitch / 360),
      (float) (c * Trig.cos(lightYaw / 360))
    };
  }
}
