package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.Frame.argument;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.cpu.jit.GeneralInstructions.Condition;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Scales a panel of the right factor where it lies as {@link PairNumbers} says, and writes its
 * columns' numbers for {@link PairTile}: part by part, what all columns' sums begin at, then their
 * factors.
 *
 * @param lines of sixteen columns in a row of the panel, 1 or 2
 */
record PairColumnsCode(int lines) implements Generated {
  private static final int PANEL = 0;
  private static final int CHUNKS = 8;
  private static final int PART = 16;
  private static final int NUMBERS = 24;
  private static final int GREATEST = 32;
  private static final int PANELS = 40;
  private static final int PANEL_STEP = 48;
  private static final int VECTOR = 32;
  private static final int LANES = 8;

  private int vectors() {
    return 2 * lines;
  }

  private int rowBytes() {
    return VECTOR * vectors();
  }

  @Override
  public byte[] code() {
    int n = vectors();
    X64Assembler a = new X64Assembler();
    a.push(Gpr.RBX);
    PairNumbers numbers = new PairNumbers(a, Gpr.R11);
    a.mov(Gpr.RDX, argument(NUMBERS));
    a.mov(Gpr.RAX, argument(GREATEST));
    Vec zero = Vec.ymm(0);
    a.vxorps(zero, zero, zero);
    a.vmovups(Mem.at(Gpr.RAX), zero);
    CodeBuffer.Label panel = a.here();
    a.mov(Gpr.RSI, argument(PANEL));
    a.mov(Gpr.R9, argument(CHUNKS));
    CodeBuffer.Label part = a.here();
    CodeBuffer.Label whole = a.label();
    a.mov(Gpr.RCX, argument(PART));
    a.cmp(Gpr.RCX, Gpr.R9);
    a.jump(Condition.BELOW, whole);
    a.mov(Gpr.RCX, Gpr.R9);
    a.bind(whole);
    for (int j = 0; j < n; j++) {
      a.vxorps(Vec.ymm(j), Vec.ymm(j), Vec.ymm(j));
    }
    a.mov(Gpr.R8, Gpr.RSI);
    a.mov(Gpr.RBX, Gpr.RCX);
    CodeBuffer.Label look = a.here();
    for (int k = 0; k < PairTile.CHUNK; k++) {
      for (int j = 0; j < n; j++) {
        Vec y = Vec.ymm(n + (k * n + j) % (16 - n));
        a.vmovups(y, Mem.at(Gpr.R8, k * rowBytes() + j * VECTOR));
        numbers.greatest(Vec.ymm(j), y);
      }
    }
    a.add(Gpr.R8, PairTile.CHUNK * rowBytes());
    a.dec(Gpr.RBX);
    a.jump(Condition.NOT_EQUAL, look);
    scale(a, numbers);
    a.mov(Gpr.RBX, Gpr.RCX);
    CodeBuffer.Label copy = a.here();
    for (int k = 0; k < PairTile.CHUNK; k++) {
      boolean second = k > 0 && PairTile.pair(k - 1);
      for (int j = 0; j < n; j++) {
        Vec y = Vec.ymm((k % 2 == 0 ? 2 : 3) * n + j);
        Mem at = Mem.at(Gpr.RSI, k * rowBytes() + j * VECTOR);
        a.vmulps(y, Vec.ymm(j), at);
        a.vmovups(at, y);
        if (second) {
          a.vfnmadd231ps(Vec.ymm(n + j), y, Vec.ymm(2 * n + j));
        }
      }
    }
    a.add(Gpr.RSI, PairTile.CHUNK * rowBytes());
    a.dec(Gpr.RBX);
    a.jump(Condition.NOT_EQUAL, copy);
    for (int j = 0; j < n; j++) {
      a.vmovups(Mem.at(Gpr.RDX, j * VECTOR), Vec.ymm(n + j));
    }
    a.add(Gpr.RDX, 2 * rowBytes());
    a.sub(Gpr.R9, Gpr.RCX);
    a.jump(Condition.NOT_EQUAL, part);
    a.mov(Gpr.RCX, argument(PANEL_STEP));
    a.add(argument(PANEL), Gpr.RCX);
    a.dec(argument(PANELS));
    a.jump(Condition.NOT_EQUAL, panel);
    a.vzeroupper();
    a.pop(Gpr.RBX);
    a.ret();
    return a.code();
  }

  /** From the greatest values to scales, in their place, and zeros for the sums of pairs. */
  private void scale(X64Assembler a, PairNumbers numbers) {
    int n = vectors();
    Vec all = Vec.ymm(2 * n);
    a.vmovups(all, Mem.at(Gpr.RAX));
    for (int j = 0; j < n; j++) {
      Vec most = Vec.ymm(j);
      Vec scale = Vec.ymm(n + j);
      numbers.scale(most, scale);
      a.vpmaxsd(all, all, most);
      a.vmovups(Mem.at(Gpr.RDX, rowBytes() + j * VECTOR), most);
      a.vmovaps(most, scale);
      a.vxorps(scale, scale, scale);
    }
    a.vmovups(Mem.at(Gpr.RAX), all);
  }

