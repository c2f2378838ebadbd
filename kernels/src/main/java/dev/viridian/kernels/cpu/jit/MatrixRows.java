package dev.viridian.kernels.cpu.jit;

/** A matrix stored row by row, {@code ld} floats apart. Its extent is the caller's to check. */
record MatrixRows(long address, long ld, int length) implements LeftRows {
  @Override
  public int segments() {
    return 1;
  }

  @Override
  public void enter(int row, int count, RowTable table) {
    for (int i = 0; i < count; i++) {
      table.set(i, 0, address + 4 * ld * (row + i));
    }
  }
}
