package dev.viridian.kernels.cpu.jit;

import org.jspecify.annotations.Nullable;

/**
 * The parts of an instruction: prefixes (REX, VEX, EVEX), ModRM, SIB and displacement, as in
 * Intel's Software Developer's Manual, volume 2, chapter 2.
 */
class InstructionEncoder extends CodeBuffer {
  /** Opcode maps, by the numbers that VEX and EVEX give them. */
  static final int MAP_0F = 1;

  static final int MAP_0F38 = 2;
  static final int MAP_0F3A = 3;

  /** Mandatory prefixes, by the numbers that VEX and EVEX give them. */
  static final int PREFIX_NONE = 0;

  static final int PREFIX_66 = 1;
  static final int PREFIX_F3 = 2;
  static final int PREFIX_F2 = 3;

  /** How much memory an instruction of AVX-512 touches: the unit of its 8-bit displacement. */
  enum Width {
    /** A whole vector, or one element of 4 bytes for all lanes. */
    FULL,
    /** A whole vector. */
    VECTOR,
    /** Half a vector. */
    HALF,
    /** A quarter of a vector. */
    QUARTER,
    /** 4 bytes. */
    SCALAR_4,
    /** 16 bytes. */
    LANE_16,
    /** 32 bytes. */
    LANE_32;

    private int unit(int bits, boolean broadcast) {
      return switch (this) {
        case FULL -> broadcast ? 4 : bits / 8;
        case VECTOR -> bits / 8;
        case HALF -> bits / 16;
        case QUARTER -> bits / 32;
        case SCALAR_4 -> 4;
        case LANE_16 -> 16;
        case LANE_32 -> 32;
      };
    }
  }

  /** Which prefixes an instruction has. */
  enum Form {
    /** AVX and AVX-512 alike: VEX where it can be. */
    BOTH,
    VEX,
    EVEX
  }

  /**
   * A vector instruction.
   *
   * @param evexW the bit W in its EVEX form; in its VEX form W is 0
   */
  record Opcode(Form form, int map, int prefix, int opcode, int evexW, Width width) {}

  /** Fields of a register number: three bits in ModRM and SIB, the others in a prefix. */
  private static int low(int number) {
    return number & 7;
  }

  private static int bit3(int number) {
    return number >> 3 & 1;
  }

  private static int bit4(int number) {
    return number >> 4 & 1;
  }

  private static int bit3(@Nullable Gpr register) {
    return register == null ? 0 : bit3(register.number());
  }

  /** ModRM of two registers. */
  final void modRm(int reg, int rm) {
    bytes(0xC0 | low(reg) << 3 | low(rm));
  }

  /**
   * ModRM, SIB and displacement of an operand in memory.
   *
   * @param unit of a displacement of 8 bits; 1 but for EVEX
   * @param sib whether there must be a SIB byte
   */
  final void memory(int reg, Mem m, int unit, boolean sib) {
    int base = low(m.base().number());
    Gpr index = m.index();
    boolean withSib = sib || index != null || base == 4;
    boolean small = m.disp() % unit == 0 && Math.abs(m.disp() / unit) <= 128;
    small &= m.disp() / unit != 128;
    int mod = m.disp() == 0 && base != 5 ? 0 : small ? 1 : 2;
    bytes(mod << 6 | low(reg) << 3 | (withSib ? 4 : base));
    if (withSib) {
      int scale = Integer.numberOfTrailingZeros(m.scale());
      bytes(scale << 6 | (index == null ? 4 : low(index.number())) << 3 | base);
    }
    if (mod == 1) {
      bytes(m.disp() / unit);
    } else if (mod == 2) {
      int32(m.disp());
    }
  }

  /** REX prefix; left out if it says nothing. */
  final void rex(boolean wide, int reg, int index, int base) {
    int rex = 0x40 | (wide ? 8 : 0) | bit3(reg) << 2 | bit3(index) << 1 | bit3(base);
    if (rex != 0x40) {
      bytes(rex);
    }
  }

  /** An instruction of the first map or, with {@code escape}, of map 0F: register and register. */
  final void general(boolean wide, boolean escape, int opcode, int reg, int rm) {
    rex(wide, reg, 0, rm);
    opcode(escape, opcode);
    modRm(reg, rm);
  }

