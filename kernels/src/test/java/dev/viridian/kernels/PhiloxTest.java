package dev.viridian.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import org.junit.jupiter.api.Test;

/** The known answers published with Random123 (file kat_vectors, philox 4x32, 10 rounds). */
class PhiloxTest {
  @Test
  void givesTheKnownAnswers() {
    assertArrayEquals(
        new int[] {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        Philox.block(new int[4], new int[2]));
    assertArrayEquals(
        new int[] {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        Philox.block(new int[] {-1, -1, -1, -1}, new int[] {-1, -1}));
    assertArrayEquals(
        new int[] {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
        Philox.block(
            new int[] {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
            new int[] {0xa4093822, 0x299f31d0}));
  }

  @Test
  void streamsPutTheBlockInTheCounterAndTheSeedInTheKey() {
    int[] words = new int[4];
    Philox.block(0x1122334455667788L, 0x0a0b0c0d01020304L, words);
    assertArrayEquals(
        Philox.block(new int[] {0x01020304, 0x0a0b0c0d, 0, 0}, new int[] {0x55667788, 0x11223344}),
        words);
  }
}
