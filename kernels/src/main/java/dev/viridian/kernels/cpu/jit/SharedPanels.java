package dev.viridian.kernels.cpu.jit;

import dev.viridian.kernels.cpu.threads.Workers;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Panels that are copied before they are used, once for all threads. */
final class SharedPanels extends CopiedPanels {
  /** Values of K that are copied at a time: they stay in the first cache. */
  private static final int DEPTH = 256;

  private final int firstK;
  private final int depth;

  /** Bytes of a panel's numbers up to each part. */
  private final long[] numbersTo;

  /** Parts that are nothing for pairs. */
  private final boolean[] unusual;

  private final MemorySegment memory;

  SharedPanels(
      Kit kit,
      RightFactor factor,
      List<ProductPart> parts,
      int column,
      int columns,
      boolean paired) {
    super(kit, factor, parts, column, columns, paired);
    firstK = parts.isEmpty() ? 0 : parts.getFirst().k();
    depth = parts.stream().mapToInt(ProductPart::values).sum();
    numbersTo = new long[parts.size() + 1];
    for (int i = 0; i < parts.size(); i++) {
      numbersTo[i + 1] = numbersTo[i] + numberBytes(parts.get(i));
    }
    unusual = new boolean[Math.multiplyExact(count(), parts.size())];
    long bytes = panelAt(count()) + count() * numbersTo[parts.size()];
    memory = NativeScratch.get(NativeScratch.Part.PANELS, bytes);
  }

  /** Byte where a panel begins. */
  private long panelAt(int panel) {
    return 4L * panel * panelColumns() * depth;
  }

  /** Byte where a value of K of a panel begins. */
  private long at(int panel, int k) {
    return panelAt(panel) + 4L * width(panel) * (k - firstK);
  }

  @Override
  void prepare(Workers workers) {
    if (paired) {
      workers.run(
          Math.multiplyExact(count(), parts.size()),
          task -> prepare(task / parts.size(), task % parts.size()));
    } else if (depth > 0) {
      int blocks = Math.ceilDiv(depth, DEPTH);
      workers.run(
          Math.multiplyExact(count(), blocks),
          task -> {
            int from = task % blocks * DEPTH;
            int k = firstK + from;
            int panel = task / blocks;
            copy(panel, k, Math.min(DEPTH, depth - from), memory, at(panel, k));
          });
    }
  }

  private void prepare(int panel, int part) {
    ProductPart p = parts.get(part);
    copy(panel, p.k(), p.values(), memory, at(panel, p.k()));
    unusual[panel * parts.size() + part] =
        !scale(panel, p, address(panel, part), numbers(panel, part));
  }

  private long address(int panel, int part) {
    ProductPart p = parts.get(part);
    return Range.address(memory, at(panel, p.k()), 4L * width(panel) * p.values());
  }

  @Override
  long values(int panel, int part) {
    return paired ? copyOwn(panel, part).address() : address(panel, part);
  }

  @Override
  long pairs(int panel, int part) {
    return unusual[panel * parts.size() + part] ? 0 : address(panel, part);
  }

  @Override
  long numbers(int panel, int part) {
    long at = panelAt(count()) + panel * numbersTo[parts.size()] + numbersTo[part];
    return Range.address(memory, at, numberBytes(parts.get(part)));
  }

  @Override
  @Nullable FetchTable fetches(long entries) {
    return null;
  }

  @Override
  long next(int panel, int part, int from, int to) {
    return 0;
  }
}
