package dev.viridian.kernels.cpu.jit;

/** A tile register tmm0 to tmm7 of AMX. */
record Tile(int number) {
  Tile {
    if (number < 0 || number > 7) {
      throw new IllegalArgumentException("tile register: expected 0 to 7, got " + number);
    }
  }
}
