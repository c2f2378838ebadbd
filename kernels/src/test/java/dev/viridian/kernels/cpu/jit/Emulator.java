package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import dev.viridian.kernels.cpu.reference.Numbers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Set;

/**
 * Runs machine code without a processor for it: the instructions that products, attention and
 * {@link WinogradCode} use at the level AVX-512, decoded from their bytes. What it does not know,
 * it refuses.
 */
final class Emulator implements Code {
  private static final long STACK_BYTES = 4096;

  private final byte[] code;
  private final MemorySegment memory = all();
  private final long[] r = new long[16];
  private final float[][] v = new float[32][16];
  private final int[] masks = new int[8];
  private int at;
  private final Tiles tiles = new Tiles();
  private boolean equal;
  private boolean below;

  // The operands of the instruction at hand.
  private int reg;
  private int rm;
  private int index;
  private long address;
  private boolean inMemory;

  /** The lanes that it loads or stores. */
  private int mask;

  Emulator(byte[] code) {
    this.code = code;
  }

  @SuppressWarnings("restricted")
  private static MemorySegment all() {
    return MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
  }

  @Override
  public synchronized void call(long arguments) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment stack = arena.allocate(STACK_BYTES, 64);
      for (int i = 0; i < 16; i++) {
        r[i] = 0x5555_0000L + i; // what a callee must not rely on, or must keep
      }
      r[4] = stack.address() + STACK_BYTES;
      r[7] = arguments;
      long[] before = r.clone();
      at = 0;
      while (step()) {}
      for (int kept : new int[] {3, 4, 5, 12, 13, 14, 15}) {
        if (r[kept] != before[kept]) {
          throw new AssertionError(Gpr.values()[kept] + " was not kept");
        }
      }
    }
  }

  private int next() {
    return code[at++] & 255;
  }

  private int next32() {
    return next() | next() << 8 | next() << 16 | next() << 24;
  }

  private AssertionError unknown(int opcode) {
    return new AssertionError("unknown " + Integer.toHexString(opcode) + " at " + at);
  }

  /** One instruction; false at the end. */
  private boolean step() {
    int opcode = next();
    if (opcode == 0x62) {
      evex();
      return true;
    }
    if (opcode == 0xC4 && Tiles.OPCODES.contains(code[at + 2] & 255) && (code[at] & 31) == 2) {
      tiles.step();
      return true;
    }
    if (opcode == 0xC5 || opcode == 0xC4) {
      vex(opcode == 0xC4);
      return true;
    }
    int rex = 0;
    if ((opcode & 0xF0) == 0x40) {
      rex = opcode;
      opcode = next();
    }
    if (opcode == 0xC3) {
      return false;
    }
    general(opcode, rex);
    return true;
  }

  private void general(int opcode, int rex) {
    int b = (rex & 1) << 3;
    if (opcode == 0x90) {
      return;
    }
    if ((opcode & 0xF8) == 0x50) {
      r[4] -= 8;
      memory.set(JAVA_LONG_UNALIGNED, r[4], r[opcode & 7 | b]);
      return;
    }
    if ((opcode & 0xF8) == 0x58) {
      r[opcode & 7 | b] = memory.get(JAVA_LONG_UNALIGNED, r[4]);
      r[4] += 8;
      return;
    }
    if (opcode == 0xE9) {
      int distance = next32();
      at += distance;
      return;
    }
    if (opcode == 0x0F) {
      int condition = next();
      if (condition == 0x18) { // a prefetch
        operands(rex >> 2 & 1, rex >> 1 & 1, rex & 1, 1);
        return;
      }
      if (condition == 0xAE) { // sfence
        at++;
        return;
      }
      int distance = next32();
      boolean taken =
          switch (condition) {
            case 0x82 -> below;
            case 0x83 -> !below;
            case 0x84 -> equal;
            case 0x85 -> !equal;
            default -> throw unknown(condition);
          };
      at += taken ? distance : 0;
      return;
    }
    if (opcode >= 0xB8 && opcode <= 0xBF && (rex & 8) != 0) { // mov of 64 bits
      r[opcode & 7 | b] = next32() & 0xFFFF_FFFFL | (long) next32() << 32;
      return;
    }
    if ((rex & 8) == 0) {
      throw unknown(opcode);
    }
    operands(rex >> 2 & 1, rex >> 1 & 1, rex & 1, 1);
    switch (opcode) {
      case 0x8B -> r[reg] = read();
      case 0x89 -> write(r[reg]);
      case 0x01 -> write(read() + r[reg]);
      case 0x03 -> r[reg] += read();
      case 0x31 -> write(read() ^ r[reg]);
      case 0x85 -> compare(read() & r[reg], 0);
      case 0x8D -> r[reg] = address;
      case 0xC1 -> {
        if ((reg & 7) != 4) {
          throw unknown(opcode);
        }
        write(read() << next());
      }
      case 0xC7 -> write(next32());
      case 0x39 -> compare(read(), r[reg]);
      case 0x3B -> compare(r[reg], read());
      case 0x81, 0x83 -> {
        long value = opcode == 0x83 ? (byte) next() : next32();
        switch (reg & 7) {
          case 0 -> write(read() + value);
          case 4 -> write(read() & value);
          case 5 -> write(read() - value);
          case 7 -> compare(read(), value);
          default -> throw unknown(opcode);
        }
      }
      case 0xFF -> {
        if ((reg & 7) != 1) {
          throw unknown(opcode);
        }
        write(read() - 1);
        equal = read() == 0;
      }
      default -> throw unknown(opcode);
    }
  }

  private void compare(long a, long b) {
    equal = a == b;
    below = Long.compareUnsigned(a, b) < 0;
  }

  private long read() {
    return inMemory ? memory.get(JAVA_LONG_UNALIGNED, address) : r[rm];
  }

  private void write(long value) {
    if (inMemory) {
      memory.set(JAVA_LONG_UNALIGNED, address, value);
    } else {
      r[rm] = value;
    }
  }

  /** ModRM, SIB and displacement; {@code unit} of a displacement of 8 bits. */
  private void operands(int bitR, int bitX, int bitB, int unit) {
    int modRm = next();
    int mod = modRm >> 6;
    reg = modRm >> 3 & 7 | bitR << 3;
    rm = modRm & 7 | bitB << 3;
    inMemory = mod != 3;
    if (!inMemory) {
      return;
    }
    address = 0;
    int base = rm;
    if ((modRm & 7) == 4) {
      int sib = next();
      base = sib & 7 | bitB << 3;
      index = sib >> 3 & 7 | bitX << 3;
      address = index == 4 ? 0 : r[index] << (sib >> 6);
    }
    if (mod == 0 && (base & 7) == 5) {
      throw unknown(modRm);
    }
    address += r[base];
    address += mod == 1 ? (long) (byte) next() * unit : mod == 2 ? next32() : 0;
  }

  /** The short form of instructions of half vectors, whose upper halves become zero. */
  private void vex(boolean three) {
    int p0 = three ? next() : 0;
    int p1 = next();
    int bits = three ? p0 ^ 0xE0 : (p1 & 0x80 ^ 0x80); // R, X and B, inverted
    int map = three ? p0 & 31 : 1;
    int opcode = next();
    if (opcode == 0x77) { // vzeroupper
      return;
    }
    if (opcode == 0x92) { // kmovw
      operands(bits >> 7 & 1, 0, three ? bits >> 5 & 1 : 0, 1);
      masks[reg] = (int) r[rm];
      return;
    }
    if ((p1 & 4) == 0 || three && (p1 & 0x80) != 0) {
      throw unknown(opcode);
    }
    operands(bits >> 7 & 1, three ? bits >> 6 & 1 : 0, three ? bits >> 5 & 1 : 0, 1);
    mask = -1;
    arithmetic(map << 12 | (p1 & 3) << 8 | opcode, v[reg], p1 >> 3 & 15 ^ 15, rm, 8, false);
  }

  /** The instructions of AMX. */
  private final class Tiles {
    static final Set<Integer> OPCODES = Set.of(0x49, 0x4B, 0x5C, 0x5E);
    private static final int SIZE = 16;
    private final byte[][][] tile = new byte[8][SIZE][4 * SIZE];
    private boolean configured;

    void step() {
      int p0 = next();
      int p1 = next();
      int key = (p0 & 31) << 12 | (p1 & 3) << 8 | next();
      if ((p1 & 0x84) != 0) {
        throw unknown(key);
      }
      int modRm = code[at] & 255;
      if (key == 0x2049 && modRm == 0xC0) {
        at++;
        configured = false; // tilerelease
        return;
      }
      operands(p0 >> 7 & 1 ^ 1, p0 >> 6 & 1 ^ 1, p0 >> 5 & 1 ^ 1, 1);
      if (key == 0x2049) {
        configure();
        return;
      }
      if (!configured) {
        throw new AssertionError("tiles are not set up at " + at);
      }
      byte[][] to = tile[reg & 7];
      switch (key) {
        case 0x2349 -> {
          for (byte[] row : to) {
            Arrays.fill(row, (byte) 0);
          }
        }
        case 0x234B, 0x224B -> rows(to, key == 0x224B);
        case 0x225C -> multiply(to, tile[rm & 7], tile[p1 >> 3 & 15 ^ 15], true);
        case 0x215E -> multiply(to, tile[rm & 7], tile[p1 >> 3 & 15 ^ 15], false);
        default -> throw unknown(key);
      }
    }

    private void configure() {
      configured = memory.get(ValueLayout.JAVA_BYTE, address) == 1;
      for (int i = 0; i < 8; i++) {
        int bytes = memory.get(ValueLayout.JAVA_BYTE, address + 16 + 2L * i);
        int rows = memory.get(ValueLayout.JAVA_BYTE, address + 48 + i);
        configured &= bytes == 4 * SIZE && rows == SIZE;
      }
    }

    /** Loads or stores; the index of the address is the distance of the rows. */
    private void rows(byte[][] rows, boolean store) {
      long step = r[index];
      long from = address - step; // where the first row lies: the index counts from there
      for (int i = 0; i < SIZE; i++) {
        MemorySegment row = memory.asSlice(from + i * step, 4 * SIZE);
        if (store) {
          row.copyFrom(MemorySegment.ofArray(rows[i]));
        } else {
          MemorySegment.ofArray(rows[i]).copyFrom(row);
        }
      }
    }

    /** Tiles read and write numbers below the least normal one as 0. */
    private static float normal(float x) {
      return Math.abs(x) < Float.MIN_NORMAL ? 0 : x;
    }

    private void multiply(byte[][] to, byte[][] left, byte[][] right, boolean brain) {
      for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++) {
          int word = word(to[i], j);
          float low = 0;
          float high = 0;
          for (int k = 0; k < SIZE; k++) {
            float a = Float.intBitsToFloat(word(left[i], k));
            float b = Float.intBitsToFloat(word(right[k], j));
            if (brain) {
              low = normal(Math.fma(normal(lower(a)), normal(lower(b)), low));
              high = normal(Math.fma(normal(upper(a)), normal(upper(b)), high));
            } else {
              for (int n = 0; n < 4; n++) {
                word += (left[i][4 * k + n] & 255) * right[k][4 * j + n];
              }
            }
          }
          if (brain) {
            word = bits(normal(normal(Float.intBitsToFloat(word)) + normal(low + high)));
          }
          for (int n = 0; n < 4; n++) {
            to[i][4 * j + n] = (byte) (word >> 8 * n);
          }
        }
      }
    }

    private static int word(byte[] row, int i) {
      return (row[4 * i] & 255)
          | (row[4 * i + 1] & 255) << 8
          | (row[4 * i + 2] & 255) << 16
          | row[4 * i + 3] << 24;
    }
  }

  private void evex() {
    int p0 = next();
    int p1 = next();
    int p2 = next();
    int opcode = next();
    int lanes = 4 << (p2 >> 5 & 3);
    boolean broadcast = (p2 & 0x10) != 0;
    int key = (p0 & 7) << 12 | (p1 & 3) << 8 | opcode;
    int wide = key == 0x137F ? 0x84 : 4; // what stores words has lanes of 16 bits
    boolean plain = lanes >= 8 && lanes <= 16 && (p1 & 0x84) == wide;
    mask = (p2 & 7) == 0 ? -1 : masks[p2 & 7];
    boolean masked = (p2 & 7) != 0 && (p2 & 0x80) == (key == 0x1010 ? 0x80 : 0);
    if (!plain || (p2 & 0x87) != 0 && !(masked && Set.of(0x1010, 0x1011, 0x137F).contains(key))) {
      throw unknown(opcode);
    }
    int unit = key == 0x2118 || broadcast ? 4 : 4 * lanes;
    operands(p0 >> 7 & 1 ^ 1, p0 >> 6 & 1 ^ 1, p0 >> 5 & 1 ^ 1, unit);
    int a = p1 >> 3 & 15 ^ 15 | (p2 >> 3 & 1 ^ 1) << 4;
    int b = rm | (p0 >> 6 & 1 ^ 1) << 4;
    if (broadcast && !inMemory) {
      throw unknown(opcode); // a rounding of its own
    }
    arithmetic(key, v[reg | (p0 >> 4 & 1 ^ 1) << 4], a, b, lanes, broadcast);
  }

  private void arithmetic(
      int key, float[] to, int first, int second, int lanes, boolean broadcast) {
    float[] a = v[first];
    float[] b = inMemory ? new float[16] : v[second];
    boolean store = key == 0x1011 || key == 0x102B || key == 0x137F;
    for (int i = 0; inMemory && !store && i < (key == 0x2118 ? 1 : lanes); i++) {
      if ((mask >> i & 1) != 0) {
        b[i] = memory.get(JAVA_FLOAT_UNALIGNED, address + (broadcast ? 0 : 4L * i));
      }
    }
    int shift = key == 0x1172 ? next() : 0;
    if (key == 0x2272 || key == 0x2372) {
      narrow(to, b.clone(), key == 0x2372 ? a.clone() : new float[16], lanes);
      return;
    }
    if (key == 0x2133) { // vpmovzxwd
      float[] from = b.clone();
      for (int i = 0; i < lanes; i++) {
        to[i] = Float.intBitsToFloat(bits(from[i / 2]) >>> 16 * (i % 2) & 0xFFFF);
      }
      return;
    }
    for (int i = 0; i < lanes; i++) {
      switch (key) {
        case 0x1010, 0x1028 -> to[i] = b[i]; // vmovups, vmovaps
        case 0x1011, 0x102B -> { // vmovups and vmovntps to memory
          if ((mask >> i & 1) != 0) {
            memory.set(JAVA_FLOAT_UNALIGNED, address + 4L * i, to[i]);
          }
        }
        case 0x137F -> { // vmovdqu16 to memory
          for (int j = 2 * i; j < 2 * i + 2; j++) {
            if ((mask >> j & 1) != 0) {
              short word = (short) (bits(to[i]) >> 16 * (j % 2));
              memory.set(ValueLayout.JAVA_SHORT_UNALIGNED, address + 2L * j, word);
            }
          }
        }
        case 0x1058 -> to[i] = a[i] + b[i]; // vaddps
        case 0x105C -> to[i] = a[i] - b[i]; // vsubps
        case 0x1059 -> to[i] = a[i] * b[i]; // vmulps
        case 0x105F -> to[i] = a[i] > b[i] ? a[i] : b[i]; // vmaxps
        case 0x2118 -> to[i] = b[0]; // vbroadcastss
        case 0x21A8 -> to[i] = Math.fma(a[i], to[i], b[i]); // vfmadd213ps
        case 0x21B8 -> to[i] = Math.fma(a[i], b[i], to[i]); // vfmadd231ps
        case 0x21BA -> to[i] = Math.fma(a[i], b[i], -to[i]); // vfmsub231ps
        case 0x21BC -> to[i] = Math.fma(-a[i], b[i], to[i]); // vfnmadd231ps
        case 0x11EF -> to[i] = Float.intBitsToFloat(bits(a[i]) ^ bits(b[i])); // vpxord
        case 0x11EB -> to[i] = Float.intBitsToFloat(bits(a[i]) | bits(b[i])); // vpord
        case 0x11FE -> to[i] = Float.intBitsToFloat(bits(a[i]) + bits(b[i])); // vpaddd
        case 0x2252 -> // vdpbf16ps
            to[i] += upper(a[i]) * upper(b[i]) + lower(a[i]) * lower(b[i]);
        case 0x2150 -> { // vpdpbusd
          int sum = bits(to[i]);
          for (int j = 0; j < 32; j += 8) {
            sum += (bits(a[i]) >> j & 255) * (byte) (bits(b[i]) >> j);
          }
          to[i] = Float.intBitsToFloat(sum);
        }
        case 0x1172 -> { // vpslld, whose target is the second operand
          if ((reg & 7) != 6) {
            throw unknown(key);
          }
          a[i] = Float.intBitsToFloat(bits(b[i]) << shift);
        }
        default -> throw unknown(key);
      }
    }
    for (int i = lanes; !store && i < 16; i++) {
      to[i] = 0;
    }
  }

  /** Floats as bfloat16, {@code low} first: vcvtneps2bf16 and vcvtne2ps2bf16. */
  private static void narrow(float[] to, float[] low, float[] high, int lanes) {
    for (int i = 0; i < 16; i++) {
      float[] from = i < lanes / 2 ? low : high;
      int first = 2 * i % lanes;
      int word =
          Short.toUnsignedInt(Numbers.floatToBf16(from[first]))
              | Numbers.floatToBf16(from[first + 1]) << 16;
      to[i] = i < lanes ? Float.intBitsToFloat(word) : 0;
    }
  }

  /** The bfloat16 in the upper half of a word. */
  private static float upper(float word) {
    return Float.intBitsToFloat(bits(word) & 0xFFFF0000);
  }

  /** The one in the lower half. */
  private static float lower(float word) {
    return Float.intBitsToFloat(bits(word) << 16);
  }

  private static int bits(float value) {
    return Float.floatToRawIntBits(value);
  }
}
