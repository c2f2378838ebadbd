package dev.viridian.kernels.cuda;

import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.memory.CudaBuffer;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.Map;
import jcuda.Pointer;
import jcuda.jcudnn.JCudnn;
import jcuda.jcudnn.cudnnHandle;
import jcuda.runtime.cudaStream_t;
import org.jspecify.annotations.Nullable;

/**
 * cuDNN's convolutions on a device's stream, channels-last, F32 (no TF32), F16 or BF16 with F32
 * sums; opened when first used. What is fastest for a shape is measured once and kept in a file
 * ({@link CudnnChoices}); only what gives the same bits every time is taken.
 */
final class CudaDnn implements AutoCloseable {
  /** What is computed: the buffers are always x, weight, y, or their gradients. */
  enum Kind {
    FORWARD,
    BACKWARD_DATA,
    BACKWARD_FILTER
  }

  private static final System.Logger LOG = System.getLogger(CudaDnn.class.getName());

  private final CudaDevice device;
  private final CudaAllocator allocator;
  private final MemorySegment factors = Arena.ofAuto().allocate(8, 8);
  private final Map<CudnnPlan.Key, CudnnPlan> plans = new HashMap<>();
  private @Nullable CudnnChoices choices;
  private @Nullable cudnnHandle handle;
  private @Nullable Boolean missing;

  CudaDnn(CudaDevice device, CudaAllocator allocator) {
    this.device = device;
    this.allocator = allocator;
    factors.set(ValueLayout.JAVA_FLOAT, 0, 1);
    factors.set(ValueLayout.JAVA_FLOAT, 4, 0);
  }

  /** What an algorithm is: its number, bytes of scratch memory. */
  record Choice(int algorithm, long workspace) {}

  /** Whether cuDNN is there and has such padding: the same on opposite sides, or as good as. */
  synchronized boolean takes(ConvProblem p) {
    if (missing == null) {
      String problem = CudaLibraries.dnn();
      missing = !problem.isEmpty();
      if (missing) {
        LOG.log(System.Logger.Level.INFO, problem + "; convolutions are done by cuBLAS");
      }
    }
    int outH = (p.h() + 2 * p.padTop() - ((p.kh() - 1) * p.dilationH() + 1)) / p.strideH() + 1;
    int outW = (p.w() + 2 * p.padLeft() - ((p.kw() - 1) * p.dilationW() + 1)) / p.strideW() + 1;
    boolean plain = p.padTop() >= p.padBottom() && p.padLeft() >= p.padRight();
    return !missing && plain && outH == p.outH() && outW == p.outW();
  }

  static void check(int status, String call) {
    if (status != 0) {
      throw new CudaFailure(
          "CUDA: " + call + " failed: " + JCudnn.cudnnGetErrorString(status) + " (" + status + ")");
    }
  }

  private cudnnHandle open() {
    if (handle == null) {
      try {
        CudaLibraries.prepare(() -> JCudnn.setExceptionsEnabled(false));
      } catch (LinkageError | IOException e) {
        throw new CudaFailure("CUDA: JCudnn does not load: " + e.getMessage(), e);
      }
      cudnnHandle made = new cudnnHandle();
      check(JCudnn.cudnnCreate(made), "cudnnCreate");
      handle = made;
      check(JCudnn.cudnnSetStream(made, new cudaStream_t(device.stream())), "cudnnSetStream");
      choices = CudnnChoices.of(device.name(), JCudnn.cudnnGetVersion());
    }
    return handle;
  }

