package dev.viridian.bench;

import dev.viridian.bench.peer.Peer;
import dev.viridian.bench.peer.Run;
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
    List<Run> ours = new ArrayList<>();
    List<List<Run>> theirs = new ArrayList<>();
    peers.forEach(peer -> theirs.add(new ArrayList<>()));
    for (int round = -WARM_UP; round < repeat; round++) {
      double cpu = Machine.cpuSeconds();
      long start = System.nanoTime();
      work.run();
      double seconds = (System.nanoTime() - start) / 1e9;
      note(work.name(), round, new Run(seconds, Machine.cpuSeconds() - cpu), ours);
      for (int i = 0; i < peers.size(); i++) {
        note(peers.get(i).name(), round, peers.get(i).run(), theirs.get(i));
      }
    }
    Result.Taken mine = Result.Taken.of(ours, calls, Machine.peakRssBytes());
    List<Result> results = new ArrayList<>();
    if (peers.isEmpty()) {
      results.add(new Result(work.name(), dtype, device, threads, mine, null));
    }
    for (int i = 0; i < peers.size(); i++) {
      Peer peer = peers.get(i);
      Result.Taken other = Result.Taken.of(theirs.get(i), calls, peer.peakRssBytes());
      results.add(
          new Result(
              work.name(),
              dtype,
              device,
              threads,
              mine,
              new Result.PeerResult(peer.name(), other)));
    }
    return results;
  }

  private void note(String who, int round, Run run, List<Run> counted) {
    progress.printf(
        "%s %s: %.4f s, CPU %.4f s%n",
        round < 0 ? "warming up," : "round " + (round + 1) + ",",
        who,
        run.seconds(),
        run.cpuSeconds());
    progress.flush();
    if (round >= 0) {
      counted.add(run);
    }
  }
}
