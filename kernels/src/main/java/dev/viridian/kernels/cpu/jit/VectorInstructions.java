package dev.viridian.kernels.cpu.jit;

/**
 * Arithmetic on vectors of floats and integers: AVX, AVX2 and FMA where the operands allow it, else
 * AVX-512. Operands in the order of Intel's manuals, the target first.
 */
class VectorInstructions extends GeneralInstructions {
  private static Opcode floats(int opcode) {
    return new Opcode(Form.BOTH, MAP_0F, PREFIX_NONE, opcode, 0, Width.FULL);
  }

  private static Opcode integers(Form form, int opcode) {
    return new Opcode(form, MAP_0F, PREFIX_66, opcode, 0, Width.FULL);
  }

  private static Opcode fused(int opcode) {
    return new Opcode(Form.BOTH, MAP_0F38, PREFIX_66, opcode, 0, Width.FULL);
  }

  /** Target, source and source. */
  private void three(Opcode op, Vec to, Vec a, Vec b) {
    vector(op, to.bits(), to.number(), to, a.number(), b.number());
  }

  private void three(Opcode op, Vec to, Vec a, Mem b) {
    vector(op, to.bits(), to, a.number(), b);
  }

  private static final Opcode ADD = floats(0x58);

  /** {@code to = a + b}. */
  final void vaddps(Vec to, Vec a, Vec b) {
    three(ADD, to, a, b);
  }

  /** {@code to = a + b}. */
  final void vaddps(Vec to, Vec a, Mem b) {
    three(ADD, to, a, b);
  }

  private static final Opcode SUB = floats(0x5C);

  /** {@code to = a − b}. */
  final void vsubps(Vec to, Vec a, Vec b) {
    three(SUB, to, a, b);
  }

  /** {@code to = a − b}. */
  final void vsubps(Vec to, Vec a, Mem b) {
    three(SUB, to, a, b);
  }

  private static final Opcode MUL = floats(0x59);

  /** {@code to = a · b}. */
  final void vmulps(Vec to, Vec a, Vec b) {
    three(MUL, to, a, b);
  }

  /** {@code to = a · b}. */
  final void vmulps(Vec to, Vec a, Mem b) {
    three(MUL, to, a, b);
  }

  private static final Opcode DIV = floats(0x5E);

  /** {@code to = a / b}. */
  final void vdivps(Vec to, Vec a, Vec b) {
    three(DIV, to, a, b);
  }

  /** {@code to = a / b}. */
  final void vdivps(Vec to, Vec a, Mem b) {
    three(DIV, to, a, b);
  }

  private static final Opcode MIN = floats(0x5D);

  /** The lesser; b if one is NaN. */
  final void vminps(Vec to, Vec a, Vec b) {
    three(MIN, to, a, b);
  }

  /** The lesser; b if one is NaN. */
  final void vminps(Vec to, Vec a, Mem b) {
    three(MIN, to, a, b);
  }

  private static final Opcode MAX = floats(0x5F);

  /** The greater; b if one is NaN. */
  final void vmaxps(Vec to, Vec a, Vec b) {
    three(MAX, to, a, b);
  }

  /** The greater; b if one is NaN. */
  final void vmaxps(Vec to, Vec a, Mem b) {
    three(MAX, to, a, b);
  }

  private static final Opcode AND = floats(0x54);

  /** Bitwise and. */
  final void vandps(Vec to, Vec a, Vec b) {
    three(AND, to, a, b);
  }

  /** Bitwise and. */
  final void vandps(Vec to, Vec a, Mem b) {
    three(AND, to, a, b);
  }

  private static final Opcode ANDN = floats(0x55);

  /** Bitwise {@code ~a & b}. */
  final void vandnps(Vec to, Vec a, Vec b) {
    three(ANDN, to, a, b);
  }

  /** Bitwise {@code ~a & b}. */
  final void vandnps(Vec to, Vec a, Mem b) {
    three(ANDN, to, a, b);
  }

  private static final Opcode OR = floats(0x56);

  /** Bitwise or. */
  final void vorps(Vec to, Vec a, Vec b) {
    three(OR, to, a, b);
  }

  /** Bitwise or. */
  final void vorps(Vec to, Vec a, Mem b) {
    three(OR, to, a, b);
  }

  private static final Opcode XOR = floats(0x57);

  /** Bitwise exclusive or; 512 bits need AVX-512DQ. */
  final void vxorps(Vec to, Vec a, Vec b) {
    three(XOR, to, a, b);
  }

  /** Bitwise exclusive or; 512 bits need AVX-512DQ. */
  final void vxorps(Vec to, Vec a, Mem b) {
    three(XOR, to, a, b);
  }

  private static final Opcode UNPACK_LOW = floats(0x14);

