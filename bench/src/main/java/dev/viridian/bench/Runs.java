package dev.viridian.bench;

import dev.viridian.bench.peer.OpEngine;
import dev.viridian.bench.peer.Peer;
import dev.viridian.bench.peer.PythonPeer;
import dev.viridian.bench.profile.Profile;
import dev.viridian.bench.profile.TimedKernels;
import dev.viridian.bench.profile.Trace;
import dev.viridian.bench.shapes.OpCase;
import dev.viridian.bench.work.MemoryWatch;
import dev.viridian.bench.work.Model;
import dev.viridian.bench.work.OpCheck;
import dev.viridian.bench.work.OpWork;
import dev.viridian.bench.work.Work;
import dev.viridian.diffusion.weights.ModelFiles;
import dev.viridian.engine.Device;
import dev.viridian.engine.InputException;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.Precision;
import dev.viridian.kernels.cpu.CpuKernels;
import dev.viridian.kernels.cpu.CpuOptions;
import dev.viridian.kernels.cpu.jit.PeakRate;
import dev.viridian.matting.cli.Devices;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Carries out one command. */
final class Runs {
  private static final double OP_SECONDS = 0.2;
  private static final int MOST_CALLS = 10_000;

  /** Makes the work on a loaded model. */
  @FunctionalInterface
  interface WorkMaker {
    Work make(ModelFiles model, Device device, DType dtype);
  }

  private final RunOptions options;
  private final boolean json;
  private final PrintWriter out;
  private final PrintWriter err;
  private final double load = Machine.load();

  Runs(RunOptions options, boolean json, PrintWriter out, PrintWriter err) {
    this.options = options;
    this.json = json;
    this.out = out;
    this.err = err;
    if (load > Runtime.getRuntime().availableProcessors() / 2.0) {
      err.printf(
          "others keep this machine busy (load %.1f): CPU times say more than the clock%n", load);
    }
  }

  /** Times a network; the name of the work is that of the peer's request. */
  int network(String what, WorkMaker maker) {
    Profile profile = new Profile();
    boolean watched = options.profile || options.trace != null;
    List<Peer> peers = new ArrayList<>();
    try (Device device =
            Devices.open(
                options.device,
                options.compute(),
                () -> Device.cpu(watched ? TimedKernels.around(kernels(), profile) : kernels()),
                err::println);
        ModelFiles model = Model.open(options.model, options.weights());
        MemoryWatch work = new MemoryWatch(maker.make(model, device, options.weights()), device)) {
      Map<String, Object> request = new LinkedHashMap<>();
      request.put("work", what);
      request.put("width", options.width);
      request.put("height", options.height);
      request.put("batch", options.batch);
      request.put("steps", options.steps);
      openPeers(peers, request, device.name());
      Comparison comparison = new Comparison(options.warmUp, options.repeat, err);
      List<Result> results =
          comparison.run(
              work,
              peers,
              new Comparison.Labels(1, options.typeName(), device.name(), options.threads));
      Map<String, Object> memory = work.taken();
      err.println(work);
      if (watched) {
        profile.clear();
        long start = System.nanoTime();
        work.run();
        double seconds = (System.nanoTime() - start) / 1e9;
        if (options.trace != null) {
          Trace.write(options.trace, profile);
        }
        if (options.profile) {
          try (CpuKernels others = kernels()) {
            ProfileText.print(err, profile, seconds, PeakRate.flops(others.workers()));
          }
        }
      }
      print(what, results, memory);
      return dev.viridian.matting.cli.Main.OK;
    } finally {
      peers.forEach(Peer::close);
    }
  }