  /** Bytes of the numbers of a panel of a product. */
  static long numberBytes(int width, int k) {
    return 4L * 2 * width * PairTile.parts(k);
  }

  /**
   * Scales panels. Addresses and their extents are the caller's to check.
   *
   * @param step bytes from panel to panel; their numbers follow each other
   * @param k values, a multiple of {@link PairTile#CHUNK}, at least that
   * @param partChunks chunks of a part
   * @param numbers address of two floats for each column of each part of each panel
   * @param greatest address of {@link PairNumbers#GREATEST_BYTES} bytes
   */
  static void run(
      Code page,
      Frame f,
      long panel,
      long step,
      int panels,
      int k,
      int partChunks,
      long numbers,
      long greatest) {
    f.set(PANEL, panel)
        .set(PANEL_STEP, step)
        .set(PANELS, Range.positive("panels", panels))
        .set(CHUNKS, PairTile.chunks(k))
        .set(PART, Range.positive("chunks of a part", partChunks))
        .set(NUMBERS, numbers)
        .set(GREATEST, greatest)
        .call(page);
  }

  /**
   * The same on a kit.
   *
   * @param width of the panels, whole vectors of AVX-512
   * @return whether {@link PairTile} can multiply by them
   */
  static boolean scale(
      Kit kit, long panel, long step, int panels, int width, int k, int partChunks, long numbers) {
    MemorySegment greatest =
        NativeScratch.get(NativeScratch.Part.GREATEST, PairNumbers.GREATEST_BYTES);
    Code page = kit.pairColumns(width / VectorLevel.AVX512.lanes());
    long told = greatest.address();
    run(page, NativeScratch.frame(), panel, step, panels, k, partChunks, numbers, told);
    return PairNumbers.usual(greatest);
  }

  /** Two panels of two parts, columns of different sizes, one with zeros. */
  @Override
  public @Nullable String fault(Code page) {
    int width = LANES * vectors();
    int k = 6 * PairTile.CHUNK;
    int step = width * k;
    int partValues = PairTile.CHUNK * PairTile.partChunks(k);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment panels = arena.allocate(4L * 2 * step, 64);
      MemorySegment numbers = arena.allocate(2 * numberBytes(width, k), 64);
      MemorySegment greatest = arena.allocate(PairNumbers.GREATEST_BYTES, 64);
      float[] y = Trial.fill(panels, 37);
      for (int i = 0; i < y.length; i++) {
        int column = i % width;
        y[i] *= column == 3 && i < partValues * width ? 0 : Math.scalb(1f, 3 * column - 40);
        panels.setAtIndex(JAVA_FLOAT, i, y[i]);
      }
      long to = numbers.address();
      int chunks = PairTile.partChunks(k);
      run(page, new Frame(), panels.address(), 4L * step, 2, k, chunks, to, greatest.address());
      float[] actual = panels.toArray(JAVA_FLOAT);
      float[] told = numbers.toArray(JAVA_FLOAT);
      float largest = 0;
      for (int part = 0; part < 2 * k / partValues; part++) {
        for (int j = 0; j < width; j++) {
          int begin = part * partValues * width + j;
          float most = 0;
          for (int p = 0; p < partValues; p++) {
            most = Math.max(most, Math.abs(y[begin + p * width]));
          }
          float power = most == 0 ? 0 : Math.scalb(1f, Math.getExponent(most));
          largest = Math.max(largest, power);
          float surplus = 0;
          for (int p = 0; p < partValues; p++) {
            int at = begin + p * width;
            float expected = power == 0 ? 0 : y[at] / power;
            surplus -= PairTile.pair(p) && power > 0 ? expected * y[at + width] / power : 0;
            if (actual[at] != expected) {
              return "value " + p + " of column " + j + ": " + actual[at] + ", not " + expected;
            }
          }
          float sum = told[part * 2 * width + j];
          if (!(Math.abs(sum - surplus) < 1e-5)) {
            return "column " + j + ", part " + part + ": " + sum + ", expected " + surplus;
          }
          if (told[(part * 2 + 1) * width + j] != power) {
            return "column " + j + ", part " + part + ": expected a factor of " + power;
          }
        }
      }
      float most = 0;
      for (int i = 0; i < LANES; i++) {
        most = Math.max(most, greatest.getAtIndex(JAVA_FLOAT, i));
      }
      return most == largest ? null : "the greatest factor is not told";
    }
  }
}