  /** Mixes the first two floats of each 128 bits. */
  final void vunpcklps(Vec to, Vec a, Vec b) {
    three(UNPACK_LOW, to, a, b);
  }

  /** Mixes the first two floats of each 128 bits. */
  final void vunpcklps(Vec to, Vec a, Mem b) {
    three(UNPACK_LOW, to, a, b);
  }

  private static final Opcode UNPACK_HIGH = floats(0x15);

  /** Mixes the last two floats of each 128 bits. */
  final void vunpckhps(Vec to, Vec a, Vec b) {
    three(UNPACK_HIGH, to, a, b);
  }

  /** Mixes the last two floats of each 128 bits. */
  final void vunpckhps(Vec to, Vec a, Mem b) {
    three(UNPACK_HIGH, to, a, b);
  }

  private static final Opcode ADD_INTEGERS = integers(Form.BOTH, 0xFE);

  /** Sum of 32-bit integers. */
  final void vpaddd(Vec to, Vec a, Vec b) {
    three(ADD_INTEGERS, to, a, b);
  }

  /** Sum of 32-bit integers. */
  final void vpaddd(Vec to, Vec a, Mem b) {
    three(ADD_INTEGERS, to, a, b);
  }

  private static final Opcode SUB_INTEGERS = integers(Form.BOTH, 0xFA);

  /** Difference of 32-bit integers. */
  final void vpsubd(Vec to, Vec a, Vec b) {
    three(SUB_INTEGERS, to, a, b);
  }

  /** Difference of 32-bit integers. */
  final void vpsubd(Vec to, Vec a, Mem b) {
    three(SUB_INTEGERS, to, a, b);
  }

  private static final Opcode XOR_INTEGERS = integers(Form.VEX, 0xEF);

  /** Bitwise exclusive or, AVX2 only. */
  final void vpxor(Vec to, Vec a, Vec b) {
    three(XOR_INTEGERS, to, a, b);
  }

  /** Bitwise exclusive or, AVX2 only. */
  final void vpxor(Vec to, Vec a, Mem b) {
    three(XOR_INTEGERS, to, a, b);
  }

  private static final Opcode XOR_MASKED = integers(Form.EVEX, 0xEF);

  /** Bitwise exclusive or, AVX-512 only. */
  final void vpxord(Vec to, Vec a, Vec b) {
    three(XOR_MASKED, to, a, b);
  }

  /** Bitwise exclusive or, AVX-512 only. */
  final void vpxord(Vec to, Vec a, Mem b) {
    three(XOR_MASKED, to, a, b);
  }

  private static final Opcode AND_MASKED = integers(Form.EVEX, 0xDB);

  /** Bitwise and, AVX-512 only. */
  final void vpandd(Vec to, Vec a, Vec b) {
    three(AND_MASKED, to, a, b);
  }

  /** Bitwise and, AVX-512 only. */
  final void vpandd(Vec to, Vec a, Mem b) {
    three(AND_MASKED, to, a, b);
  }

  private static final Opcode OR_MASKED = integers(Form.EVEX, 0xEB);

  /** Bitwise or, AVX-512 only. */
  final void vpord(Vec to, Vec a, Vec b) {
    three(OR_MASKED, to, a, b);
  }

  /** Bitwise or, AVX-512 only. */
  final void vpord(Vec to, Vec a, Mem b) {
    three(OR_MASKED, to, a, b);
  }

  private static final Opcode FMADD132 = fused(0x98);

  /** {@code to = to · b + a}, rounded once. */
  final void vfmadd132ps(Vec to, Vec a, Vec b) {
    three(FMADD132, to, a, b);
  }

  /** {@code to = to · b + a}, rounded once. */
  final void vfmadd132ps(Vec to, Vec a, Mem b) {
    three(FMADD132, to, a, b);
  }

  private static final Opcode FMADD213 = fused(0xA8);

  /** {@code to = a · to + b}, rounded once. */
  final void vfmadd213ps(Vec to, Vec a, Vec b) {
    three(FMADD213, to, a, b);
  }

  /** {@code to = a · to + b}, rounded once. */
  final void vfmadd213ps(Vec to, Vec a, Mem b) {
    three(FMADD213, to, a, b);
  }

  private static final Opcode FMADD231 = fused(0xB8);

  /** {@code to = a · b + to}, rounded once. */
  final void vfmadd231ps(Vec to, Vec a, Vec b) {
    three(FMADD231, to, a, b);
  }

  /** {@code to = a · b + to}, rounded once. */
  final void vfmadd231ps(Vec to, Vec a, Mem b) {
    three(FMADD231, to, a, b);
  }

  private static final Opcode FMSUB213 = fused(0xAA);

  /** {@code to = a · to − b}, rounded once. */
  final void vfmsub213ps(Vec to, Vec a, Vec b) {
    three(FMSUB213, to, a, b);
  }

