package dev.viridian.bench;

import dev.viridian.bench.peer.OpEngine;
import dev.viridian.bench.work.Model;
import dev.viridian.engine.Device;
import dev.viridian.engine.InputException;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Precision;
import dev.viridian.kernels.cpu.CpuOptions;
import dev.viridian.matting.cli.Checks;
import dev.viridian.matting.cli.Devices;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** The flags that all timings share. Values are to be used after {@link #check}. */
final class RunOptions {
  private static final int MIN_SIDE = 64;
  private static final int MAX_SIDE = 4096;
  private static final List<String> IN_PROCESS = List.of("onnxruntime", "djl");

  /** The peer of training alone. */
  private static final String TRAINING = "f32";

  private static final List<String> PEERS =
      List.of("none", "pytorch", "openvino", "onnxruntime", "djl", TRAINING, "all");

  @Option(
      names = "--model",
      paramLabel = "DIR|formula|small",
      description =
          "formula (default): an SD1.5 whose weights are computed, without any file;"
              + " small: the same of the small model.")
  String model = Model.FORMULA;

  @Option(names = "--width", paramLabel = "N", description = "In pixels, default 512.")
  int width = 512;

  @Option(names = "--height", paramLabel = "N", description = "In pixels, default 512.")
  int height = 512;

  @Option(names = "--batch", paramLabel = "N", description = "Pictures at once, default 1.")
  int batch = 1;

  @Option(names = "--steps", paramLabel = "N", description = "Of a whole picture, default 20.")
  int steps = 20;

  @Option(
      names = "--dtype",
      paramLabel = "NAME",
      description =
          "Of the weights, the peer's too: auto (f32 for the formula), f32, bf16, f16; with bf16"
              + " and int8 the UNet, or a single op that has it, also computes in that (int8:"
              + " weights and peer in f32); on a"
              + " CUDA device all networks compute in f16 or bf16.")
  String dtype = "auto";

  @Option(names = "--device", paramLabel = "NAME", description = Devices.HELP)
  String device = Devices.NONE;

  @Option(names = "--threads", paramLabel = "N", description = "Default: all, the peer's too.")
  int threads = Runtime.getRuntime().availableProcessors();

  @Option(
      names = "--peer",
      paramLabel = "NAME",
      split = ",",
      description =
          "Whom to compare with: none, pytorch, openvino, onnxruntime, djl, all; train: f32, which"
              + " is ours without mixed precision.")
  List<String> peers = List.of("none");

  @Option(
      names = "--peer-python",
      paramLabel = "PATH",
      description = "A Python with torch, diffusers, transformers, openvino; default: python3.")
  String peerPython = "python3";

  @Option(
      names = "--peer-layout",
      paramLabel = "NAME",
      description = "PyTorch's memory format: channels-last, contiguous, both (default).")
  String peerLayout = "both";

  @Option(names = "--repeat", paramLabel = "N", description = "Timed runs, default 5.")
  int repeat = 5;

  @Option(
      names = "--warm-up",
      paramLabel = "N",
      description = "Runs before those that count, default 2; train, small model: 20.")
  int warmUp = 2;

  @Option(names = "--vae-tiling", description = "vae: ours decodes band by band.")
  boolean vaeTiling;

  @Option(names = "--profile", description = "Also say which kernels took how long.")
  boolean profile;

  @Option(
      names = "--trace",
      paramLabel = "FILE",
      description = "Write each call of a kernel in one run for Chrome's trace viewer or Perfetto.")
  @Nullable Path trace;

  @Option(
      names = "--filter",
      paramLabel = "TEXT",
      description = "Only the ops whose description has it, such as conv3x3.")
  String filter = "";

  @Option(
      names = "--force",
      paramLabel = "FAMILY=NAME",
      description = "Use only this implementation (and plain loops) of a family: conv=vector.")
  Map<String, String> force = Map.of();

  @Option(
      names = "--history",
      paramLabel = "FILE",
      description = "Also append the results and the machine to this file, as one line of JSON.")
  @Nullable Path history;

  /** Refuses the peer that trains alone. */
  void refuseTraining(CommandSpec command) {
    if (peers.contains(TRAINING)) {
      throw new Checks(command).wrong("--peer " + TRAINING + " is of 'train' alone");
    }
  }

  /** Refuses weights of 16 bits whose products are computed in F32: of single kernels. */
  void refuseHalves(CommandSpec command) {
    if (dtype.equals("f16")) {
      throw new Checks(command)
          .wrong("ops --dtype f16: single kernels compute in f32, bf16 or int8");
    }
  }

  /** Refuses peers that do single operations alone. */
  void requireNetworks(CommandSpec command) {
    refuseTraining(command);
    for (String peer : IN_PROCESS) {
      if (peers.contains(peer)) {
        throw new Checks(command).wrong("--peer " + peer + " does 'ops' alone");
      }
    }
  }

  /**
   * Checks every value.
   *
   * @throws picocli.CommandLine.ParameterException naming the first flag that is wrong, in one line
   */
  void check(CommandSpec command) {
    Checks checks = new Checks(command);
    checks.side("--width", width, MIN_SIDE, MAX_SIDE);
    checks.side("--height", height, MIN_SIDE, MAX_SIDE);
    checks.range("--batch", batch, 1, 64);
    checks.range("--steps", steps, 1, 1000);
    checks.range("--threads", threads, 1, 1024);
    checks.range("--repeat", repeat, 1, 10_000);
    checks.range("--warm-up", warmUp, 0, 10_000);
    force.keySet().forEach(family -> checks.choice("--force", family, CpuOptions.FAMILIES));
    dtype = checks.choice("--dtype", dtype, List.of("auto", "f32", "bf16", "f16", "int8"));
    peers = peers.stream().map(peer -> checks.choice("--peer", peer, PEERS)).toList();
    peerLayout =
        checks.choice("--peer-layout", peerLayout, List.of("both", "channels-last", "contiguous"));
    device = Devices.check(checks, device);
    String cpus = cpusAlone();
    if (cpus != null && isCuda()) {
      throw checks.wrong(cpus + " is of the CPU alone; use --device cpu");
    }
    device = cpus == null ? device : Devices.CPU;
  }

  /** Refuses CUDA devices: for work that is done on the CPU alone. */
  void requireCpu(CommandSpec command, String work) {
    new Checks(command).notYet(work + " --device " + device, isCuda());
    device = Devices.CPU;
  }

  private boolean isCuda() {
    return device.startsWith("cuda");
  }

  /** A flag that only the CPU's kernels know; null if none is given. */
  private @Nullable String cpusAlone() {
    if (profile) {
      return "--profile";
    }
    if (trace != null) {
      return "--trace";
    }
    if (!force.isEmpty()) {
      return "--force";
    }
    return dtype.equals("int8") ? "--dtype int8" : null;
  }

  /**
   * Peers that do single operations within this JVM, of those that are asked for.
   *
   * @throws InputException naming one that is not on the class path
   */
  List<OpEngine> engines() {
    List<OpEngine> there = OpEngine.all();
    for (String peer : IN_PROCESS) {
      if (peers.contains(peer) && there.stream().noneMatch(e -> e.name().equals(peer))) {
        throw new InputException(
            "--peer "
                + peer
                + " is not on the class path; 'mvn -Ppeers -DskipTests package' fetches it"
                + " (170 MB), and the launcher finds it");
      }
    }
    return there.stream().filter(e -> peer(e.name())).toList();
  }

  /** Whether this peer is asked for. */
  boolean peer(String name) {
    return peers.contains(name) || peers.contains("all");
  }

  /** The memory formats of the peer. */
  List<String> layouts() {
    return peerLayout.equals("both") ? List.of("channels-last", "contiguous") : List.of(peerLayout);
  }

  /** The type that weights are loaded in. */
  DType weights() {
    return switch (dtype) {
      case "bf16" -> DType.BF16;
      case "f16" -> DType.F16;
      default -> DType.F32;
    };
  }

  /** What a CUDA device rounds factors to. */
  DType compute() {
    return weights();
  }

  /**
   * What the UNet's weights are packed for: the CPU's way of lower precision.
   *
   * @throws InputException if this processor has no such products
   */
  Precision precision(Device on) {
    Precision asked = on.readsHostMemory() ? precision() : Precision.F32;
    if (asked != Precision.F32 && !on.kernels().packed().offers(asked)) {
      throw new InputException(
          "--dtype "
              + asked.label()
              + ": this processor has no fast products of "
              + asked.label()
              + "; use --dtype f32");
    }
    return asked;
  }

  /** What products with weights are computed in on the CPU. */
  Precision precision() {
    return switch (dtype) {
      case "bf16" -> Precision.BF16;
      case "int8" -> Precision.INT8;
      default -> Precision.F32;
    };
  }

  /** The type for the results: the arithmetic's, if it is none of the weights'. */
  String typeName() {
    return dtype.equals("int8") ? dtype : weightsName();
  }

  /** The same as a word. */
  String weightsName() {
    return weights().name().toLowerCase(Locale.ROOT);
  }
}
