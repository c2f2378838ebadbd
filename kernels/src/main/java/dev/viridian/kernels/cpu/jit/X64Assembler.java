package dev.viridian.kernels.cpu.jit;

/**
 * An assembler for x86-64: general instructions, AVX2, FMA, F16C, AVX-512 and AMX, as far as the
 * kernels use them. Each method appends one instruction and is named as in Intel's manuals; a
 * vector instruction takes its short VEX form where its operands allow.
 */
final class X64Assembler extends VectorInstructions {
  private static final Opcode LOAD =
      new Opcode(Form.BOTH, MAP_0F, PREFIX_NONE, 0x10, 0, Width.VECTOR);
  private static final Opcode STORE =
      new Opcode(Form.BOTH, MAP_0F, PREFIX_NONE, 0x11, 0, Width.VECTOR);
  private static final Opcode MOVE =
      new Opcode(Form.BOTH, MAP_0F, PREFIX_NONE, 0x28, 0, Width.VECTOR);
  private static final Opcode BROADCAST =
      new Opcode(Form.BOTH, MAP_0F38, PREFIX_66, 0x18, 0, Width.SCALAR_4);
  private static final Opcode MASKED_LOAD =
      new Opcode(Form.VEX, MAP_0F38, PREFIX_66, 0x2C, 0, Width.VECTOR);
  private static final Opcode MASKED_STORE =
      new Opcode(Form.VEX, MAP_0F38, PREFIX_66, 0x2E, 0, Width.VECTOR);
  private static final Opcode FROM_HALF =
      new Opcode(Form.BOTH, MAP_0F38, PREFIX_66, 0x13, 0, Width.HALF);
  private static final Opcode WIDEN_WORDS =
      new Opcode(Form.BOTH, MAP_0F38, PREFIX_66, 0x33, 0, Width.HALF);
  private static final Opcode SHUFFLE =
      new Opcode(Form.BOTH, MAP_0F, PREFIX_NONE, 0xC6, 0, Width.FULL);
  private static final Opcode PERMUTE_HALVES =
      new Opcode(Form.VEX, MAP_0F3A, PREFIX_66, 0x06, 0, Width.VECTOR);
  private static final Opcode INSERT_HALF =
      new Opcode(Form.VEX, MAP_0F3A, PREFIX_66, 0x18, 0, Width.LANE_16);
  private static final Opcode EXTRACT_HALF =
      new Opcode(Form.VEX, MAP_0F3A, PREFIX_66, 0x19, 0, Width.LANE_16);
  private static final Opcode EXTRACT_WIDE_HALF =
      new Opcode(Form.EVEX, MAP_0F3A, PREFIX_66, 0x1B, 1, Width.LANE_32);
  private static final Opcode SHUFFLE_QUARTERS =
      new Opcode(Form.EVEX, MAP_0F3A, PREFIX_66, 0x23, 0, Width.FULL);
  private static final Opcode COMPARE =
      new Opcode(Form.VEX, MAP_0F, PREFIX_NONE, 0xC2, 0, Width.FULL);
  private static final Opcode COMPARE_TO_MASK =
      new Opcode(Form.EVEX, MAP_0F, PREFIX_NONE, 0xC2, 0, Width.FULL);
  private static final Opcode BLEND =
      new Opcode(Form.VEX, MAP_0F3A, PREFIX_66, 0x4A, 0, Width.VECTOR);
  private static final Opcode TO_BRAIN =
      new Opcode(Form.EVEX, MAP_0F38, PREFIX_F3, 0x72, 0, Width.FULL);
  private static final Opcode TWO_TO_BRAIN =
      new Opcode(Form.EVEX, MAP_0F38, PREFIX_F2, 0x72, 0, Width.FULL);
  private static final Opcode DOT_BRAIN =
      new Opcode(Form.EVEX, MAP_0F38, PREFIX_F3, 0x52, 0, Width.FULL);
  private static final Opcode DOT_BYTES =
      new Opcode(Form.EVEX, MAP_0F38, PREFIX_66, 0x50, 0, Width.FULL);

  private static final Opcode STREAM =
      new Opcode(Form.BOTH, MAP_0F, PREFIX_NONE, 0x2B, 0, Width.FULL);
  private static final Opcode STORE_WORDS =
      new Opcode(Form.EVEX, MAP_0F, PREFIX_F2, 0x7F, 1, Width.VECTOR);
  private static final Opcode TO_BYTES =
      new Opcode(Form.EVEX, MAP_0F38, PREFIX_F3, 0x11, 0, Width.QUARTER);

