package dev.viridian.engine.io;

import java.util.Arrays;
import java.util.Random;

/** Random damage to a file, for tests that nothing but a clean refusal follows. */
final class Mutations {
  private Mutations() {}

  /** A copy of {@code good} with one to four of: bits or bytes changed, a part cut, doubled. */
  static byte[] mutate(byte[] good, Random random) {
    byte[] bytes = good.clone();
    for (int n = 1 + random.nextInt(4); n > 0 && bytes.length > 0; n--) {
      int at = random.nextInt(bytes.length);
      switch (random.nextInt(6)) {
        case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> bytes[at] = (byte) random.nextInt(256);
        case 2 -> bytes[at] = (byte) (random.nextBoolean() ? 0xff : 0);
        case 3 -> bytes = Arrays.copyOf(bytes, at);
        case 4 -> bytes = splice(bytes, at, Math.min(bytes.length, at + 1 + random.nextInt(8)), 0);
        default -> bytes = splice(bytes, at, Math.min(bytes.length, at + 1 + random.nextInt(8)), 2);
      }
    }
    return bytes;
  }

  /** The part from..to repeated {@code times} times in place. */
  private static byte[] splice(byte[] bytes, int from, int to, int times) {
    int length = to - from;
    byte[] out = new byte[bytes.length + length * (times - 1)];
    System.arraycopy(bytes, 0, out, 0, from);
    for (int i = 0; i < times; i++) {
      System.arraycopy(bytes, from, out, from + i * length, length);
    }
    System.arraycopy(bytes, to, out, from + times * length, bytes.length - to);
    return out;
  }
}
