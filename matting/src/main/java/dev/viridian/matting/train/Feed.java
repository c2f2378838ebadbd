package dev.viridian.matting.train;

import dev.viridian.engine.InputException;
import dev.viridian.engine.random.TorchRandom;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Samples in an order that follows from seed and position alone: each pass over the data set is a
 * permutation of its own. Workers read ahead of whoever takes them. For one taker.
 *
 * @param <T> a sample
 */
final class Feed<T> implements AutoCloseable {
  /** A sample and its place in the data set. */
  record Taken<T>(int index, T sample) {}

  private record Pending<T>(int index, Future<T> sample) {}

  private final int size;
  private final long seed;
  private final IntFunction<T> reader;
  private final int ahead;
  private final boolean skipBad;
  private final ExecutorService workers;
  private final Deque<Pending<T>> pending = new ArrayDeque<>();
  private long position;
  private long asked;
  private long skipped;
  private long waitedNanos;
  private long pass = -1;
  private long @Nullable [] order;

  /**
   * A feed.
   *
   * @param size of the data set
   * @param position samples that were taken before
   * @param reader reads the sample of an index; called by several threads
   * @param workers how many threads read
   * @param ahead how many samples are read ahead
   * @param skipBad whether samples that cannot be read are left out
   */
  Feed(
      int size,
      long seed,
      long position,
      IntFunction<T> reader,
      int workers,
      int ahead,
      boolean skipBad) {
    this.size = size;
    this.seed = seed;
    this.position = position;
    this.asked = position;
    this.reader = reader;
    this.ahead = ahead;
    this.skipBad = skipBad;
    this.workers =
        Executors.newFixedThreadPool(
            workers, Thread.ofPlatform().daemon().name("samples-", 0).factory());
  }

  private int index(long at) {
    long now = at / size;
    if (order == null || now != pass) {
      // 32 bits are what a seed has; a pass is as good a name for a permutation as any
      order =
          new TorchRandom(seed * 0x9E3779B97F4A7C15L + now * 0x632BE59BD9B4E019L >>> 16)
              .randperm(size);
      pass = now;
    }
    return (int) order[(int) (at % size)];
  }

  /**
   * The next sample.
   *
   * @throws InputException if it cannot be read, or none of a whole pass can
   */
  Taken<T> next() {
    int bad = 0;
    while (true) {
      while (pending.size() <= ahead) {
        int index = index(asked++);
        pending.add(new Pending<>(index, workers.submit(() -> reader.apply(index))));
      }
      Pending<T> first = pending.remove();
      position++;
      long start = System.nanoTime();
      try {
        return new Taken<>(first.index, first.sample.get());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new CancellationException("interrupted");
      } catch (ExecutionException e) {
        if (!(e.getCause() instanceof InputException cause)) {
          throw new IllegalStateException("reading sample " + first.index, e.getCause());
        }
        if (!skipBad) {
          throw new InputException(
              cause.getMessage() + "; --skip-bad leaves such samples out", cause);
        }
        System.getLogger(Feed.class.getName())
            .log(System.Logger.Level.WARNING, "skipped: " + cause.getMessage());
        skipped++;
        if (++bad >= size) {
          throw new InputException(
              "not one sample of the data set can be read: " + cause.getMessage());
        }
      } finally {
        waitedNanos += System.nanoTime() - start;
      }
    }
  }

  /** How many were taken or skipped, from the very beginning. */
  long position() {
    return position;
  }

  /** How many were left out since this feed began. */
  long skipped() {
    return skipped;
  }

  /** How long takers have waited. */
  long waitedNanos() {
    return waitedNanos;
  }

  @Override
  public void close() {
    workers.shutdownNow();
  }
}
