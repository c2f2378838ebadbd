package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * What this processor can do and the system lets it do, asked of the processor itself. Empty, with
 * caches of size 0, where no code can be generated.
 *
 * @param features that both have
 * @param l1 bytes of the first data cache of a core; 0 if unknown
 * @param l2 bytes of the second cache
 * @param l3 bytes of the last cache that cores share
 * @param adders whether vectors are added in units of their own, beside multiplications, and an
 *     addition or multiplication takes one value from memory for all lanes at no cost: Zen 4
 * @param brand what the processor calls itself, which virtual machines shorten; empty if unknown
 */
public record CpuFeatures(
    Set<Feature> features, long l1, long l2, long l3, boolean adders, String brand) {
  /** Parts of the instruction set. */
  public enum Feature {
    /** Integer vectors of 256 bits. */
    AVX2,
    /** Fused multiply-add. */
    FMA,
    /** Conversion of half precision. */
    F16C,
    /** Vectors of 512 bits. */
    AVX512F,
    /** The same for bytes and words. */
    AVX512BW,
    /** Further instructions for 32 and 64 bits. */
    AVX512DQ,
    /** AVX-512's instructions on shorter vectors. */
    AVX512VL,
    /** Dot products of bytes. */
    AVX512_VNNI,
    /** Dot products of bfloat16. */
    AVX512_BF16,
    /** Arithmetic in half precision. */
    AVX512_FP16,
    /** Dot products of bytes without AVX-512. */
    AVX_VNNI,
    /** Tiles. */
    AMX_TILE,
    /** Products of tiles of bfloat16. */
    AMX_BF16,
    /** Products of tiles of bytes. */
    AMX_INT8;

    /** The name that Linux uses in {@code /proc/cpuinfo}. */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** Copies the set. */
  public CpuFeatures {
    features = Set.copyOf(features);
  }

  private static final class Holder {
    static final CpuFeatures HERE = look();
  }

  /** Of the machine at hand. */
  public static CpuFeatures here() {
    return Holder.HERE;
  }

  /** Whether all of some features are there. */
  public boolean has(Feature... wanted) {
    return features.containsAll(Set.of(wanted));
  }

  /** The features' names in the order of their declaration. */
  public List<String> labels() {
    return features.stream().sorted().map(Feature::label).toList();
  }

  private static CpuFeatures look() {
    if (CodePage.supported()) {
      try (Arena arena = Arena.ofConfined();
          Questions questions = new Questions(arena)) {
        return look(questions);
      } catch (IllegalStateException | IllegalCallerException | LinkageError e) {
        System.getLogger(CpuFeatures.class.getName())
            .log(System.Logger.Level.DEBUG, "the processor could not be asked", e);
      }
    }
    return new CpuFeatures(Set.of(), 0, 0, 0, false, "");
  }

  private static CpuFeatures look(Questions questions) {
    Set<Feature> found = EnumSet.noneOf(Feature.class);
    int[] first = questions.cpuid(1, 0);
    boolean saves = bit(first[2], 27) && bit(first[2], 28);
    long states = saves ? questions.xgetbv() : 0;
    boolean seven = questions.cpuid(0, 0)[0] >= 7;
    int[] extended = seven ? questions.cpuid(7, 0) : new int[4];
    int[] further = seven && extended[0] >= 1 ? questions.cpuid(7, 1) : new int[4];
    if (has(states, 0x6)) { // xmm and ymm
      add(found, Feature.FMA, first[2], 12);
      add(found, Feature.F16C, first[2], 29);
      add(found, Feature.AVX2, extended[1], 5);
      add(found, Feature.AVX_VNNI, further[0], 4);
    }
    if (has(states, 0xE6)) { // masks and both halves of zmm, too
      add(found, Feature.AVX512F, extended[1], 16);
      add(found, Feature.AVX512DQ, extended[1], 17);
      add(found, Feature.AVX512BW, extended[1], 30);
      add(found, Feature.AVX512VL, extended[1], 31);
      add(found, Feature.AVX512_VNNI, extended[2], 11);
      add(found, Feature.AVX512_FP16, extended[3], 23);
      add(found, Feature.AVX512_BF16, further[0], 5);
    }
    if (has(states, 0x600E6)) { // tiles and how they are set up, too
      add(found, Feature.AMX_BF16, extended[3], 22);
      add(found, Feature.AMX_TILE, extended[3], 24);
      add(found, Feature.AMX_INT8, extended[3], 25);
    }
    long[] caches = caches(questions);
    // Zen 3 and 4 are one family; further ones have not been measured.
    boolean adders = amd(questions) && family(first[0]) == 0x19 && found.contains(Feature.AVX512F);
    return new CpuFeatures(found, caches[1], caches[2], caches[3], adders, brand(questions));
  }

  private static void add(Set<Feature> found, Feature feature, int word, int bit) {
    if (bit(word, bit)) {
      found.add(feature);
    }
  }

  private static boolean bit(int word, int bit) {
    return (word >>> bit & 1) != 0;
  }

  private static boolean has(long states, long wanted) {
    return (states & wanted) == wanted;
  }

  private static boolean amd(Questions questions) {
    int vendor = questions.cpuid(0, 0)[1];
    return vendor == 0x68747541 || vendor == 0x6F677948; // "Auth…", "Hygo…"
  }

  private static int family(int signature) {
    int family = signature >> 8 & 15;
    return family == 15 ? family + (signature >> 20 & 255) : family;
  }

  /** Bytes of the data caches by level; AMD's processors have the same leaf in another place. */
  private static long[] caches(Questions questions) {
    long[] bytes = new long[4];
    boolean amd = amd(questions);
    int leaf = amd ? 0x8000001D : 4;
    int last = questions.cpuid(amd ? 0x80000000 : 0, 0)[0];
    for (int i = 0; i < 8 && Integer.compareUnsigned(last, leaf) >= 0; i++) {
      int[] cache = questions.cpuid(leaf, i);
      int type = cache[0] & 31;
      int level = cache[0] >> 5 & 7;
      if (type == 0) {
        break;
      }
      if (type != 2 && level < bytes.length) { // 2: instructions alone
        long ways = (cache[1] >>> 22) + 1;
        long partitions = (cache[1] >>> 12 & 1023) + 1;
        long line = (cache[1] & 4095) + 1;
        bytes[level] = ways * partitions * line * (Integer.toUnsignedLong(cache[2]) + 1);
      }
    }
    return bytes;
  }

  /** 48 bytes of text in three leaves, filled up with zeros and spaces. */
  private static String brand(Questions questions) {
    int first = 0x80000002;
    int last = 0x80000004;
    if (Integer.compareUnsigned(questions.cpuid(0x80000000, 0)[0], last) < 0) {
      return "";
    }
    ByteBuffer text = ByteBuffer.allocate(48).order(ByteOrder.LITTLE_ENDIAN);
    for (int leaf = first; leaf <= last; leaf++) {
      for (int word : questions.cpuid(leaf, 0)) {
        text.putInt(word);
      }
    }
    return new String(text.array(), StandardCharsets.US_ASCII).replace('\0', ' ').strip();
  }

  /** Two small functions that ask the processor. */
  private static final class Questions implements AutoCloseable {
    private final MemorySegment words;
    private final CodePage cpuid;
    private final CodePage xgetbv;

    Questions(Arena arena) {
      words = arena.allocate(16, 8);
      cpuid = CodePage.of(code(false));
      xgetbv = CodePage.of(code(true));
    }

    /** Words 0 (eax) and 2 (ecx) are the question; words 0 to 3 (eax to edx) the answer. */
    private static byte[] code(boolean states) {
      X64Assembler a = new X64Assembler();
      a.push(Gpr.RBX);
      a.mov32(Gpr.RAX, Mem.at(Gpr.RDI));
      a.mov32(Gpr.RCX, Mem.at(Gpr.RDI, 8));
      if (states) {
        a.xgetbv();
      } else {
        a.cpuid();
      }
      a.mov32(Mem.at(Gpr.RDI), Gpr.RAX);
      a.mov32(Mem.at(Gpr.RDI, 4), Gpr.RBX);
      a.mov32(Mem.at(Gpr.RDI, 8), Gpr.RCX);
      a.mov32(Mem.at(Gpr.RDI, 12), Gpr.RDX);
      a.pop(Gpr.RBX);
      a.ret();
      return a.code();
    }

    /** eax, ebx, ecx and edx of a leaf. */
    int[] cpuid(int leaf, int subleaf) {
      words.setAtIndex(JAVA_INT, 0, leaf);
      words.setAtIndex(JAVA_INT, 2, subleaf);
      cpuid.call(words.address());
      return words.toArray(JAVA_INT);
    }

    /** The states that the system saves. */
    long xgetbv() {
      words.setAtIndex(JAVA_INT, 2, 0);
      xgetbv.call(words.address());
      return Integer.toUnsignedLong(words.getAtIndex(JAVA_INT, 0));
    }

    @Override
    public void close() {
      cpuid.close();
      xgetbv.close();
    }
  }
}
