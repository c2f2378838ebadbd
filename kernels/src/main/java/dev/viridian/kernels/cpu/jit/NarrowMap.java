package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.cpu.threads.Workers;
import java.lang.foreign.MemorySegment;

/**
 * The left factor of a product in lower precision: some rows of a map with their border, copied in
 * that precision. A pixel of the result is a row; the taps of one row of the kernel that lie side
 * by side are one segment of it. A map that is spread has these for each pixel of the result apart,
 * without sharing what neighbours have in common: then all rows are equally far from the next.
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

  private final DotKit kit;
  private final Workers workers;
  private final ConvProblem p;
  private final PackedWeight w;
  private final MemorySegment x;
  private final DType type;
  private final boolean together;
  private final boolean ofRows;
  private final boolean spread;
  private final int padW;
  private final long rowBytes;
  private final long pixelBytes;
  private final MemorySegment pictureQuanta;
  private MemorySegment memory = MemorySegment.NULL;
  private MemorySegment quanta = MemorySegment.NULL;
  private int image;
  private int firstRow;
  private int bandRows;

  /**
   * Of a map that the caller checked.
   *
   * @param type of the map: F32, or what the copy has
   * @param spread only where the kernel's taps lie side by side
   */
  NarrowMap(
      DotKit kit,
      Workers workers,
      ConvProblem p,
      PackedWeight w,
      MemorySegment x,
      DType type,
      boolean spread) {
    this.kit = kit;
    this.type = type;
    this.spread = spread;
    this.workers = workers;
    this.p = p;
    this.w = w;
    this.x = x;
    together = together(p);
    ofRows = ofRows(p);
    padW = p.w() + p.padLeft() + p.padRight();
    pixelBytes = (long) w.tapLength() * kit.type.bytes();
    rowBytes = pixelBytes * (spread ? (long) p.outW() * p.kw() : padW);
    boolean bytes = kit.type == DotType.INT8;
    pictureQuanta =
        bytes && !ofRows
            ? MemorySegment.ofArray(new float[2 * p.n()])
            : MemorySegment.ofArray(new float[0]);
    if (bytes && !ofRows) {
      rangesOfPictures();
    }
  }

  private NarrowMap(NarrowMap like) {
    kit = like.kit;
    spread = like.spread;
    workers = like.workers;
    p = like.p;
    w = like.w;
    x = like.x;
    type = like.type;
    together = like.together;
    ofRows = like.ofRows;
    padW = like.padW;
    pixelBytes = like.pixelBytes;
    rowBytes = like.rowBytes;
    pictureQuanta = like.pictureQuanta;
  }

  /** The same map for another thread, which copies rows of its own. */
  NarrowMap another() {
    return new NarrowMap(this);
  }

  /** Whether taps of a row of the kernel lie side by side. */
  static boolean together(ConvProblem p) {
    return p.dilationW() == 1;
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

  /** Bytes of what some rows of a picture's result need. */
  long bytes(int rows) {
    return inRows(rows) * rowBytes;
  }

  /** Rows of the result that are best done at a time. */
  int bandRows() {
    int rows = 1;
    while (rows < p.outH() && bytes(Math.min(2 * rows, p.outH())) <= BAND) {
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

  /** Copies row {@code i} of the band. */
  private void copyRow(int i) {
    long to = i * rowBytes;
    if (!spread) {
      copyRow(i, memory, to);
      return;
    }
    MemorySegment row = NativeScratch.get(NativeScratch.Part.ROW, padW * pixelBytes);
    copyRow(i, row, 0);
    long bytes = p.kw() * pixelBytes;
    for (int column = 0; column < p.outW(); column++) {
      long from = column * p.strideW() * pixelBytes;
      MemorySegment.copy(row, from, memory, to + column * bytes, bytes);
    }
  }

  /** Copies a row with its border. */
  private void copyRow(int i, MemorySegment target, long to) {
    int y = firstRow * p.strideH() - p.padTop() + i;
    boolean bytes = kit.type == DotType.INT8;
    byte zero = bytes && !ofRows ? (byte) quanta.get(JAVA_INT, 4) : 0;
    if (y < 0 || y >= p.h()) {
      target.asSlice(to, padW * pixelBytes).fill(zero);
      return;
    }
    long left = p.padLeft() * pixelBytes;
    long inside = p.w() * pixelBytes;
    target.asSlice(to, left).fill(zero);
    target.asSlice(to + left + inside, p.padRight() * pixelBytes).fill(zero);
    long from = (((long) image * p.h() + y) * p.w()) * p.c();
    if (type != DType.F32) {
      copy(2 * from, target, to + left);
      return;
    }
    long first = Range.address(target, to + left, inside);
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
      narrow.run(kit.narrow, frame, at, first + r * pixelBytes, count, filled, inverse, zeroPoint);
    }
  }

  /** Copies the pixels of a row that are in low precision already. */
  private void copy(long from, MemorySegment target, long to) {
    long bytes = 2L * p.c();
    if (bytes == pixelBytes) {
      MemorySegment.copy(x, from, target, to, bytes * p.w());
      return;
    }
    for (int i = 0; i < p.w(); i++) {
      MemorySegment.copy(x, from + i * bytes, target, to + i * pixelBytes, bytes);
      target.asSlice(to + i * pixelBytes + bytes, pixelBytes - bytes).fill((byte) 0);
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

  /** Room behind a band: tiles are read whole, and two at a time. */
  private long slack() {
    return AmxCode.ROWS * pixelStep() + 4L * length() + 64;
  }

  /** Whether all rows of the product lie equally far apart, not those of a row of the map alone. */
  boolean even() {
    return spread || p.strideH() == 1 && p.strideW() == 1 && padW == p.outW();
  }

  /** Bytes from one of them to the next. */
  long pixelStep() {
    return (spread ? p.kw() : p.strideW()) * pixelBytes;
  }

  /** Bytes from a segment to the next; only where taps lie side by side. */
  long segmentStep() {
    return p.dilationH() * rowBytes;
  }

  /**
   * Enters the addresses of tiles of neighbouring rows of the product.
   *
   * @param first first row of each tile, ascending: of one row of the map, or {@link #even}
   * @param count rows of a tile
   */
  void tiles(int[] first, int count, long[] to) {
    long last = (count - 1) * pixelStep() + (segments() - 1) * segmentStep() + 4L * length();
    Range.address(memory, tileAt(first[first.length - 1]), last);
    for (int i = 0; i < first.length; i++) {
      to[i] = memory.address() + tileAt(first[i]);
    }
  }

  private long tileAt(int row) {
    return row / p.outW() * p.strideH() * rowBytes + row % p.outW() * pixelStep();
  }

  /** Number of rows of the product: pixels of the band's result. */
  int rows() {
    return Math.multiplyExact(bandRows, p.outW());
  }

  /** Address of the scales and zero points of some rows that are {@link #run one step apart}. */
  long quantum(int row, int count) {
    if (kit.type == DotType.BF16) {
      return 0;
    }
    long at = ofRows ? QUANTUM * pixelOf(row) : 0;
    return Range.address(quanta, at, (count - 1) * quantumStep() + QUANTUM);
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