  /**
   * Computes one of the three from the other two; sums from before are not kept.
   *
   * @param p one that {@link #takes}
   * @param type of all three
   * @return false if cuDNN refuses the shape
   */
  synchronized boolean run(
      Kind kind, ConvProblem p, DType type, CudaBuffer x, CudaBuffer w, CudaBuffer y) {
    device.bind();
    cudnnHandle open = open();
    CudnnPlan.Key key = CudnnPlan.Key.of(kind, type, p);
    CudnnPlan plan = plans.get(key);
    if (plan == null) {
      plan = CudnnPlan.of(p, type);
      plans.put(key, plan);
    }
    Choice choice = plan.choice;
    if (choice == null && !plan.refused) {
      choice = choose(open, key, plan, x, w, y);
    }
    if (choice == null) {
      return false;
    }
    try (CudaAllocator.Scratch workspace =
        choice.workspace == 0 ? null : allocator.scratch(choice.workspace)) {
      launch(open, kind, plan, choice, x, w, y, workspace == null ? null : workspace.buffer());
    }
    return true;
  }

  /**
   * From the file, or by measuring. While a graph is recorded nothing can be measured: then cuDNN's
   * guess is taken this once.
   */
  private @Nullable Choice choose(
      cudnnHandle open,
      CudnnPlan.Key key,
      CudnnPlan plan,
      CudaBuffer x,
      CudaBuffer w,
      CudaBuffer y) {
    CudnnChoices known = choices;
    if (known == null) {
      throw new IllegalStateException("cuDNN is not open");
    }
    Choice choice = known.find(key.text());
    if (choice == null && device.isRecording()) {
      return CudnnSearch.guessed(open, key, plan);
    }
    if (choice == null) {
      choice = CudnnSearch.measured(allocator, open, key, plan, x, w, y);
      if (choice == null) {
        choice = CudnnSearch.guessed(open, key, plan);
      }
      if (choice != null) {
        known.add(key.text(), choice);
      }
    }
    plan.choice = choice;
    plan.refused = choice == null;
    if (plan.refused) {
      LOG.log(
          System.Logger.Level.INFO,
          "CUDA: cuDNN refuses " + key.text() + ": it is done by products of patches");
    }
    return choice;
  }

  private void launch(
      cudnnHandle open,
      Kind kind,
      CudnnPlan plan,
      Choice choice,
      CudaBuffer x,
      CudaBuffer w,
      CudaBuffer y,
      @Nullable CudaBuffer workspace) {
    Pointer one = Pointer.to(factors.asSlice(0, 4).asByteBuffer());
    Pointer zero = Pointer.to(factors.asSlice(4, 4).asByteBuffer());
    Pointer ofX = Address.of(x.address());
    Pointer ofW = Address.of(w.address());
    Pointer ofY = Address.of(y.address());
    Pointer room = workspace == null ? new Pointer() : Address.of(workspace.address());
    long bytes = choice.workspace;
    int status =
        switch (kind) {
          case FORWARD ->
              JCudnn.cudnnConvolutionForward(
                  open,
                  one,
                  plan.x,
                  ofX,
                  plan.w,
                  ofW,
                  plan.conv,
                  choice.algorithm,
                  room,
                  bytes,
                  zero,
                  plan.y,
                  ofY);
          case BACKWARD_DATA ->
              JCudnn.cudnnConvolutionBackwardData(
                  open,
                  one,
                  plan.w,
                  ofW,
                  plan.y,
                  ofY,
                  plan.conv,
                  choice.algorithm,
                  room,
                  bytes,
                  zero,
                  plan.x,
                  ofX);
          case BACKWARD_FILTER ->
              JCudnn.cudnnConvolutionBackwardFilter(
                  open,
                  one,
                  plan.x,
                  ofX,
                  plan.y,
                  ofY,
                  plan.conv,
                  choice.algorithm,
                  room,
                  bytes,
                  zero,
                  plan.w,
                  ofW);
        };
    check(status, "cuDNN's convolution, " + kind);
  }

  @Override
  public synchronized void close() {
    if (handle == null) {
      return;
    }
    device.bind();
    plans.values().forEach(CudnnPlan::close);
    plans.clear();
    check(JCudnn.cudnnDestroy(handle), "cudnnDestroy");
    handle = null;
  }
}