  /** Times single kernels. */
  int ops() {
    Precision precision = options.precision();
    List<OpCase> all = OpCase.all().stream().filter(c -> c.has(precision)).toList();
    List<OpCase> cases = all.stream().filter(c -> c.label().contains(options.filter)).toList();
    if (cases.isEmpty()) {
      throw new InputException(
          "--filter '"
              + options.filter
              + "' leaves nothing of "
              + String.join(", ", all.stream().map(OpCase::label).toList())
              + (precision == Precision.F32 ? "" : ", which there are in " + precision.label()));
    }
    List<OpEngine> engines = options.engines();
    List<Result> results = new ArrayList<>();
    try (Kernels kernels = kernels()) {
      if (precision != Precision.F32 && !kernels.packed().offers(precision)) {
        throw new InputException(
            "ops --dtype " + precision.label() + ": this processor has no such fast products");
      }
      for (OpCase op : cases) {
        int calls = calls(op, kernels, precision);
        List<Peer> peers = new ArrayList<>();
        try (Work work = new OpWork(op, kernels, precision, calls)) {
          Map<String, Object> request = new LinkedHashMap<>(op.request());
          request.put("work", "op");
          request.put("calls", calls);
          openPeers(peers, request, Devices.CPU);
          openEngines(peers, engines, op, kernels, calls);
          List<Result> some =
              new Comparison(options.warmUp, options.repeat, err)
                  .run(
                      work,
                      peers,
                      new Comparison.Labels(calls, options.typeName(), "cpu", options.threads));
          double seconds = some.getFirst().ours().seconds().median();
          err.printf("%s: %.1f GFLOP/s%n", op.label(), op.flops() / seconds / 1e9);
          results.addAll(some);
        } finally {
          peers.forEach(Peer::close);
        }
      }
    }
    print("ops", results, Map.of());
    return dev.viridian.matting.cli.Main.OK;
  }

  /** Times steps of training. */
  int train(TrainRun run) {
    print("train", run.results(), Map.of());
    return dev.viridian.matting.cli.Main.OK;
  }

  /** How many calls take long enough to be timed, after some for the compiler. */
  private static int calls(OpCase op, Kernels kernels, Precision precision) {
    try (Work work = new OpWork(op, kernels, precision, 1)) {
      work.run(); // the first of all chooses, makes and checks an implementation
    }
    int calls = 1;
    while (calls < MOST_CALLS) {
      try (Work work = new OpWork(op, kernels, precision, calls)) {
        long start = System.nanoTime();
        work.run();
        double seconds = (System.nanoTime() - start) / 1e9;
        if (seconds >= OP_SECONDS) {
          return Math.max(1, (int) (calls * OP_SECONDS / seconds));
        }
      }
      calls *= 2;
    }
    return calls;
  }

  private CpuKernels kernels() {
    return new CpuKernels(new CpuOptions(options.threads, options.force));
  }

  private void openPeers(List<Peer> peers, Map<String, Object> request, String device) {
    Map<String, Object> full = new LinkedHashMap<>(request);
    full.put("device", device);
    full.put("threads", options.threads);
    full.put("dtype", options.weightsName());
    boolean python = options.peer("pytorch") || options.peer("openvino");
    if (python && !options.model.equals(Model.FORMULA)) {
      if (!Files.isDirectory(Path.of(options.model))) {
        throw new InputException(
            "--model " + options.model + ": peers are given a model folder, expected one");
      }
      full.put("model", options.model);
    }
    if (options.peer("pytorch")) {
      for (String layout : options.layouts()) {
        full.put("layout", layout);
        peers.add(new PythonPeer(options.peerPython, "pytorch", full));
      }
    }
    boolean cpu = device.equals(Devices.CPU);
    if (!cpu && options.peers.contains("openvino")) {
      throw new InputException("--peer openvino computes on the CPU; use --device cpu");
    }
    if (cpu && options.peer("openvino")) {
      peers.add(new PythonPeer(options.peerPython, "openvino", full));
    }
  }

  private void openEngines(
      List<Peer> peers, List<OpEngine> engines, OpCase op, Kernels kernels, int calls) {
    for (OpEngine engine : engines) {
      if (options.weights() != DType.F32) {
        throw new InputException("--peer " + engine.name() + " computes in f32 here");
      }
      boolean both = engine.choosesLayout() && op.inputs().getFirst().length == 4;
      for (String layout : both ? options.layouts() : List.of("contiguous")) {
        peers.add(
            OpCheck.checked(
                engine, op, kernels, layout.equals("channels-last"), options.threads, calls));
      }
    }
  }

  private void print(String what, List<Result> results, Map<String, Object> memory) {
    List<Map<String, Object>> list = results.stream().map(Result::json).toList();
    list.forEach(json -> json.putAll(memory));
    if (json) {
      out.println(Json.text(list));
    } else {
      results.forEach(result -> out.println(result.text()));
    }
    out.flush();
    Path file = options.history;
    if (file != null) {
      Map<String, Object> line = new LinkedHashMap<>();
      line.put("date", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
      line.put("command", what);
      line.put("width", options.width);
      line.put("height", options.height);
      line.put("repeat", options.repeat);
      line.put("load_before", load);
      line.put("machine", Machine.describe());
      line.put("results", list);
      try {
        Files.writeString(
            file, Json.line(line) + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
      } catch (IOException e) {
        throw new InputException("--history " + file + ": cannot be written: " + e, e);
      }
    }
  }
}
