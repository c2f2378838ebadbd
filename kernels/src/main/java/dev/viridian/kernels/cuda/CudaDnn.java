package dev.viridian.kernels.cuda;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.memory.CudaBuffer;
import dev.viridian.kernels.memory.DeviceMemoryException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.Map;
import jcuda.Pointer;
import jcuda.jcudnn.JCudnn;
import jcuda.jcudnn.cudnnConvolutionBwdDataAlgoPerf;
import jcuda.jcudnn.cudnnConvolutionBwdFilterAlgoPerf;
import jcuda.jcudnn.cudnnConvolutionDescriptor;
import jcuda.jcudnn.cudnnConvolutionFwdAlgoPerf;
import jcuda.jcudnn.cudnnConvolutionMode;
import jcuda.jcudnn.cudnnDataType;
import jcuda.jcudnn.cudnnFilterDescriptor;
import jcuda.jcudnn.cudnnHandle;
import jcuda.jcudnn.cudnnMathType;
import jcuda.jcudnn.cudnnTensorDescriptor;
import jcuda.jcudnn.cudnnTensorFormat;
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
  private static final int TRIED = 10;

  /** Bytes of scratch memory that an algorithm may want when it is looked for. */
  private static final long ROOM = 64L << 20;

  private final CudaDevice device;
  private final CudaAllocator allocator;
  private final MemorySegment factors = Arena.ofAuto().allocate(8, 8);
  private final Map<Key, Plan> plans = new HashMap<>();
  private @Nullable CudnnChoices choices;
  private @Nullable cudnnHandle handle;
  private @Nullable Boolean missing;

  CudaDnn(CudaDevice device, CudaAllocator allocator) {
    this.device = device;
    this.allocator = allocator;
    factors.set(ValueLayout.JAVA_FLOAT, 0, 1);
    factors.set(ValueLayout.JAVA_FLOAT, 4, 0);
  }

  /** A shape: what a plan depends on. */
  private record Key(Kind kind, DType type, ConvProblem p) {
    /** The shape alone, for the file. */
    String text() {
      return kind
          + " "
          + type
          + " x "
          + p.n()
          + "x"
          + p.h()
          + "x"
          + p.w()
          + "x"
          + p.c()
          + " w "
          + p.outC()
          + "x"
          + p.kh()
          + "x"
          + p.kw()
          + " stride "
          + p.strideH()
          + "x"
          + p.strideW()
          + " pad "
          + p.padTop()
          + "x"
          + p.padLeft()
          + " dilation "
          + p.dilationH()
          + "x"
          + p.dilationW()
          + " groups "
          + p.groups();
    }
  }

  /** What an algorithm is: its number, its kind of arithmetic, bytes of scratch memory. */
  record Choice(int algorithm, int math, long workspace) {}

  /** Descriptors of a shape. Without a choice cuDNN does not take it. */
  private static final class Plan {
    final cudnnTensorDescriptor x = new cudnnTensorDescriptor();
    final cudnnFilterDescriptor w = new cudnnFilterDescriptor();
    final cudnnTensorDescriptor y = new cudnnTensorDescriptor();
    final cudnnConvolutionDescriptor conv = new cudnnConvolutionDescriptor();
    @Nullable Choice choice;
    boolean refused;
  }

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

  private static void check(int status, String call) {
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
    Key key = new Key(kind, type, shape(p));
    Plan plan = plans.get(key);
    if (plan == null) {
      plan = plan(p, type);
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

  /** The problem without what does not matter to a plan. */
  private static ConvProblem shape(ConvProblem p) {
    return new ConvProblem(
        p.n(),
        p.h(),
        p.w(),
        p.c(),
        p.outC(),
        p.kh(),
        p.kw(),
        p.strideH(),
        p.strideW(),
        p.padTop(),
        p.padBottom(),
        p.padLeft(),
        p.padRight(),
        p.dilationH(),
        p.dilationW(),
        p.groups(),
        DType.F32,
        false,
        DType.F32,
        Activation.NONE);
  }

  private static int math(DType type) {
    return type == DType.F32 ? cudnnMathType.CUDNN_FMA_MATH : cudnnMathType.CUDNN_TENSOR_OP_MATH;
  }

  private static Plan plan(ConvProblem p, DType type) {
    int data =
        switch (type) {
          case F32 -> cudnnDataType.CUDNN_DATA_FLOAT;
          case F16 -> cudnnDataType.CUDNN_DATA_HALF;
          case BF16 -> cudnnDataType.CUDNN_DATA_BFLOAT16;
          case I32, I64, U8 -> throw new IllegalArgumentException("not floating point: " + type);
        };
    int last = cudnnTensorFormat.CUDNN_TENSOR_NHWC;
    Plan plan = new Plan();
    check(JCudnn.cudnnCreateTensorDescriptor(plan.x), "cudnnCreateTensorDescriptor");
    check(JCudnn.cudnnCreateTensorDescriptor(plan.y), "cudnnCreateTensorDescriptor");
    check(JCudnn.cudnnCreateFilterDescriptor(plan.w), "cudnnCreateFilterDescriptor");
    check(JCudnn.cudnnCreateConvolutionDescriptor(plan.conv), "cudnnCreateConvolutionDescriptor");
    check(
        JCudnn.cudnnSetTensor4dDescriptor(plan.x, last, data, p.n(), p.c(), p.h(), p.w()),
        "cudnnSetTensor4dDescriptor of x, " + p);
    check(
        JCudnn.cudnnSetTensor4dDescriptor(plan.y, last, data, p.n(), p.outC(), p.outH(), p.outW()),
        "cudnnSetTensor4dDescriptor of y, " + p);
    check(
        JCudnn.cudnnSetFilter4dDescriptor(
            plan.w, data, last, p.outC(), p.c() / p.groups(), p.kh(), p.kw()),
        "cudnnSetFilter4dDescriptor, " + p);
    check(
        JCudnn.cudnnSetConvolution2dDescriptor(
            plan.conv,
            p.padTop(),
            p.padLeft(),
            p.strideH(),
            p.strideW(),
            p.dilationH(),
            p.dilationW(),
            cudnnConvolutionMode.CUDNN_CROSS_CORRELATION,
            cudnnDataType.CUDNN_DATA_FLOAT),
        "cudnnSetConvolution2dDescriptor, " + p);
    check(
        JCudnn.cudnnSetConvolutionGroupCount(plan.conv, p.groups()),
        "cudnnSetConvolutionGroupCount");
    check(JCudnn.cudnnSetConvolutionMathType(plan.conv, math(type)), "cudnnSetConvolutionMathType");
    return plan;
  }

  /**
   * From the file, or by measuring. While a graph is recorded nothing can be measured: then cuDNN's
   * guess is taken this once.
   */
  private @Nullable Choice choose(
      cudnnHandle open, Key key, Plan plan, CudaBuffer x, CudaBuffer w, CudaBuffer y) {
    CudnnChoices known = choices;
    if (known == null) {
      throw new IllegalStateException("cuDNN is not open");
    }
    Choice choice = known.find(key.text());
    if (choice == null && device.isRecording()) {
      return guessed(open, key, plan);
    }
    if (choice == null) {
      choice = measured(open, key, plan, x, w, y);
      if (choice == null) {
        choice = guessed(open, key, plan);
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

  /** The results of a search, of any of the three kinds. */
  private static final class Found {
    final int[] count = new int[1];
    final cudnnConvolutionFwdAlgoPerf[] forward = new cudnnConvolutionFwdAlgoPerf[TRIED];
    final cudnnConvolutionBwdDataAlgoPerf[] data = new cudnnConvolutionBwdDataAlgoPerf[TRIED];
    final cudnnConvolutionBwdFilterAlgoPerf[] filter = new cudnnConvolutionBwdFilterAlgoPerf[TRIED];

    Found() {
      for (int i = 0; i < TRIED; i++) {
        forward[i] = new cudnnConvolutionFwdAlgoPerf();
        data[i] = new cudnnConvolutionBwdDataAlgoPerf();
        filter[i] = new cudnnConvolutionBwdFilterAlgoPerf();
      }
    }

    /** The first that works, repeats itself and fits: results come fastest first. */
    @Nullable Choice first(Kind kind, DType type) {
      for (int i = 0; i < count[0]; i++) {
        int status =
            switch (kind) {
              case FORWARD -> forward[i].status;
              case BACKWARD_DATA -> data[i].status;
              case BACKWARD_FILTER -> filter[i].status;
            };
        int same =
            switch (kind) {
              case FORWARD -> forward[i].determinism;
              case BACKWARD_DATA -> data[i].determinism;
              case BACKWARD_FILTER -> filter[i].determinism;
            };
        long bytes =
            switch (kind) {
              case FORWARD -> forward[i].memory;
              case BACKWARD_DATA -> data[i].memory;
              case BACKWARD_FILTER -> filter[i].memory;
            };
        if (status == 0 && same == 1 && bytes <= ROOM) {
          int algorithm =
              switch (kind) {
                case FORWARD -> forward[i].algo;
                case BACKWARD_DATA -> data[i].algo;
                case BACKWARD_FILTER -> filter[i].algo;
              };
          int math =
              switch (kind) {
                case FORWARD -> forward[i].mathType;
                case BACKWARD_DATA -> data[i].mathType;
                case BACKWARD_FILTER -> filter[i].mathType;
              };
          // whatever it says, F32 never becomes TF32
          return new Choice(algorithm, type == DType.F32 ? math(type) : math, bytes);
        }
      }
      return null;
    }
  }

  private @Nullable Choice measured(
      cudnnHandle open, Key key, Plan plan, CudaBuffer x, CudaBuffer w, CudaBuffer y) {
    Found found = new Found();
    Pointer ofX = Address.of(x.address());
    Pointer ofW = Address.of(w.address());
    Pointer ofY = Address.of(y.address());
    try (CudaAllocator.Scratch room = allocator.scratch(ROOM)) {
      Pointer at = Address.of(room.buffer().address());
      int status =
          switch (key.kind) {
            case FORWARD ->
                JCudnn.cudnnFindConvolutionForwardAlgorithmEx(
                    open,
                    plan.x,
                    ofX,
                    plan.w,
                    ofW,
                    plan.conv,
                    plan.y,
                    ofY,
                    TRIED,
                    found.count,
                    found.forward,
                    at,
                    ROOM);
            case BACKWARD_DATA ->
                JCudnn.cudnnFindConvolutionBackwardDataAlgorithmEx(
                    open,
                    plan.w,
                    ofW,
                    plan.y,
                    ofY,
                    plan.conv,
                    plan.x,
                    ofX,
                    TRIED,
                    found.count,
                    found.data,
                    at,
                    ROOM);
            case BACKWARD_FILTER ->
                JCudnn.cudnnFindConvolutionBackwardFilterAlgorithmEx(
                    open,
                    plan.x,
                    ofX,
                    plan.y,
                    ofY,
                    plan.conv,
                    plan.w,
                    ofW,
                    TRIED,
                    found.count,
                    found.filter,
                    at,
                    ROOM);
          };
      return status == 0 ? found.first(key.kind, key.type) : null;
    } catch (DeviceMemoryException e) {
      LOG.log(System.Logger.Level.DEBUG, "no memory to search among cuDNN's algorithms", e);
      return null;
    }
  }

  /** What cuDNN thinks is best. */
  private static @Nullable Choice guessed(cudnnHandle open, Key key, Plan plan) {
    Found found = new Found();
    int status =
        switch (key.kind) {
          case FORWARD ->
              JCudnn.cudnnGetConvolutionForwardAlgorithm_v7(
                  open, plan.x, plan.w, plan.conv, plan.y, TRIED, found.count, found.forward);
          case BACKWARD_DATA ->
              JCudnn.cudnnGetConvolutionBackwardDataAlgorithm_v7(
                  open, plan.w, plan.y, plan.conv, plan.x, TRIED, found.count, found.data);
          case BACKWARD_FILTER ->
              JCudnn.cudnnGetConvolutionBackwardFilterAlgorithm_v7(
                  open, plan.x, plan.y, plan.conv, plan.w, TRIED, found.count, found.filter);
        };
    return status == 0 ? found.first(key.kind, key.type) : null;
  }

  private void launch(
      cudnnHandle open,
      Kind kind,
      Plan plan,
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
    check(
        JCudnn.cudnnSetConvolutionMathType(plan.conv, choice.math), "cudnnSetConvolutionMathType");
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
    for (Plan plan : plans.values()) {
      JCudnn.cudnnDestroyTensorDescriptor(plan.x);
      JCudnn.cudnnDestroyTensorDescriptor(plan.y);
      JCudnn.cudnnDestroyFilterDescriptor(plan.w);
      JCudnn.cudnnDestroyConvolutionDescriptor(plan.conv);
    }
    plans.clear();
    check(JCudnn.cudnnDestroy(handle), "cudnnDestroy");
    handle = null;
  }
}
