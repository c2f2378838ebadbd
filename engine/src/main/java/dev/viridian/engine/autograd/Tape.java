package dev.viridian.engine.autograd;

import dev.viridian.engine.Device;
import dev.viridian.engine.Layout;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.kernels.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Records operations while it is open on its thread, and walks them back for gradients. Without an
 * open tape nothing is recorded or kept.
 *
 * <pre>{@code
 * try (Tape tape = Tape.open()) {
 *   Tensor loss = MseLoss.of(model.forward(x), target);
 *   try (Gradients g = tape.gradients(loss)) { … g.get(parameter) … }
 * }
 * }</pre>
 *
 * <p>What the backward pass needs is kept by hidden counts, so scopes may close in between. {@link
 * #gradients} uses the record up. A tape belongs to the thread that opened it.
 */
public final class Tape implements AutoCloseable {
  private static final ThreadLocal<@Nullable Tape> CURRENT = new ThreadLocal<>();

  private final @Nullable Tape outer;
  private final List<Node> nodes = new ArrayList<>();
  private final Set<Tensor> tracked = Collections.newSetFromMap(new IdentityHashMap<>());
  private boolean paused;

  /** What is tracked for a time though nothing is recorded; null while things are. */
  private @Nullable List<Tensor> passing;

  private Tape(@Nullable Tape outer) {
    this.outer = outer;
  }

  /** Starts a record, inside another if one is open. */
  public static Tape open() {
    Tape tape = new Tape(CURRENT.get());
    CURRENT.set(tape);
    return tape;
  }

  /** The tape that records on this thread, if any. */
  public static @Nullable Tape current() {
    Tape tape = CURRENT.get();
    return tape == null || tape.paused ? null : tape;
  }

  /**
   * What a network keeps its activations in on this thread: the device's type, or F32 while a tape
   * is open, even one that is paused, so that what is computed twice is the same both times.
   */
  public static DType activations(Device device) {
    return CURRENT.get() == null ? device.activations() : DType.F32;
  }

  /** Computes without recording, on a thread that may have a tape open. */
  public static <T> T withoutRecording(Supplier<T> work) {
    Tape tape = CURRENT.get();
    if (tape == null || tape.paused) {
      return work.get();
    }
    tape.paused = true;
    try {
      return work.get();
    } finally {
      tape.paused = false;
    }
  }

  /**
   * Computes just as with recording, to the bit, and keeps none of it: an op whose results a
   * backward pass would need computes them in the way that suits it, if not the fastest.
   */
  <T> T forgetting(Supplier<T> work) {
    passing = new ArrayList<>();
    try {
      return work.get();
    } finally {
      passing.forEach(tracked::remove);
      passing = null;
    }
  }

  /** Whether what happens is not recorded at the moment, but computed as if it were. */
  boolean forgets() {
    return passing != null;
  }

  private static void withoutRecording(Runnable work) {
    withoutRecording(
        () -> {
          work.run();
          return true;
        });
  }

  /** Whether a gradient can flow to this tensor on this tape. */
  boolean tracks(Tensor tensor) {
    return tensor.requiresGradient() || tracked.contains(tensor);
  }

  void track(Tensor tensor) {
    tracked.add(tensor);
  }

  void record(Node node) {
    nodes.add(node);
  }

  /** One step of the record. */
  interface Node extends AutoCloseable {
    /** The tensors that gradients arrive at. */
    List<Tensor> outputs();

    /** Passes the gradients of the outputs (some may be null) on to the inputs. */
    void backward(List<@Nullable Tensor> outputGradients, Sink sink);

    /** Lets go of what was kept. */
    @Override
    void close();
  }

  /** Where gradients of inputs go; takes ownership. */
  interface Sink {
    void add(Tensor input, Tensor gradient, boolean fresh);
  }

  /** Applies an operation of one result. */
  public static Tensor apply(Op op, Tensor... inputs) {
    return applyAll(op, inputs).getFirst();
  }

  /**
   * Applies an operation: checks, allocates, computes, records.
   *
   * @throws ShapeException if the op refuses the inputs' shapes or types
   * @throws IllegalArgumentException if the inputs are on several devices
   */
  public static List<Tensor> applyAll(Op op, Tensor... inputs) {
    Device device = inputs[0].device();
    for (Tensor input : inputs) {
      if (input.device() != device) {
        throw new IllegalArgumentException(
            op.name() + ": " + input + " is on another device than " + inputs[0]);
      }
    }
    Tape tape = current();
    boolean[] wanted = new boolean[inputs.length];
    boolean recording = false;
    if (tape != null) {
      for (int i = 0; i < inputs.length; i++) {
        wanted[i] = tape.tracks(inputs[i]);
        recording |= wanted[i];
      }
    }
    OpNode.Result result =
        switch (op) {
          case ViewOp v -> view(v, inputs);
          case ComputeOp c -> compute(c, device, inputs, recording, recording && !tape.forgets());
        };
    if (tape != null && recording) {
      List<Tensor> passing = tape.passing;
      if (passing == null) {
        tape.record(new OpNode(op, inputs, wanted, result));
      } else {
        passing.addAll(result.outputs());
      }
      result.outputs().forEach(tape::track);
    }
    return result.outputs();
  }

  /** Sees to it that a refusal names the op. */
  private static <T> T named(Op op, Supplier<T> work) {
    try {
      return work.get();
    } catch (ShapeException e) {
      if (e.getMessage().contains(op.name())) {
        throw e;
      }
      throw new ShapeException(op.name() + ": " + e.getMessage());
    }
  }

  private static OpNode.Result view(ViewOp op, Tensor[] inputs) {
    inputs[0].buffer(op.name()); // an error if it is closed
    Layout layout = named(op, () -> op.view(inputs[0].layout()));
    return new OpNode.Result(List.of(inputs[0].view(layout)), List.of(inputs[0]), List.of());
  }

  private static OpNode.Result compute(
      ComputeOp op, Device device, Tensor[] inputs, boolean saving, boolean keeping) {
    List<TensorSpec> specs = Arrays.stream(inputs).map(Tensor::spec).toList();
    List<TensorSpec> outputSpecs = named(op, () -> op.infer(specs));
    try (MemoryScope scope = MemoryScope.open()) {
      List<Tensor> read = new ArrayList<>();
      for (int i = 0; i < inputs.length; i++) {
        inputs[i].buffer(op.name()); // an error if it is closed
        read.add(op.readsStrides(i) ? inputs[i] : contiguous(inputs[i]));
      }
      List<Tensor> outputs = outputSpecs.stream().map(s -> Tensor.empty(device, s)).toList();
      List<Tensor> saved =
          saving ? op.saved(specs).stream().map(s -> Tensor.empty(device, s)).toList() : List.of();
      Forward c = new Forward(op, device, read, outputs, saved, saving);
      withoutRecording(() -> op.forward(c)); // an op may be made of others
      if (keeping) {
        // The node outlives this scope: it retains what it needs, the rest goes.
        List<Tensor> kept = new ArrayList<>();
        for (Tensor s : saved) {
          kept.add(scope.detach(s));
        }
        List<Tensor> detachedReads = new ArrayList<>();
        for (int i = 0; i < read.size(); i++) {
          detachedReads.add(op.keepsInput(i) ? scope.detach(read.get(i).alias()) : read.get(i));
        }
        outputs.forEach(scope::keep);
        return new OpNode.Result(outputs, detachedReads, kept);
      }
      outputs.forEach(scope::keep);
      return new OpNode.Result(outputs, List.of(), List.of());
    }
  }

  /** The tensor itself if it is contiguous, else a contiguous copy in the current scope. */
  static Tensor contiguous(Tensor tensor) {
    if (tensor.isContiguous()) {
      return tensor;
    }
    Tensor copy = Tensor.empty(tensor.device(), tensor.spec());
    Tensors.copy(tensor, copy);
    return copy;
  }

  /** {@code target += gradient}, both contiguous F32. */
  static void addInto(Tensor gradient, Tensor target) {
    target
        .device()
        .kernels()
        .pointwise()
        .addTo(target.elements(), 1f, gradient.buffer("accumulate"), target.buffer("accumulate"));
  }

  /** Zeros of a tensor's shape that belong to no scope. */
  static Tensor unscopedZeros(Tensor like) {
    try (MemoryScope scope = MemoryScope.open()) {
      return scope.detach(Tensors.zeros(like.device(), like.shape()));
    }
  }

  /**
   * The gradients of a single number with respect to every leaf that requires one. Uses the record
   * up.
   */
  public Gradients gradients(Tensor loss) {
    if (loss.elements() != 1) {
      throw new ShapeException("gradients: expected a single number, got shape " + loss.shape());
    }
    try (Tensor one = unscopedZeros(loss)) {
      one.set(1f);
      return gradients(List.of(loss), List.of(one));
    }
  }

  /**
   * The gradients of {@code Σ <outputs[i], outputGradients[i]>}. Uses the record up.
   *
   * @param outputGradients F32, in the outputs' shapes
   */
  public Gradients gradients(List<Tensor> outputs, List<Tensor> outputGradients) {
    Map<Tensor, Pending> pending = new IdentityHashMap<>();
    Gradients result = new Gradients();
    Sink sink =
        (input, gradient, fresh) -> {
          if (tracked.contains(input)) {
            accumulate(pending, input, gradient, fresh);
          } else if (fresh) {
            result.add(input, gradient);
          } else {
            result.add(input, copyOf(gradient));
            gradient.close();
          }
        };
    try (MemoryScope scope = MemoryScope.open()) {
      for (int i = 0; i < outputs.size(); i++) {
        Tensor given = outputGradients.get(i);
        if (!given.shape().equals(outputs.get(i).shape()) || given.dtype() != DType.F32) {
          throw new ShapeException(
              "gradients: " + given.spec() + " for an output " + outputs.get(i).spec());
        }
        if (tracks(outputs.get(i))) {
          sink.add(outputs.get(i), scope.detach(contiguous(given).alias()), false);
        }
      }
      for (int n = nodes.size() - 1; n >= 0; n--) {
        Node node = nodes.get(n);
        List<@Nullable Tensor> arrived = new ArrayList<>();
        boolean any = false;
        for (Tensor output : node.outputs()) {
          Pending p = pending.remove(output);
          arrived.add(p == null ? null : p.gradient);
          any |= p != null;
        }
        try {
          if (any) {
            withoutRecording(() -> node.backward(arrived, sink));
          }
        } finally {
          for (Tensor a : arrived) {
            if (a != null) {
              a.close();
            }
          }
          node.close();
          nodes.removeLast();
        }
      }
      return result;
    } catch (RuntimeException | Error e) {
      result.close();
      throw e;
    } finally {
      pending.values().forEach(p -> p.gradient.close());
      clear();
    }
  }

  private static final class Pending {
    Tensor gradient;
    boolean fresh;

    Pending(Tensor gradient, boolean fresh) {
      this.gradient = gradient;
      this.fresh = fresh;
    }
  }

  private static void accumulate(
      Map<Tensor, Pending> pending, Tensor input, Tensor gradient, boolean fresh) {
    Pending p = pending.get(input);
    if (p == null) {
      pending.put(input, new Pending(gradient, fresh));
      return;
    }
    if (!p.fresh) {
      // Someone else may read this memory: the sum needs its own.
      Tensor own = copyOf(p.gradient);
      p.gradient.close();
      p.gradient = own;
      p.fresh = true;
    }
    addInto(gradient, p.gradient);
    gradient.close();
  }

  private static Tensor copyOf(Tensor tensor) {
    Tensor copy = unscopedZeros(tensor);
    addInto(tensor, copy);
    return copy;
  }

  private void clear() {
    for (int i = nodes.size() - 1; i >= 0; i--) {
      nodes.get(i).close();
    }
    nodes.clear();
    tracked.clear();
  }

  /** Ends the record and lets go of what it kept. */
  @Override
  public void close() {
    if (CURRENT.get() != this) {
      throw new IllegalStateException("tapes close on their thread, in reverse order of opening");
    }
    clear();
    if (outer == null) {
      CURRENT.remove();
    } else {
      CURRENT.set(outer);
    }
  }
}
