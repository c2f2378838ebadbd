package dev.viridian.bench;

import dev.viridian.bench.peer.Peer;
import dev.viridian.bench.peer.Run;
import dev.viridian.bench.work.Work;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * Times our work and the peers' in turns, one run each a round, so that what disturbs the machine
 * disturbs all of them; the others idle meanwhile.
 */
final class Comparison {
  private final int warmUp;
  private final int repeat;
  private final PrintWriter progress;

  /**
   * A comparison.
   *
   * @param warmUp rounds before those that count: our code is compiled meanwhile, and the pages of
   *     the weights come in
   */
  Comparison(int warmUp, int repeat, PrintWriter progress) {
    this.warmUp = warmUp;
    this.repeat = repeat;
    this.progress = progress;
  }

  /**
   * What the results say of themselves.
   *
   * @param calls how many calls one run makes; the results are of one call
   */
  record Labels(int calls, String dtype, String device, int threads) {}

  /** Runs them; one result for each peer, or a single one without. */
  List<Result> run(Work work, List<Peer> peers, Labels labels) {
    List<Run> ours = new ArrayList<>();
    List<List<Run>> theirs = new ArrayList<>();
    peers.forEach(peer -> theirs.add(new ArrayList<>()));
    for (int round = -warmUp; round < repeat; round++) {
      note(work.name(), round, once(work), ours);
      for (int i = 0; i < peers.size(); i++) {
        note(peers.get(i).name(), round, peers.get(i).run(), theirs.get(i));
      }
    }
    Result.Taken mine = Result.Taken.of(ours, labels.calls, Machine.peakRssBytes());
    Result alone = new Result(work.name(), labels.dtype, labels.device, labels.threads, mine, null);
    List<Result> results = new ArrayList<>();
    for (int i = 0; i < peers.size(); i++) {
      results.add(alone.beside(taken(peers.get(i), theirs.get(i), labels.calls)));
    }
    return peers.isEmpty() ? List.of(alone) : results;
  }

  /**
   * Runs peers alone, each ended before the next begins: for what does not fit into the memory
   * together. What disturbs the machine meanwhile is not shared.
   */
  List<Result.PeerResult> peers(List<Supplier<Peer>> peers, Labels labels) {
    List<Result.PeerResult> results = new ArrayList<>();
    for (Supplier<Peer> other : peers) {
      List<Run> runs = new ArrayList<>();
      try (Peer peer = other.get()) {
        for (int round = -warmUp; round < repeat; round++) {
          note(peer.name(), round, peer.run(), runs);
        }
        results.add(taken(peer, runs, labels.calls));
      }
    }
    return results;
  }

  private static Result.PeerResult taken(Peer peer, List<Run> runs, int calls) {
    return new Result.PeerResult(peer.name(), Result.Taken.of(runs, calls, peer.peakRssBytes()));
  }

  /** Does work once and says what it took. */
  static Run once(Work work) {
    Map<String, Double> before = work.phases();
    double cpu = Machine.cpuSeconds();
    long start = System.nanoTime();
    work.run();
    double seconds = (System.nanoTime() - start) / 1e9;
    double cpuSeconds = Machine.cpuSeconds() - cpu;
    Map<String, Double> phases = new LinkedHashMap<>();
    work.phases().forEach((p, total) -> phases.put(p, total - before.getOrDefault(p, 0.0)));
    return new Run(seconds, cpuSeconds, phases);
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