  /** The same: register and memory. */
  final void general(boolean wide, boolean escape, int opcode, int reg, Mem m) {
    Gpr index = m.index();
    rex(wide, reg, index == null ? 0 : index.number(), m.base().number());
    opcode(escape, opcode);
    memory(reg, m, 1, false);
  }

  private void opcode(boolean escape, int opcode) {
    if (escape) {
      bytes(0x0F);
    }
    bytes(opcode);
  }

  /** VEX prefix: two bytes where they say all, else three. */
  final void vex(
      int map, int prefix, int w, int bits, int reg, int vvvv, int indexBit, int baseBit) {
    int last = (~vvvv & 15) << 3 | (bits == 256 ? 4 : 0) | prefix;
    if (map == MAP_0F && w == 0 && indexBit == 0 && baseBit == 0) {
      bytes(0xC5, (bit3(reg) ^ 1) << 7 | last);
    } else {
      int first = (bit3(reg) ^ 1) << 7 | (indexBit ^ 1) << 6 | (baseBit ^ 1) << 5 | map;
      bytes(0xC4, first, w << 7 | last);
    }
  }

  private void evex(
      Opcode op,
      int bits,
      int reg,
      int vvvv,
      int x,
      int b,
      int mask,
      boolean zeroing,
      boolean broadcast) {
    int length = bits == 512 ? 2 : bits == 256 ? 1 : 0;
    bytes(
        0x62,
        (bit3(reg) ^ 1) << 7 | (x ^ 1) << 6 | (b ^ 1) << 5 | (bit4(reg) ^ 1) << 4 | op.map(),
        op.evexW() << 7 | (~vvvv & 15) << 3 | 4 | op.prefix(),
        (zeroing ? 0x80 : 0) | length << 5 | (broadcast ? 0x10 : 0) | (bit4(vvvv) ^ 1) << 3 | mask);
  }

  private static IllegalArgumentException noForm(Opcode op) {
    return new IllegalArgumentException("no encoding for these operands: " + op);
  }

  /**
   * A vector instruction of registers.
   *
   * @param reg number in ModRM's first field: a register, or a part of the opcode
   * @param target whose mask holds
   * @param vvvv number of the second operand; 0 if there is none
   */
  final void vector(Opcode op, int bits, int reg, Vec target, int vvvv, int rm) {
    boolean high = reg > 15 || vvvv > 15 || rm > 15 || bits == 512 || target.mask() != 0;
    if (op.form() == Form.EVEX || high) {
      if (op.form() == Form.VEX) {
        throw noForm(op);
      }
      evex(op, bits, reg, vvvv, bit4(rm), bit3(rm), target.mask(), target.zeroing(), false);
    } else {
      vex(op.map(), op.prefix(), 0, bits, reg, vvvv, 0, bit3(rm));
    }
    bytes(op.opcode());
    modRm(reg, rm);
  }

  /** A vector instruction of a register and memory; masks are the target's or the memory's. */
  final void vector(Opcode op, int bits, Vec reg, int vvvv, Mem m) {
    int x = bit3(m.index());
    int b = bit3(m.base());
    boolean high = reg.needsEvex() || m.needsEvex() || vvvv > 15 || bits == 512;
    int unit = 1;
    if (op.form() == Form.EVEX || high) {
      if (op.form() == Form.VEX) {
        throw noForm(op);
      }
      int mask = Math.max(reg.mask(), m.mask());
      evex(op, bits, reg.number(), vvvv, x, b, mask, reg.zeroing(), m.broadcast());
      unit = op.width().unit(bits, m.broadcast());
    } else {
      vex(op.map(), op.prefix(), 0, bits, reg.number(), vvvv, x, b);
    }
    bytes(op.opcode());
    memory(reg.number(), m, unit, false);
  }

  /** A VEX instruction of memory that must have a SIB byte or whose register is no vector. */
  final void vexMemory(int map, int prefix, int w, int opcode, int reg, Mem m, boolean sib) {
    vex(map, prefix, w, 128, reg, 0, bit3(m.index()), bit3(m.base()));
    bytes(opcode);
    memory(reg, m, 1, sib);
  }
}