  /** {@code to = a · to − b}, rounded once. */
  final void vfmsub213ps(Vec to, Vec a, Mem b) {
    three(FMSUB213, to, a, b);
  }

  private static final Opcode FMSUB231 = fused(0xBA);

  /** {@code to = a · b − to}, rounded once. */
  final void vfmsub231ps(Vec to, Vec a, Vec b) {
    three(FMSUB231, to, a, b);
  }

  /** {@code to = a · b − to}, rounded once. */
  final void vfmsub231ps(Vec to, Vec a, Mem b) {
    three(FMSUB231, to, a, b);
  }

  private static final Opcode FNMADD213 = fused(0xAC);

  /** {@code to = −a · to + b}, rounded once. */
  final void vfnmadd213ps(Vec to, Vec a, Vec b) {
    three(FNMADD213, to, a, b);
  }

  /** {@code to = −a · to + b}, rounded once. */
  final void vfnmadd213ps(Vec to, Vec a, Mem b) {
    three(FNMADD213, to, a, b);
  }

  private static final Opcode FNMADD132 = fused(0x9C);

  /** {@code to = −to · b + a}, rounded once. */
  final void vfnmadd132ps(Vec to, Vec a, Vec b) {
    three(FNMADD132, to, a, b);
  }

  /** {@code to = −to · b + a}, rounded once. */
  final void vfnmadd132ps(Vec to, Vec a, Mem b) {
    three(FNMADD132, to, a, b);
  }

  private static final Opcode FNMADD231 = fused(0xBC);

  /** {@code to = −a · b + to}, rounded once. */
  final void vfnmadd231ps(Vec to, Vec a, Vec b) {
    three(FNMADD231, to, a, b);
  }

  /** {@code to = −a · b + to}, rounded once. */
  final void vfnmadd231ps(Vec to, Vec a, Mem b) {
    three(FNMADD231, to, a, b);
  }

  private static final Opcode MULTIPLY_INTEGERS = fused(0x40);

  /** Product of 32-bit integers. */
  final void vpmulld(Vec to, Vec a, Vec b) {
    three(MULTIPLY_INTEGERS, to, a, b);
  }

  /** Product of 32-bit integers. */
  final void vpmulld(Vec to, Vec a, Mem b) {
    three(MULTIPLY_INTEGERS, to, a, b);
  }

  private static final Opcode GREATER_INTEGER = fused(0x3D);

  /** The greater signed 32-bit integer. */
  final void vpmaxsd(Vec to, Vec a, Vec b) {
    three(GREATER_INTEGER, to, a, b);
  }

  private static final Opcode PERMUTE = fused(0x16);

  /** Lane i of the target is lane {@code a[i]} of b. */
  final void vpermps(Vec to, Vec a, Vec b) {
    three(PERMUTE, to, a, b);
  }

  /** Lane i of the target is lane {@code a[i]} of b. */
  final void vpermps(Vec to, Vec a, Mem b) {
    three(PERMUTE, to, a, b);
  }

  private static final Opcode SCALE =
      new Opcode(Form.EVEX, MAP_0F38, PREFIX_66, 0x2C, 0, Width.FULL);

  /** {@code to = a · 2^⌊b⌋}, AVX-512. */
  final void vscalefps(Vec to, Vec a, Vec b) {
    three(SCALE, to, a, b);
  }

  /** {@code to = a · 2^⌊b⌋}, AVX-512. */
  final void vscalefps(Vec to, Vec a, Mem b) {
    three(SCALE, to, a, b);
  }

  private static final Opcode SQRT = floats(0x51);
  private static final Opcode FROM_INTEGERS = floats(0x5B);
  private static final Opcode TO_INTEGERS = integers(Form.BOTH, 0x5B);
  private static final Opcode SHIFT = integers(Form.BOTH, 0x72);

  /** Square root. */
  final void vsqrtps(Vec to, Vec of) {
    vector(SQRT, to.bits(), to.number(), to, 0, of.number());
  }

  /** Square root. */
  final void vsqrtps(Vec to, Mem of) {
    vector(SQRT, to.bits(), to, 0, of);
  }

  /** 32-bit integers to floats. */
  final void vcvtdq2ps(Vec to, Vec from) {
    vector(FROM_INTEGERS, to.bits(), to.number(), to, 0, from.number());
  }

  /** Floats to the nearest 32-bit integers. */
  final void vcvtps2dq(Vec to, Vec from) {
    vector(TO_INTEGERS, to.bits(), to.number(), to, 0, from.number());
  }

  /** 32-bit integers shifted left. */
  final void vpslld(Vec to, Vec from, int count) {
    vector(SHIFT, to.bits(), 6, to, to.number(), from.number());
    bytes(count);
  }
}
