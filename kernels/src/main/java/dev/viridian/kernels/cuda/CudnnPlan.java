package dev.viridian.kernels.cuda;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import jcuda.jcudnn.JCudnn;
import jcuda.jcudnn.cudnnConvolutionDescriptor;
import jcuda.jcudnn.cudnnConvolutionMode;
import jcuda.jcudnn.cudnnDataType;
import jcuda.jcudnn.cudnnFilterDescriptor;
import jcuda.jcudnn.cudnnHandle;
import jcuda.jcudnn.cudnnMathType;
import jcuda.jcudnn.cudnnTensorDescriptor;
import jcuda.jcudnn.cudnnTensorFormat;
import org.jspecify.annotations.Nullable;

/**
 * cuDNN's descriptors of a shape, and how it is computed. Without a choice cuDNN does not take it.
 */
final class CudnnPlan implements AutoCloseable {
  final cudnnTensorDescriptor x = new cudnnTensorDescriptor();
  final cudnnFilterDescriptor w = new cudnnFilterDescriptor();
  final cudnnTensorDescriptor y = new cudnnTensorDescriptor();
  final cudnnConvolutionDescriptor conv = new cudnnConvolutionDescriptor();
  CudaDnn.@Nullable Choice choice;
  boolean refused;

  private CudnnPlan() {}

  /** A shape: what a plan depends on. */
  record Key(CudaDnn.Kind kind, DType type, ConvProblem p) {
    static Key of(CudaDnn.Kind kind, DType type, ConvProblem p) {
      return new Key(kind, type, shape(p));
    }

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

  /**
   * What sums of a type may be made of, whatever a search names: F32 never becomes TF32, and 16
   * bits are multiplied as such; with what cuDNN calls its default it widens them and turns maps
   * round.
   */
  private static int math(DType type) {
    return type == DType.F32 ? cudnnMathType.CUDNN_FMA_MATH : cudnnMathType.CUDNN_TENSOR_OP_MATH;
  }

  /** Makes the descriptors. */
  static CudnnPlan of(ConvProblem p, DType type) {
    int data =
        switch (type) {
          case F32 -> cudnnDataType.CUDNN_DATA_FLOAT;
          case F16 -> cudnnDataType.CUDNN_DATA_HALF;
          case BF16 -> cudnnDataType.CUDNN_DATA_BFLOAT16;
          case I32, I64, U8 -> throw new IllegalArgumentException("not floating point: " + type);
        };
    int last = cudnnTensorFormat.CUDNN_TENSOR_NHWC;
    CudnnPlan plan = new CudnnPlan();
    CudaDnn.check(JCudnn.cudnnCreateTensorDescriptor(plan.x), "cudnnCreateTensorDescriptor");
    CudaDnn.check(JCudnn.cudnnCreateTensorDescriptor(plan.y), "cudnnCreateTensorDescriptor");
    CudaDnn.check(JCudnn.cudnnCreateFilterDescriptor(plan.w), "cudnnCreateFilterDescriptor");
    CudaDnn.check(
        JCudnn.cudnnCreateConvolutionDescriptor(plan.conv), "cudnnCreateConvolutionDescriptor");
    CudaDnn.check(
        JCudnn.cudnnSetTensor4dDescriptor(plan.x, last, data, p.n(), p.c(), p.h(), p.w()),
        "cudnnSetTensor4dDescriptor of x, " + p);
    CudaDnn.check(
        JCudnn.cudnnSetTensor4dDescriptor(plan.y, last, data, p.n(), p.outC(), p.outH(), p.outW()),
        "cudnnSetTensor4dDescriptor of y, " + p);
    CudaDnn.check(
        JCudnn.cudnnSetFilter4dDescriptor(
            plan.w, data, last, p.outC(), p.c() / p.groups(), p.kh(), p.kw()),
        "cudnnSetFilter4dDescriptor, " + p);
    CudaDnn.check(
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
    CudaDnn.check(
        JCudnn.cudnnSetConvolutionGroupCount(plan.conv, p.groups()),
        "cudnnSetConvolutionGroupCount");
    CudaDnn.check(
        JCudnn.cudnnSetConvolutionMathType(plan.conv, math(type)), "cudnnSetConvolutionMathType");
    return plan;
  }

  /** Bytes that an algorithm needs; -1 if it cannot be had. */
  long workspace(cudnnHandle open, CudaDnn.Kind kind, int algorithm) {
    long[] bytes = new long[1];
    int status =
        switch (kind) {
          case FORWARD ->
              JCudnn.cudnnGetConvolutionForwardWorkspaceSize(open, x, w, conv, y, algorithm, bytes);
          case BACKWARD_DATA ->
              JCudnn.cudnnGetConvolutionBackwardDataWorkspaceSize(
                  open, w, y, conv, x, algorithm, bytes);
          case BACKWARD_FILTER ->
              JCudnn.cudnnGetConvolutionBackwardFilterWorkspaceSize(
                  open, x, y, conv, w, algorithm, bytes);
        };
    return status == 0 ? bytes[0] : -1;
  }

  @Override
  public void close() {
    JCudnn.cudnnDestroyTensorDescriptor(x);
    JCudnn.cudnnDestroyTensorDescriptor(y);
    JCudnn.cudnnDestroyFilterDescriptor(w);
    JCudnn.cudnnDestroyConvolutionDescriptor(conv);
  }
}
