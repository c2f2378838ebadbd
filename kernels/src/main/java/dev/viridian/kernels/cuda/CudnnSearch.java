package dev.viridian.kernels.cuda;

import dev.viridian.kernels.memory.CudaBuffer;
import dev.viridian.kernels.memory.DeviceMemoryException;
import jcuda.Pointer;
import jcuda.jcudnn.JCudnn;
import jcuda.jcudnn.cudnnConvolutionBwdDataAlgoPerf;
import jcuda.jcudnn.cudnnConvolutionBwdFilterAlgoPerf;
import jcuda.jcudnn.cudnnConvolutionFwdAlgoPerf;
import jcuda.jcudnn.cudnnHandle;
import org.jspecify.annotations.Nullable;

/** Looks for the algorithm of cuDNN that is fastest, among those that repeat themselves. */
final class CudnnSearch {
  private static final System.Logger LOG = System.getLogger(CudnnSearch.class.getName());
  private static final int TRIED = 10;

  /** Bytes of scratch memory that an algorithm may want when it is looked for. */
  private static final long ROOM = 64L << 20;

  private CudnnSearch() {}

  /** The results, of any of the three kinds. */
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

    /**
     * The first that works, repeats itself and fits: results come fastest first. A result's memory
     * is that of the arithmetic it names, which need not be ours: it is asked for.
     */
    CudaDnn.@Nullable Choice first(cudnnHandle open, CudnnPlan.Key key, CudnnPlan plan) {
      CudaDnn.Kind kind = key.kind();
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
        if (status == 0 && same == 1) {
          int algorithm =
              switch (kind) {
                case FORWARD -> forward[i].algo;
                case BACKWARD_DATA -> data[i].algo;
                case BACKWARD_FILTER -> filter[i].algo;
              };
          long bytes = plan.workspace(open, kind, algorithm);
          if (bytes >= 0 && bytes <= ROOM) {
            return new CudaDnn.Choice(algorithm, bytes);
          }
        }
      }
      return null;
    }
  }

  /** Runs the algorithms on the buffers; the fastest, or null. */
  static CudaDnn.@Nullable Choice measured(
      CudaAllocator allocator,
      cudnnHandle open,
      CudnnPlan.Key key,
      CudnnPlan plan,
      CudaBuffer x,
      CudaBuffer w,
      CudaBuffer y) {
    Found found = new Found();
    Pointer ofX = Address.of(x.address());
    Pointer ofW = Address.of(w.address());
    Pointer ofY = Address.of(y.address());
    try (CudaAllocator.Scratch room = allocator.scratch(ROOM)) {
      Pointer at = Address.of(room.buffer().address());
      int status =
          switch (key.kind()) {
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
      return status == 0 ? found.first(open, key, plan) : null;
    } catch (DeviceMemoryException e) {
      LOG.log(System.Logger.Level.DEBUG, "no memory to search among cuDNN's algorithms", e);
      return null;
    }
  }

  /** What cuDNN thinks is best. */
  static CudaDnn.@Nullable Choice guessed(cudnnHandle open, CudnnPlan.Key key, CudnnPlan plan) {
    Found found = new Found();
    int status =
        switch (key.kind()) {
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
    return status == 0 ? found.first(open, key, plan) : null;
  }
}
