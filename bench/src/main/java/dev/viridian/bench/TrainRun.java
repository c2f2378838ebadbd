package dev.viridian.bench;

import dev.viridian.bench.peer.Peer;
import dev.viridian.bench.peer.PythonPeer;
import dev.viridian.bench.profile.Profile;
import dev.viridian.bench.profile.TimedKernels;
import dev.viridian.bench.work.Model;
import dev.viridian.bench.work.TrainWork;
import dev.viridian.engine.InputException;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.cpu.CpuKernels;
import dev.viridian.kernels.cpu.CpuOptions;
import dev.viridian.kernels.cpu.jit.PeakRate;
import dev.viridian.matting.cli.Checks;
import dev.viridian.matting.train.Stage;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParseResult;

/** Times steps of training, {@code bench train}. */
final class TrainRun {
  private static final int SMALL_SIDE = 128;
  private static final int SMALL_BATCH = 8;

  /** Steps until the compiler is done with most of the backward pass. */
  private static final int SMALL_WARM_UP = 20;

  /** The peer that is ours in f32, beside mixed precision. */
  private static final String OWN = "f32";

  /** What stays free for the system and others. */
  private static final long SPARE = 1L << 30;

  /** The flags that training alone has. */
  static final class Flags {
    @Option(
        names = "--stage",
        paramLabel = "1|2",
        description = "Default: 2 for the small model, else 1.")
    @Nullable String stage;

    @Option(
        names = "--gradient-checkpointing",
        description = "Compute inner values again; always on for models of full size.")
    boolean checkpointing;
  }

  private final RunOptions options;
  private final PrintWriter err;
  private final TrainWork.Setup setup;

  /**
   * Checks what is asked for.
   *
   * @param given what stood on the command line, to tell defaults from it
   * @throws picocli.CommandLine.ParameterException naming a flag that is wrong
   */
  TrainRun(RunOptions options, Flags flags, CommandSpec spec, ParseResult given, PrintWriter err) {
    this.options = options;
    this.err = err;
    if (!given.hasMatchedOption("--model")) {
      options.model = Model.SMALL;
    }
    boolean small = options.model.equals(Model.SMALL);
    if (small && !given.hasMatchedOption("--width") && !given.hasMatchedOption("--height")) {
      options.width = SMALL_SIDE;
      options.height = SMALL_SIDE;
    }
    if (small && !given.hasMatchedOption("--batch")) {
      options.batch = SMALL_BATCH;
    }
    if (small && !given.hasMatchedOption("--warm-up")) {
      options.warmUp = SMALL_WARM_UP;
    }
    options.check(spec);
    options.requireCpu(spec, "train");
    Checks checks = new Checks(spec);
    if (!List.of("auto", "f32", "bf16").contains(options.dtype)) {
      throw checks.wrong("--dtype " + options.dtype + ": the CPU trains in f32 or bf16");
    }
    if (options.width != options.height) {
      throw checks.wrong("training takes squares: --width and --height have to be the same");
    }
    for (String peer : options.peers) {
      if (!List.of("none", "pytorch", OWN, "all").contains(peer)) {
        throw checks.wrong(
            "--peer "
                + peer
                + " does not train; pytorch does, and f32 is ours without mixed precision");
      }
    }
    String stage =
        checks.choice(
            "--stage", flags.stage == null ? (small ? "2" : "1") : flags.stage, List.of("1", "2"));
    setup =
        new TrainWork.Setup(
            stage.equals("1") ? Stage.UNET : Stage.JOINT,
            options.width,
            options.batch,
            flags.checkpointing || !small,
            options.weights());
  }

