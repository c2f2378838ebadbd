package dev.viridian.matting.data.procedural;

/** Smooth random fields, the same everywhere. Stateless and thread-safe. */
final class Noise {
  private Noise() {}

  private static float lattice(int x, int y, int z, int salt) {
    int h = x * 0x8DA6B343 ^ y * 0xD8163841 ^ z * 0xCB1AB31F ^ salt * 0x9E3779B9;
    h = (h ^ (h >>> 15)) * 0x2C1B3C6D;
    h = (h ^ (h >>> 12)) * 0x297A2D39;
    h ^= h >>> 15;
    return (h & 0xFFFFFF) * 0x1p-24f;
  }

  /** Value noise in 0…1: random numbers at whole places, smooth between. */
  static float value(float x, float y, float z, int salt) {
    int ix = floor(x);
    int iy = floor(y);
    int iz = floor(z);
    float fx = fade(x - ix);
    float fy = fade(y - iy);
    float fz = fade(z - iz);
    float a = plane(ix, iy, iz, fx, fy, salt);
    float b = plane(ix, iy, iz + 1, fx, fy, salt);
    return a + (b - a) * fz;
  }

  /** The same in the plane. */
  static float value(float x, float y, int salt) {
    int ix = floor(x);
    int iy = floor(y);
    return plane(ix, iy, 0, fade(x - ix), fade(y - iy), salt);
  }

  private static float plane(int ix, int iy, int iz, float fx, float fy, int salt) {
    float a = lattice(ix, iy, iz, salt);
    float b = lattice(ix + 1, iy, iz, salt);
    float c = lattice(ix, iy + 1, iz, salt);
    float d = lattice(ix + 1, iy + 1, iz, salt);
    float low = a + (b - a) * fx;
    float high = c + (d - c) * fx;
    return low + (high - low) * fy;
  }

  /** Octaves of value noise, each twice as fine and half as strong; in 0…1. */
  static float octaves(float x, float y, int count, int salt) {
    float sum = 0;
    float weight = 0.5f;
    float total = 0;
    float scale = 1;
    for (int i = 0; i < count; i++) {
      sum += weight * value(x * scale, y * scale, salt + i);
      total += weight;
      weight *= 0.5f;
      scale *= 2.03f;
    }
    return sum / total;
  }

  private static int floor(float x) {
    int i = (int) x;
    return x < i ? i - 1 : i;
  }

  private static float fade(float t) {
    return t * t * (3 - 2 * t);
  }
}