  /** Loads a vector; any alignment. */
  void vmovups(Vec to, Mem from) {
    vector(LOAD, to.bits(), to, 0, from);
  }

  /** Stores a vector; any alignment. */
  void vmovups(Mem to, Vec from) {
    vector(STORE, from.bits(), from, 0, to);
  }

  /** Stores a vector past the caches; aligned to its size. {@link #sfence} comes before others. */
  void vmovntps(Mem to, Vec from) {
    vector(STREAM, from.bits(), from, 0, to);
  }

  /** Copies a register. */
  void vmovaps(Vec to, Vec from) {
    vector(MOVE, to.bits(), to.number(), to, 0, from.number());
  }

  /** One float for all lanes. */
  void vbroadcastss(Vec to, Mem from) {
    vector(BROADCAST, to.bits(), to, 0, from);
  }

  /** The first float for all lanes. */
  void vbroadcastss(Vec to, Vec from) {
    vector(BROADCAST, to.bits(), to.number(), to, 0, from.number());
  }

  /** Loads the lanes whose sign bit is set in the mask, zeros elsewhere; reads no other memory. */
  void vmaskmovps(Vec to, Vec mask, Mem from) {
    vector(MASKED_LOAD, to.bits(), to, mask.number(), from);
  }

  /** Stores the lanes whose sign bit is set in the mask; touches no other memory. */
  void vmaskmovps(Mem to, Vec mask, Vec from) {
    vector(MASKED_STORE, from.bits(), from, mask.number(), to);
  }

  /** Half-precision numbers of a register half as wide to floats. */
  void vcvtph2ps(Vec to, Vec from) {
    vector(FROM_HALF, to.bits(), to.number(), to, 0, from.number());
  }

  /** Half-precision numbers to floats. */
  void vcvtph2ps(Vec to, Mem from) {
    vector(FROM_HALF, to.bits(), to, 0, from);
  }

  /** Unsigned 16-bit integers to 32 bits. */
  void vpmovzxwd(Vec to, Vec from) {
    vector(WIDEN_WORDS, to.bits(), to.number(), to, 0, from.number());
  }

  /** Unsigned 16-bit integers to 32 bits. */
  void vpmovzxwd(Vec to, Mem from) {
    vector(WIDEN_WORDS, to.bits(), to, 0, from);
  }

  /** Two floats of a, then two of b, in each 128 bits; two bits of the choice for each. */
  void vshufps(Vec to, Vec a, Vec b, int choice) {
    vector(SHUFFLE, to.bits(), to.number(), to, a.number(), b.number());
    bytes(choice);
  }

  /** Two of the four halves of a and b. */
  void vperm2f128(Vec to, Vec a, Vec b, int choice) {
    vector(PERMUTE_HALVES, to.bits(), to.number(), to, a.number(), b.number());
    bytes(choice);
  }

  /** a, with one half replaced by 128 bits in memory. */
  void vinsertf128(Vec to, Vec a, Mem b, int half) {
    vector(INSERT_HALF, to.bits(), to, a.number(), b);
    bytes(half);
  }

  /** a, with one half replaced. */
  void vinsertf128(Vec to, Vec a, Vec b, int half) {
    vector(INSERT_HALF, to.bits(), to.number(), to, a.number(), b.number());
    bytes(half);
  }

  /** One half of 256 bits. */
  void vextractf128(Vec to, Vec from, int half) {
    vector(EXTRACT_HALF, from.bits(), from.number(), to, 0, to.number());
    bytes(half);
  }

  /** One half of 512 bits. */
  void vextractf64x4(Vec to, Vec from, int half) {
    vector(EXTRACT_WIDE_HALF, from.bits(), from.number(), to, 0, to.number());
    bytes(half);
  }

  /** Two parts of 128 bits of a, then two of b. */
  void vshuff32x4(Vec to, Vec a, Vec b, int choice) {
    vector(SHUFFLE_QUARTERS, to.bits(), to.number(), to, a.number(), b.number());
    bytes(choice);
  }

  /** Lanes of ones where a predicate (1: less, 14: greater) holds. */
  void vcmpps(Vec to, Vec a, Vec b, int predicate) {
    vector(COMPARE, to.bits(), to.number(), to, a.number(), b.number());
    bytes(predicate);
  }

  /** The lanes where a predicate holds. */
  void vcmpps(Mask to, Vec a, Vec b, int predicate) {
    Vec noMask = Vec.zmm(0);
    vector(COMPARE_TO_MASK, a.bits(), to.number(), noMask, a.number(), b.number());
    bytes(predicate);
  }

