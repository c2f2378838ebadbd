package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.cpu.threads.Workers;
import java.lang.foreign.MemorySegment;

/**
 * The left factor of a product in lower precision: some rows of a map with their border, copied in
 * that precision. A pixel of the result is a row; the taps of one row of the kernel that lie side
 * by side are one segment of it.
 */
final class NarrowMap implements LeftRows {
  /** Bytes of a band: it is read many times, so it should stay in the last cache. */
  private static final long BAND = 12 << 20;

  /** Values that a task copies at a time, about. */
  private static final int TASK = 1 << 15;

  /** Less counts as this. */
  private static final float LEAST_RANGE = 1e-20f;

  /** A scale and a zero point. */
  private static final int QUANTUM = 8;

  /** Equally distant rows for one of the result: AMX is that much faster than vectors. */
  private static final int MOST_PER_ROW = 4;

  private final DotKit kit;
  private final Workers workers;
  private final ConvProblem p;
  private final PackedWeight w;
  private final MemorySegment x;
  private final boolean together;
  private final boolean ofRows;
  private final int padW;
  private final long rowBytes;
  private final long pixelBytes;
  private final MemorySegment pictureQuanta;
  private MemorySegment memory = MemorySegment.NULL;
  private MemorySegment quanta = MemorySegment.NULL;
  private int image;
  private int firstRow;
  private int bandRows;

  /** Of a map that the caller checked. */
  NarrowMap(DotKit kit, Workers workers, ConvProblem p, PackedWeight w, MemorySegment x) {
    this.kit = kit;
    this.workers = workers;
    this.p = p;
    this.w = w;
    this.x = x;
    together = p.dilationW() == 1;
    ofRows = ofRows(p);
    padW = p.w() + p.padLeft() + p.padRight();
    pixelBytes = (long) w.tapLength() * kit.type.bytes();
    rowBytes = padW * pixelBytes;
    boolean bytes = kit.type == DotType.INT8;
    pictureQuanta =
        bytes && !ofRows
            ? MemorySegment.ofArray(new float[2 * p.n()])
            : MemorySegment.ofArray(new float[0]);
    if (bytes && !ofRows) {
      rangesOfPictures();
    }
  }

  /** Whether each pixel is quantised on its own. */
  static boolean ofRows(ConvProblem p) {
    return p.kh() == 1
        && p.kw() == 1
        && p.padTop() + p.padBottom() + p.padLeft() + p.padRight() == 0;
  }

  private int reach() {
    return (p.kh() - 1) * p.dilationH();
  }

  private int inRows(int outRows) {
    return (outRows - 1) * p.strideH() + reach() + 1;
  }

  /** Rows of the result that are best done at a time. */
  int bandRows() {
    int rows = 1;
    while (rows < p.outH() && inRows(Math.min(2 * rows, p.outH())) * rowBytes <= BAND) {
      rows *= 2;
    }
    return Math.min(rows, p.outH());
  }

  /** Copies what some rows of a picture's result need. */
  void enter(int newImage, int row, int rows) {
    image = newImage;
    firstRow = row;
    bandRows = rows;
    int count = inRows(rows);
    memory = NativeScratch.get(NativeScratch.Part.NARROW, count * rowBytes + slack());
    if (kit.type == DotType.INT8) {
      long each = ofRows ? (long) count * p.w() : 1;
      quanta = NativeScratch.get(NativeScratch.Part.QUANTA, QUANTUM * each);
      if (!ofRows) {
        quanta.set(JAVA_FLOAT, 0, pictureQuanta.getAtIndex(JAVA_FLOAT, 2L * image));
        quanta.set(JAVA_INT, 4, pictureQuanta.getAtIndex(JAVA_INT, 2L * image + 1));
      }
    }
    int each = Math.max(1, TASK / Math.max(1, padW * w.tapLength()));
    workers.run(
        Math.ceilDiv(count, each),
        task -> {
          for (int i = task * each; i < Math.min(count, (task + 1) * each); i++) {
            copyRow(i);
          }
        });
  }

