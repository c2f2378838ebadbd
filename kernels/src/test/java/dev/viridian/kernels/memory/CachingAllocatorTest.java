package dev.viridian.kernels.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Reuse, limits, and that what is cached stays in proportion to what is used. */
class CachingAllocatorTest {
  private static final long MEBIBYTE = 1 << 20;

  @Test
  void whatIsReleasedIsHandedOutAgain() {
    try (CachingAllocator allocator = new CachingAllocator()) {
      HostBuffer first = allocator.allocate(5 * MEBIBYTE);
      long address = first.segment().address();
      allocator.release(first);
      HostBuffer second = allocator.allocate(5 * MEBIBYTE - 3);
      assertEquals(address, second.segment().address());
      assertEquals(5 * MEBIBYTE - 3, second.bytes());
      allocator.release(second);
      assertEquals(0, allocator.usage().used());
      assertEquals(5 * MEBIBYTE, allocator.usage().cached());
      allocator.trim();
      assertEquals(0, allocator.usage().cached());
    }
  }

  @Test
  void emptyAndSmallRequestsGetMemoryOfTheirOwn() {
    try (CachingAllocator allocator = new CachingAllocator()) {
      HostBuffer a = allocator.allocate(0);
      HostBuffer b = allocator.allocate(1);
      assertEquals(0, a.bytes());
      assertTrue(a.segment().address() != b.segment().address());
      allocator.release(a);
      allocator.release(b);
      assertThrows(IllegalStateException.class, () -> allocator.release(b));
    }
    assertThrows(IllegalArgumentException.class, () -> new CachingAllocator().allocate(-1));
  }

  @Test
  void aLimitIsKeptAndSaysWhatItWasAskedFor() {
    try (CachingAllocator allocator = new CachingAllocator(16 * MEBIBYTE)) {
      HostBuffer a = allocator.allocate(10 * MEBIBYTE);
      allocator.release(a); // cached: must make room
      HostBuffer b = allocator.allocate(14 * MEBIBYTE);
      DeviceMemoryException e =
          assertThrows(DeviceMemoryException.class, () -> allocator.allocate(3 * MEBIBYTE));
      assertTrue(e.getMessage().contains("requested 3 MiB, used 14 MiB"), e.getMessage());
      assertTrue(e.getMessage().contains("limit 16 MiB, free 2 MiB"), e.getMessage());
      allocator.release(b);
    }
  }

  @Test
  void blocksThatNobodyAsksForDoNotPileUp() {
    Random random = new Random(1);
    try (CachingAllocator allocator = new CachingAllocator()) {
      List<HostBuffer> live = new ArrayList<>();
      for (int i = 0; i < 150; i++) {
        live.add(allocator.allocate((1 + random.nextInt(20)) * MEBIBYTE + random.nextInt(1000)));
        if (live.size() > 4) {
          allocator.release(live.remove(random.nextInt(live.size())));
        }
        Allocator.Usage now = allocator.usage();
        long allowed = now.peak() + Math.max(now.peak() / 32, 64 * MEBIBYTE);
        assertTrue(now.used() + now.cached() <= allowed, () -> "holds too much: " + now);
      }
      live.forEach(allocator::release);
      assertEquals(0, allocator.usage().used());
    }
  }

  @Test
  void theSameRequestsAgainTakeNothingFromTheSystem() {
    try (CachingAllocator allocator = new CachingAllocator()) {
      HostBuffer a = allocator.allocate(3 * MEBIBYTE);
      HostBuffer b = allocator.allocate(7 * MEBIBYTE);
      allocator.release(a);
      allocator.release(b);
      long held = allocator.usage().cached();
      HostBuffer again = allocator.allocate(7 * MEBIBYTE);
      assertEquals(held, allocator.usage().used() + allocator.usage().cached());
      assertSame(HostBuffer.class, again.getClass());
      allocator.release(again);
    }
  }

  /** With small blocks between them that stay, as those of a trainer's do; in the second round. */
  @Test
  void blocksOfSomeSizeGoBackToTheSystem() throws IOException {
    Path maps = Path.of("/proc/self/maps");
    assumeTrue(SystemMemory.supported() && Files.exists(maps), "needs Linux: " + maps);
    try (CachingAllocator allocator = new CachingAllocator()) {
      List<HostBuffer> small = new ArrayList<>();
      List<Long> addresses = new ArrayList<>();
      for (int round = 0; round < 2; round++) {
        List<HostBuffer> blocks = new ArrayList<>();
        addresses.clear();
        for (int i = 0; i < 64; i++) {
          blocks.add(allocator.allocate(MEBIBYTE / 4));
          addresses.add(blocks.getLast().segment().address());
          small.add(allocator.allocate(1024));
        }
        blocks.forEach(allocator::release);
        allocator.trim();
      }
      List<String> lines = Files.readAllLines(maps);
      long left = addresses.stream().filter(a -> lines.stream().anyMatch(l -> holds(l, a))).count();
      assertTrue(left <= 8, left + " of 64 blocks are still mapped"); // others may map there, too
      small.forEach(allocator::release);
    }
  }

  private static boolean holds(String line, long address) {
    int dash = line.indexOf('-');
    long from = Long.parseUnsignedLong(line.substring(0, dash), 16);
    long to = Long.parseUnsignedLong(line.substring(dash + 1, line.indexOf(' ')), 16);
    return Long.compareUnsigned(from, address) <= 0 && Long.compareUnsigned(address, to) < 0;
  }
}
