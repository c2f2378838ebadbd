package dev.viridian.matting.data.procedural;

import java.util.ArrayList;
import java.util.List;

/** An object to be drawn: meshes, strands and vapours in one frame of reference. One thread. */
final class Model {
  /** A mesh and what it is made of. */
  record Part(Mesh mesh, Surface surface) {}

  /**
   * A thin line that shows its width to the viewer from everywhere: hair, thread, wire.
   *
   * @param path x, y, z of at least two points
   * @param from radius at its begin
   * @param to radius at its end
   */
  record Strand(double[] path, double from, double to, Surface surface) {}

  /**
   * Something without a surface, seen flat in front of the rest: smoke, flame, light.
   *
   * @param anchor the place x, y, z in the model that it stays with
   * @param box left, bottom, right, top of what it covers, relative to the anchor
   */
  record Vapour(double[] anchor, double[] box, Cover cover) {}

  /** Colour and opacity of a vapour. */
  @FunctionalInterface
  interface Cover {
    /** At x, y relative to the anchor: straight red, green, blue and alpha in 0…1. */
    void at(float x, float y, float[] rgba);
  }

  final List<Part> parts = new ArrayList<>();
  final List<Strand> strands = new ArrayList<>();
  final List<Vapour> vapours = new ArrayList<>();

  Model add(Mesh mesh, Surface surface) {
    parts.add(new Part(mesh, surface));
    return this;
  }

  Model strand(Surface surface, double from, double to, double... path) {
    strands.add(new Strand(path, from, to, surface));
    return this;
  }
}