  /** Copies row {@code i} of the band, border included. */
  private void copyRow(int i) {
    long to = i * rowBytes;
    int y = firstRow * p.strideH() - p.padTop() + i;
    boolean bytes = kit.type == DotType.INT8;
    byte zero = bytes && !ofRows ? (byte) quanta.get(JAVA_INT, 4) : 0;
    if (y < 0 || y >= p.h()) {
      memory.asSlice(to, rowBytes).fill(zero);
      return;
    }
    long left = p.padLeft() * pixelBytes;
    long inside = p.w() * pixelBytes;
    memory.asSlice(to, left).fill(zero);
    memory.asSlice(to + left + inside, p.padRight() * pixelBytes).fill(zero);
    long from = (((long) image * p.h() + y) * p.w()) * p.c();
    long target = Range.address(memory, to + left, inside);
    long source = Range.address(x, 4 * from, 4L * p.w() * p.c());
    Frame frame = NativeScratch.frame();
    NarrowCode narrow = new NarrowCode(kit.type);
    boolean one = p.c() == w.tapLength() && !(bytes && ofRows);
    int runs = one ? 1 : p.w();
    int count = one ? Math.multiplyExact(p.w(), p.c()) : p.c();
    int filled = one ? count : w.tapLength();
    for (int r = 0; r < runs; r++) {
      float inverse = 0;
      int zeroPoint = 0;
      long at = source + 4L * r * count;
      if (bytes) {
        long quantum = ofRows ? (long) QUANTUM * ((long) i * p.w() + r) : 0;
        if (ofRows) {
          quantise(range(frame, at, count), quanta, quantum);
        }
        inverse = inverse(quanta.get(JAVA_FLOAT, quantum));
        zeroPoint = quanta.get(JAVA_INT, quantum + 4);
      }
      narrow.run(kit.narrow, frame, at, target + r * pixelBytes, count, filled, inverse, zeroPoint);
    }
  }

  /** Least, greatest and whether all is finite (0, else NaN) of a run. */
  private float[] range(Frame frame, long from, int count) {
    MemorySegment result = NativeScratch.get(NativeScratch.Part.TILE, RangeCode.RESULT);
    RangeCode.run(kit.range(), frame, from, count, result.address());
    return new float[] {
      result.get(JAVA_FLOAT, 0), result.get(JAVA_FLOAT, 16), result.get(JAVA_FLOAT, 32)
    };
  }

  /** What a scale multiplies by; the scale is a range's, or NaN. */
  private static float inverse(float scale) {
    return Float.isNaN(scale) ? 0 : 1 / scale;
  }

  private static void quantise(float[] range, MemorySegment quanta, long at) {
    float extent = Math.max(range[1] - range[0], LEAST_RANGE);
    float scale = extent / 255 + range[2];
    quanta.set(JAVA_FLOAT, at, scale);
    quanta.set(JAVA_INT, at + 4, (int) Math.rint(-range[0] * inverse(scale)));
  }

  private void rangesOfPictures() {
    int each = Math.max(1, TASK / Math.multiplyExact(p.w(), p.c()));
    int tasks = Math.ceilDiv(p.h(), each);
    float[][] found = new float[Math.multiplyExact(p.n(), tasks)][];
    workers.run(
        found.length,
        task -> {
          int row = task % tasks * each;
          int rows = Math.min(each, p.h() - row);
          long from = ((long) (task / tasks) * p.h() + row) * p.w() * p.c();
          int count = Math.multiplyExact(rows, p.w() * p.c());
          long address = Range.address(x, 4 * from, 4L * count);
          found[task] = range(NativeScratch.frame(), address, count);
        });
    for (int i = 0; i < p.n(); i++) {
      float[] all = new float[3];
      for (int t = 0; t < tasks; t++) {
        float[] part = found[i * tasks + t];
        all[0] = Math.min(all[0], part[0]);
        all[1] = Math.max(all[1], part[1]);
        all[2] += part[2];
      }
      quantise(all, pictureQuanta, 8L * i);
    }
  }

