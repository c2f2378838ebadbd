package dev.viridian.bench;

import dev.viridian.bench.peer.Peer;
import dev.viridian.bench.work.Work;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;

/**
 * Times our work and the peers' in turns, one run each a round, so that what disturbs the machine
 * disturbs all of them; the others idle meanwhile.
 */
final class Comparison {
  /** Our code is compiled while it warms up, and the pages of the weights come in. */
  private static final int WARM_UP = 2;

  private final int repeat;
  private final PrintWriter progress;

  Comparison(int repeat, PrintWriter progress) {
    this.repeat = repeat;
    this.progress = progress;
  }

  /**
   * Runs them.
   *
   * @param calls how many calls one run makes; the results are of one call
   * @return one result for each peer, or a single one without
   */
  List<Result> run(
      Work work, List<Peer> peers, int calls, String dtype, String device, int threads) {
    double[] ours = new double[repeat];
    double[][] theirs = new double[peers.size()][repeat];
    for (int round = -WARM_UP; round < repeat; round++) {
      long start = System.nanoTime();
      work.run();
      double seconds = (System.nanoTime() - start) / 1e9;
      note(work.name(), round, seconds);
      if (round >= 0) {
        ours[round] = seconds;
      }
      for (int i = 0; i < peers.size(); i++) {
        double peerSeconds = peers.get(i).run();
        note(peers.get(i).name(), round, peerSeconds);
        if (round >= 0) {
          theirs[i][round] = peerSeconds;
        }
      }
    }
    Seconds mine = Seconds.of(ours).dividedBy(calls);
    long rss = Machine.peakRssBytes();
    List<Result> results = new ArrayList<>();
    if (peers.isEmpty()) {
      results.add(new Result(work.name(), dtype, device, threads, mine, rss, null));
    }
    for (int i = 0; i < peers.size(); i++) {
      Seconds other = Seconds.of(theirs[i]).dividedBy(calls);
      Peer peer = peers.get(i);
      Result.PeerResult result = new Result.PeerResult(peer.name(), other, peer.peakRssBytes());
      results.add(new Result(work.name(), dtype, device, threads, mine, rss, result));
    }
    return results;
  }

  private void note(String who, int round, double seconds) {
    progress.printf(
        "%s %s: %.4f s%n", round < 0 ? "warming up," : "round " + (round + 1) + ",", who, seconds);
    progress.flush();
  }
}