  /** b where the sign bit of the mask is set, else a. */
  void vblendvps(Vec to, Vec a, Vec b, Vec mask) {
    vector(BLEND, to.bits(), to.number(), to, a.number(), b.number());
    bytes(mask.number() << 4);
  }

  /** Floats to bfloat16, half as wide. */
  void vcvtneps2bf16(Vec to, Vec from) {
    vector(TO_BRAIN, from.bits(), to.number(), to, 0, from.number());
  }

  /** Floats of b, then of a, to bfloat16. */
  void vcvtne2ps2bf16(Vec to, Vec a, Vec b) {
    vector(TWO_TO_BRAIN, to.bits(), to.number(), to, a.number(), b.number());
  }

  /** Adds the products of pairs of bfloat16. */
  void vdpbf16ps(Vec to, Vec a, Vec b) {
    vector(DOT_BRAIN, to.bits(), to.number(), to, a.number(), b.number());
  }

  /** Adds the products of pairs of bfloat16. */
  void vdpbf16ps(Vec to, Vec a, Mem b) {
    vector(DOT_BRAIN, to.bits(), to, a.number(), b);
  }

  /** Adds the products of four unsigned with four signed bytes. */
  void vpdpbusd(Vec to, Vec a, Vec b) {
    vector(DOT_BYTES, to.bits(), to.number(), to, a.number(), b.number());
  }

  /** Adds the products of four unsigned with four signed bytes. */
  void vpdpbusd(Vec to, Vec a, Mem b) {
    vector(DOT_BYTES, to.bits(), to, a.number(), b);
  }

  /** Stores 16-bit numbers; a mask has a bit for each. */
  void vmovdqu16(Mem to, Vec from) {
    vector(STORE_WORDS, from.bits(), from, 0, to);
  }

  /** Stores unsigned 32-bit integers as bytes, 255 for what is greater. */
  void vpmovusdb(Mem to, Vec from) {
    vector(TO_BYTES, from.bits(), from, 0, to);
  }

  /** Copies 16 bits of a register into a mask. */
  void kmovw(Mask to, Gpr from) {
    vex(MAP_0F, PREFIX_NONE, 0, 128, to.number(), 0, 0, from.number() >> 3);
    bytes(0x92);
    modRm(to.number(), from.number());
  }

  /** Copies a mask into a register. */
  void kmovw(Gpr to, Mask from) {
    vex(MAP_0F, PREFIX_NONE, 0, 128, to.number(), 0, 0, 0);
    bytes(0x93);
    modRm(to.number(), from.number());
  }

  /** Forgets the upper halves of the vector registers: before going back to code without AVX. */
  void vzeroupper() {
    bytes(0xC5, 0xF8, 0x77);
  }

  /** Sets up the tiles by 64 bytes in memory. */
  void ldtilecfg(Mem from) {
    vexMemory(MAP_0F38, PREFIX_NONE, 0, 0x49, 0, from, false);
  }

  /** Gives the tiles up: on every way out. */
  void tilerelease() {
    bytes(0xC4, 0xE2, 0x78, 0x49, 0xC0);
  }

  /** Fills a tile with zeros. */
  void tilezero(Tile to) {
    vex(MAP_0F38, PREFIX_F2, 0, 128, to.number(), 0, 0, 0);
    bytes(0x49);
    modRm(to.number(), 0);
  }

  /** Loads a tile; the index of the memory is the distance of its rows. */
  void tileloadd(Tile to, Mem from) {
    vexMemory(MAP_0F38, PREFIX_F2, 0, 0x4B, to.number(), from, true);
  }

  /** Stores a tile; the index of the memory is the distance of its rows. */
  void tilestored(Mem to, Tile from) {
    vexMemory(MAP_0F38, PREFIX_F3, 0, 0x4B, from.number(), to, true);
  }

  /** {@code to += a · b} of bfloat16. */
  void tdpbf16ps(Tile to, Tile a, Tile b) {
    tiles(PREFIX_F3, 0x5C, to, a, b);
  }

  /** {@code to += a · b} of unsigned and signed bytes. */
  void tdpbusd(Tile to, Tile a, Tile b) {
    tiles(PREFIX_66, 0x5E, to, a, b);
  }

  private void tiles(int prefix, int opcode, Tile to, Tile a, Tile b) {
    vex(MAP_0F38, prefix, 0, 128, to.number(), b.number(), 0, 0);
    bytes(opcode);
    modRm(to.number(), a.number());
  }
}