  /** Room behind a band: tiles are read in whole blocks of rows. */
  private long slack() {
    return AmxCode.ROWS * gridStep() + 4L * length() + 64;
  }

  /**
   * Whether rows that lie equally far apart have the result's among them, in whole steps, and not
   * too many others: those are multiplied for nothing.
   */
  boolean even() {
    return together
        && p.strideH() * padW % p.strideW() == 0
        && 4 * length() % AmxCode.STEP == 0
        && gridWidth() <= MOST_PER_ROW * p.outW();
  }

  /** How many of the equally distant rows belong to a row of the result. */
  private int gridWidth() {
    return p.strideH() * padW / p.strideW();
  }

  /** Number of the equally distant rows: pixels of the band with its border, up to the last. */
  int gridRows() {
    return Math.addExact(Math.multiplyExact(bandRows - 1, gridWidth()), p.outW());
  }

  /** Bytes from one of them to the next. */
  long gridStep() {
    return p.strideW() * pixelBytes;
  }

  /** Bytes from a segment to the next. */
  long segmentStep() {
    return p.dilationH() * rowBytes;
  }

  /** Address of some of them, whole blocks. */
  long grid(int row, int count) {
    int read = Math.ceilDiv(count, AmxCode.ROWS) * AmxCode.ROWS;
    long last = (row + read - 1L) * gridStep() + (segments() - 1L) * segmentStep();
    Range.address(memory, last, 4L * length());
    return memory.address() + row * gridStep();
  }

  /** The row of the product that one of them is; −1 if it is a border's or between two. */
  int rowOf(int gridRow) {
    int column = gridRow % gridWidth();
    return column < p.outW() ? gridRow / gridWidth() * p.outW() + column : -1;
  }

  /** How many from one of them on are neighbours in the product, too; at most {@code count}. */
  int gridRun(int gridRow, int count) {
    int width = gridWidth();
    return width == p.outW() ? count : Math.min(count, p.outW() - gridRow % width);
  }

  /** Number of rows of the product: pixels of the band's result. */
  int rows() {
    return Math.multiplyExact(bandRows, p.outW());
  }

  /** Address of a row's scale and zero point. */
  long quantum(int row) {
    if (kit.type == DotType.BF16) {
      return 0;
    }
    return Range.address(quanta, ofRows ? (long) QUANTUM * pixelOf(row) : 0, QUANTUM);
  }

  /** Bytes from row to row there, along a row of the map. */
  long quantumStep() {
    return ofRows ? (long) QUANTUM * p.strideW() : 0;
  }

  private long pixelOf(int row) {
    return (long) (row / p.outW()) * p.strideH() * p.w() + (long) (row % p.outW()) * p.strideW();
  }

  /** Rows from one on whose scales are one step apart. */
  int run(int row, int count) {
    boolean even = !ofRows || (p.strideH() == 1 && p.strideW() == 1);
    return even ? count : Math.min(count, p.outW() - row % p.outW());
  }

  @Override
  public int segments() {
    return together ? p.kh() : p.kh() * p.kw();
  }

  /** Words of a segment. */
  @Override
  public int length() {
    return (together ? p.kw() : 1) * w.tapLength() / w.group();
  }

  @Override
  public void enter(int row, int count, RowTable table) {
    long end = memory.byteSize();
    for (int i = 0; i < count; i++) {
      int y = (row + i) / p.outW() * p.strideH();
      int xx = (row + i) % p.outW() * p.strideW();
      for (int s = 0; s < segments(); s++) {
        int ky = together ? s : s / p.kw();
        int kx = together ? 0 : s % p.kw();
        long at = (y + (long) ky * p.dilationH()) * rowBytes;
        at += (xx + (long) kx * p.dilationW()) * pixelBytes;
        if (at + 4L * length() > end) {
          throw new IndexOutOfBoundsException("row " + (row + i) + " of the map");
        }
        table.set(i, s, memory.address() + at);
      }
    }
  }
}