  /**
   * Times them, in turns where the memory is enough for ours and the peers' together.
   *
   * @throws InputException if it is too little for one alone
   */
  List<Result> results() {
    long available = Machine.availableBytes();
    long needed = setup.neededBytes(options.model);
    if (available > 0 && needed > available) {
      throw new InputException(
          String.format(
              "not enough memory: such a step needs %.1f GB, %.1f GB are free;"
                  + " --model small or a smaller --batch or --width needs less",
              needed / 1e9, available / 1e9));
    }
    Path folder = temporary();
    List<Peer> opened = new ArrayList<>();
    try {
      List<Supplier<Peer>> theirs = peers(folder);
      long all = (theirs.size() + 1) * needed + SPARE;
      Comparison comparison = new Comparison(options.warmUp, options.repeat, err);
      Comparison.Labels labels =
          new Comparison.Labels(1, options.weightsName(), "cpu", options.threads);
      List<Result.PeerResult> done = List.of();
      if (available == 0 || all < available) {
        theirs.forEach(peer -> opened.add(peer.get()));
      } else if (!theirs.isEmpty()) {
        // The peers first: a process that ended has given back all of its memory.
        err.printf(
            "ours and the peers' need %.1f GB together: one after the other, not in turns%n",
            all / 1e9);
        done = comparison.peers(theirs, labels);
      }
      return print(ours(comparison, opened, done, labels, folder.resolve("ours")));
    } finally {
      opened.forEach(Peer::close);
      delete(folder);
    }
  }

  private List<Result> ours(
      Comparison comparison,
      List<Peer> peers,
      List<Result.PeerResult> done,
      Comparison.Labels labels,
      Path folder) {
    Profile profile = new Profile();
    CpuKernels kernels = new CpuKernels(new CpuOptions(options.threads, options.force));
    Kernels used = options.profile ? TimedKernels.around(kernels, profile) : kernels;
    try (TrainWork work = new TrainWork(setup, options.model, used, kernels, folder)) {
      List<Result> results = comparison.run(work, peers, labels);
      if (options.profile) {
        profile.clear();
        long start = System.nanoTime();
        work.run();
        double seconds = (System.nanoTime() - start) / 1e9;
        ProfileText.print(err, profile, seconds, PeakRate.flops(kernels.workers()));
      }
      return done.isEmpty() ? results : done.stream().map(results.getFirst()::beside).toList();
    }
  }

  private List<Result> print(List<Result> results) {
    if (!results.isEmpty()) {
      err.println("ours: " + results.getFirst().ours().parts());
    }
    for (Result result : results) {
      Result.PeerResult peer = result.peer();
      if (peer != null) {
        err.println(peer.name() + ": " + peer.taken().parts());
      }
    }
    return results;
  }

  private List<Supplier<Peer>> peers(Path folder) {
    List<Supplier<Peer>> peers = new ArrayList<>();
    if (options.peers.contains(OWN)) {
      peers.add(() -> own(folder.resolve(OWN)));
    }
    if (!options.peer("pytorch")) {
      return peers;
    }
    Map<String, Object> request = new LinkedHashMap<>();
    request.put("work", "train");
    request.put("stage", setup.stage().key());
    request.put("checkpointing", setup.checkpointing());
    request.put("width", setup.side());
    request.put("batch", setup.batch());
    request.put("dtype", options.weightsName());
    request.put("threads", options.threads);
    if (options.model.equals(Model.SMALL)) {
      Path model = folder.resolve("model");
      Model.formula(options.model, DType.F32).write(model, null);
      request.put("drawn", model.toString());
    } else if (!Model.computed(options.model)) {
      request.put("model", options.model);
    }
    for (String layout : options.layouts()) {
      Map<String, Object> full = new LinkedHashMap<>(request);
      full.put("layout", layout);
      peers.add(() -> new PythonPeer(options.peerPython, "training", full));
    }
    return peers;
  }

  private Peer own(Path folder) {
    CpuKernels kernels = new CpuKernels(new CpuOptions(options.threads, options.force));
    try {
      Files.createDirectories(folder.resolve("run"));
    } catch (IOException e) {
      throw new UncheckedIOException("no temporary folder can be made", e);
    }
    TrainWork.Setup plain =
        new TrainWork.Setup(
            setup.stage(), setup.side(), setup.batch(), setup.checkpointing(), DType.F32);
    return new WorkPeer(
        "ours in f32", new TrainWork(plain, options.model, kernels, kernels, folder));
  }

  private static Path temporary() {
    try {
      Path folder = Files.createTempDirectory("viridian-bench");
      Files.createDirectories(folder.resolve("ours/run"));
      return folder;
    } catch (IOException e) {
      throw new UncheckedIOException("no temporary folder can be made", e);
    }
  }

  private static void delete(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    } catch (IOException e) {
      System.getLogger(TrainRun.class.getName())
          .log(System.Logger.Level.WARNING, folder + " is left behind: " + e);
    }
  }
}
