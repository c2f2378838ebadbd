package dev.viridian.bench;

import dev.viridian.bench.peer.Peer;
import dev.viridian.bench.peer.Run;
import dev.viridian.bench.work.Work;

/**
 * Our own work in a peer's place: the same with other settings, within this JVM.
 *
 * @param work closed with this
 */
record WorkPeer(String name, Work work) implements Peer {
  @Override
  public Run run() {
    return Comparison.once(work);
  }

  /** Not known of a part of this process. */
  @Override
  public long peakRssBytes() {
    return 0;
  }

  @Override
  public void close() {
    work.close();
  }
}
