// libcudnn.so.9 of the emulated device: convolutions of two dimensions in plain loops, in the order
// of their stream. Layouts NCHW and NHWC, by the strides of the descriptors.
#include <algorithm>
#include <cstring>
#include <vector>

#include "emulated.h"
#include "values.h"

using namespace emulated;

namespace {

constexpr int SUCCESS_STATUS = 0, BAD_PARAM = 2000, NOT_SUPPORTED = 3000, EXECUTION_FAILED = 5000;

struct Context {
  void* stream = nullptr;
};

// A map [n, c, h, w] or filters [k, c, h, w], with a stride for each dimension.
struct Tensor {
  int type = F32;
  int size[4] = {};
  long long stride[4] = {};
};

struct Convolution {
  int padH = 0, padW = 0, strideH = 1, strideW = 1, dilationH = 1, dilationW = 1, groups = 1;
  bool crossCorrelation = true;
  int math = 0;
};

// cuDNN's numbers of types are not CUDA's.
int type(int cudnnType) { return cudnnType == 0 ? F32 : cudnnType == 2 ? F16 : cudnnType == 9 ? BF16 : -1; }

void setPacked(Tensor& t, bool channelsLast) {
  long long c = t.size[1], h = t.size[2], w = t.size[3];
  if (channelsLast) {
    long long s[4] = {c * h * w, 1, w * c, c};
    memcpy(t.stride, s, sizeof s);
  } else {
    long long s[4] = {c * h * w, h * w, w, 1};
    memcpy(t.stride, s, sizeof s);
  }
}

int set(Tensor& t, int cudnnType, int a, int b, int c, int d) {
  t.type = type(cudnnType);
  int sizes[4] = {a, b, c, d};
  memcpy(t.size, sizes, sizeof sizes);
  return t.type < 0 ? NOT_SUPPORTED : a < 1 || b < 1 || c < 1 || d < 1 ? BAD_PARAM : SUCCESS_STATUS;
}

bool inMemory(const Tensor& t, uint64_t at) {
  long long last = 0;
  for (int i = 0; i < 4; i++) last += (t.size[i] - 1) * t.stride[i];
  return contains(at, (last + 1) * typeBytes(t.type));
}

// Unless FMA_MATH (3) is asked for, devices take F32 as TF32, of which 10 bits are left.
std::vector<float> read(const Tensor& t, uint64_t at, int math) {
  bool tf32 = t.type == F32 && math != 3;
  std::vector<float> values;
  for (int a = 0; a < t.size[0]; a++)
    for (int b = 0; b < t.size[1]; b++)
      for (int c = 0; c < t.size[2]; c++)
        for (int d = 0; d < t.size[3]; d++) {
          long long i = a * t.stride[0] + b * t.stride[1] + c * t.stride[2] + d * t.stride[3];
          float value = load(at + i * typeBytes(t.type), t.type);
          if (tf32) {
            uint32_t bits;
            memcpy(&bits, &value, 4);
            bits &= 0xffffe000u;
            memcpy(&value, &bits, 4);
          }
          values.push_back(value);
        }
  return values;
}

void write(const Tensor& t, uint64_t at, const std::vector<double>& values, float alpha,
           float beta) {
  size_t next = 0;
  for (int a = 0; a < t.size[0]; a++)
    for (int b = 0; b < t.size[1]; b++)
      for (int c = 0; c < t.size[2]; c++)
        for (int d = 0; d < t.size[3]; d++) {
          long long i = a * t.stride[0] + b * t.stride[1] + c * t.stride[2] + d * t.stride[3];
          uint64_t to = at + i * typeBytes(t.type);
          float old = beta == 0 ? 0 : beta * load(to, t.type);
          store(to, t.type, (float)(alpha * values[next++]) + old);
        }
}

// Goes through all products of a convolution: visit(index in x, in w, in y), indices as if packed
// in the order of the dimensions. Along a line, one tap after the other: neighbours in memory, and
// each result's products in the order of the taps.
template <class F>
void each(const Convolution& p, const Tensor& x, const Tensor& w, const Tensor& y, F visit) {
  int inGroup = w.size[1], outGroup = w.size[0] / p.groups;
  int width = x.size[3];
  for (int n = 0; n < y.size[0]; n++)
    for (int k = 0; k < y.size[1]; k++)
      for (int c = 0; c < inGroup; c++)
        for (int fy = 0; fy < w.size[2]; fy++)
          for (int fx = 0; fx < w.size[3]; fx++) {
            size_t channel = (size_t)(k / outGroup) * inGroup + c;
            size_t tap = (((size_t)k * inGroup + c) * w.size[2] + fy) * w.size[3] + fx;
            int shift = fx * p.dilationW - p.padW;  // of the column of x
            int first = shift >= 0 ? 0 : (p.strideW - 1 - shift) / p.strideW;
            int end = shift >= width ? 0
                                     : std::min(y.size[3], (width - 1 - shift) / p.strideW + 1);
            for (int oy = 0; oy < y.size[2]; oy++) {
              int iy = oy * p.strideH - p.padH + fy * p.dilationH;
              if (iy < 0 || iy >= x.size[2]) continue;
              size_t from = (((size_t)n * x.size[1] + channel) * x.size[2] + iy) * width;
              size_t to = (((size_t)n * y.size[1] + k) * y.size[2] + oy) * y.size[3];
              for (int ox = first; ox < end; ox++) {
                visit(from + (ox * p.strideW + shift), tap, to + ox);
              }
            }
          }
}

int outSize(int in, int pad, int filter, int stride, int dilation) {
  return (in + 2 * pad - ((filter - 1) * dilation + 1)) / stride + 1;
}

// Whether the sizes of the four descriptors fit each other.
int check(const Convolution& p, const Tensor& x, const Tensor& w, const Tensor& y) {
  bool fits = x.size[1] == w.size[1] * p.groups && w.size[0] % p.groups == 0 &&
              y.size[0] == x.size[0] && y.size[1] == w.size[0] &&
              y.size[2] == outSize(x.size[2], p.padH, w.size[2], p.strideH, p.dilationH) &&
              y.size[3] == outSize(x.size[3], p.padW, w.size[3], p.strideW, p.dilationW);
  if (!p.crossCorrelation) return NOT_SUPPORTED;
  return fits ? SUCCESS_STATUS : BAD_PARAM;
}

int later(void* handle, std::function<int()> operation) {
  std::lock_guard<std::recursive_mutex> guard(lock());
  int result = enqueue(((Context*)handle)->stream, std::move(operation));
  return result == SUCCESS ? SUCCESS_STATUS : EXECUTION_FAILED;
}

int outside() {
  report("cudnn: a map or filter reaches outside device memory");
  return ILLEGAL_ADDRESS;
}

template <class T>
int destroy(void* descriptor) {
  delete (T*)descriptor;
  return SUCCESS_STATUS;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) size_t cudnnGetVersion() { return 90501; }
extern "C" __attribute__((visibility("default"))) size_t cudnnGetCudartVersion() { return 12060; }
extern "C" __attribute__((visibility("default"))) const char* cudnnGetErrorString(int status) {
  switch (status) {
    case SUCCESS_STATUS: return "CUDNN_STATUS_SUCCESS";
    case BAD_PARAM: return "CUDNN_STATUS_BAD_PARAM";
    case NOT_SUPPORTED: return "CUDNN_STATUS_NOT_SUPPORTED";
    default: return "CUDNN_STATUS_EXECUTION_FAILED";
  }
}
EMULATED_API cudnnCreate(void** handle) {
  *handle = new Context;
  return SUCCESS_STATUS;
}
EMULATED_API cudnnDestroy(void* handle) { return destroy<Context>(handle); }
EMULATED_API cudnnSetStream(void* handle, void* stream) {
  ((Context*)handle)->stream = stream;
  return SUCCESS_STATUS;
}
EMULATED_API cudnnCreateTensorDescriptor(void** descriptor) {
  *descriptor = new Tensor;
  return SUCCESS_STATUS;
}
EMULATED_API cudnnDestroyTensorDescriptor(void* d) { return destroy<Tensor>(d); }
EMULATED_API cudnnSetTensor4dDescriptor(void* d, int format, int type, int n, int c, int h, int w) {
  Tensor& t = *(Tensor*)d;
  if (int status = set(t, type, n, c, h, w)) return status;
  setPacked(t, format == 1);
  return format == 0 || format == 1 ? SUCCESS_STATUS : NOT_SUPPORTED;
}
EMULATED_API cudnnSetTensor4dDescriptorEx(void* d, int type, int n, int c, int h, int w,
                                          int strideN, int strideC, int strideH, int strideW) {
  Tensor& t = *(Tensor*)d;
  long long strides[4] = {strideN, strideC, strideH, strideW};
  memcpy(t.stride, strides, sizeof strides);
  return set(t, type, n, c, h, w);
}
EMULATED_API cudnnCreateFilterDescriptor(void** descriptor) {
  *descriptor = new Tensor;
  return SUCCESS_STATUS;
}
EMULATED_API cudnnDestroyFilterDescriptor(void* d) { return destroy<Tensor>(d); }
EMULATED_API cudnnSetFilter4dDescriptor(void* d, int type, int format, int k, int c, int h, int w) {
  return cudnnSetTensor4dDescriptor(d, format, type, k, c, h, w);
}
EMULATED_API cudnnCreateConvolutionDescriptor(void** descriptor) {
  *descriptor = new Convolution;
  return SUCCESS_STATUS;
}
EMULATED_API cudnnDestroyConvolutionDescriptor(void* d) { return destroy<Convolution>(d); }
EMULATED_API cudnnSetConvolution2dDescriptor(void* d, int padH, int padW, int strideH, int strideW,
                                             int dilationH, int dilationW, int mode, int) {
  Convolution& p = *(Convolution*)d;
  p = {padH, padW, strideH, strideW, dilationH, dilationW, p.groups, mode == 1, p.math};
  bool fits = padH >= 0 && padW >= 0 && strideH > 0 && strideW > 0 && dilationH > 0 && dilationW > 0;
  return fits ? SUCCESS_STATUS : BAD_PARAM;
}
EMULATED_API cudnnSetConvolutionGroupCount(void* d, int groups) {
  ((Convolution*)d)->groups = groups;
  return groups > 0 ? SUCCESS_STATUS : BAD_PARAM;
}
EMULATED_API cudnnSetConvolutionMathType(void* d, int math) {
  ((Convolution*)d)->math = math;
  return math >= 0 && math <= 3 ? SUCCESS_STATUS : BAD_PARAM;
}
EMULATED_API cudnnGetConvolution2dForwardOutputDim(void* d, void* x, void* w, int* n, int* c, int* h,
                                                   int* wOut) {
  const Convolution& p = *(Convolution*)d;
  const Tensor& in = *(Tensor*)x;
  const Tensor& f = *(Tensor*)w;
  *n = in.size[0];
  *c = f.size[0];
  *h = outSize(in.size[2], p.padH, f.size[2], p.strideH, p.dilationH);
  *wOut = outSize(in.size[3], p.padW, f.size[3], p.strideW, p.dilationW);
  return SUCCESS_STATUS;
}

// Each asks for some workspace, so that a program that forgets it is found out.
EMULATED_API cudnnGetConvolutionForwardWorkspaceSize(void*, void* x, void* w, void* d, void* y, int,
                                                     size_t* bytes) {
  *bytes = 4096;
  return check(*(Convolution*)d, *(Tensor*)x, *(Tensor*)w, *(Tensor*)y);
}
EMULATED_API cudnnGetConvolutionBackwardDataWorkspaceSize(void*, void* w, void* dy, void* d,
                                                          void* dx, int, size_t* bytes) {
  *bytes = 4096;
  return check(*(Convolution*)d, *(Tensor*)dx, *(Tensor*)w, *(Tensor*)dy);
}
EMULATED_API cudnnGetConvolutionBackwardFilterWorkspaceSize(void*, void* x, void* dy, void* d,
                                                            void* dw, int, size_t* bytes) {
  *bytes = 4096;
  return check(*(Convolution*)d, *(Tensor*)x, *(Tensor*)dw, *(Tensor*)dy);
}

namespace {

// cudnnConvolutionFwdAlgoPerf_t and its kin: all have this form.
struct Performance {
  int algorithm, status;
  float milliseconds;
  size_t workspace;
  int deterministic, mathType;
  int reserved[3];
};

int offer(int algorithm, int wanted, int* returned, Performance* results) {
  if (wanted < 1) return BAD_PARAM;
  *returned = 1;
  results[0] = {algorithm, SUCCESS_STATUS, 1, 4096, 1, 0, {}};
  return SUCCESS_STATUS;
}

}  // namespace

EMULATED_API cudnnGetConvolutionForwardAlgorithm_v7(void*, void* x, void* w, void* d, void* y,
                                                    int wanted, int* returned,
                                                    Performance* results) {
  int status = check(*(Convolution*)d, *(Tensor*)x, *(Tensor*)w, *(Tensor*)y);
  return status != SUCCESS_STATUS ? status : offer(1, wanted, returned, results);
}
EMULATED_API cudnnGetConvolutionBackwardDataAlgorithm_v7(void*, void* w, void* dy, void* d,
                                                         void* dx, int wanted, int* returned,
                                                         Performance* results) {
  int status = check(*(Convolution*)d, *(Tensor*)dx, *(Tensor*)w, *(Tensor*)dy);
  return status != SUCCESS_STATUS ? status : offer(1, wanted, returned, results);
}
EMULATED_API cudnnGetConvolutionBackwardFilterAlgorithm_v7(void*, void* x, void* dy, void* d,
                                                           void* dw, int wanted, int* returned,
                                                           Performance* results) {
  int status = check(*(Convolution*)d, *(Tensor*)x, *(Tensor*)dw, *(Tensor*)dy);
  return status != SUCCESS_STATUS ? status : offer(1, wanted, returned, results);
}

namespace {

// A search runs what it measures: what the result held before is lost. The fastest is one that does
// not repeat itself, and of the other it says less memory than it needs with the arithmetic that it
// names, as cuDNN 9.19 did on an H100.
int search(void* handle, Tensor result, uint64_t at, uint64_t workspace, size_t bytes, int wanted,
           int* returned, Performance* results) {
  if (wanted < 2) return BAD_PARAM;
  *returned = 2;
  results[0] = {0, SUCCESS_STATUS, 1, 4096, 0, 1, {}};
  results[1] = {1, SUCCESS_STATUS, 2, 1280, 1, 0, {}};
  return later(handle, [=]() -> int {
    if (!inMemory(result, at) || !contains(workspace, bytes)) return outside();
    std::vector<double> lost((size_t)result.size[0] * result.size[1] * result.size[2] *
                                 result.size[3], 1e30);
    write(result, at, lost, 1, 0);
    return SUCCESS;
  });
}

}  // namespace

EMULATED_API cudnnFindConvolutionForwardAlgorithmEx(void* handle, void* x, uint64_t, void* w,
                                                    uint64_t, void* d, void* y, uint64_t at,
                                                    int wanted, int* returned, Performance* results,
                                                    uint64_t workspace, size_t bytes) {
  int status = check(*(Convolution*)d, *(Tensor*)x, *(Tensor*)w, *(Tensor*)y);
  if (status != SUCCESS_STATUS) return status;
  return search(handle, *(Tensor*)y, at, workspace, bytes, wanted, returned, results);
}
EMULATED_API cudnnFindConvolutionBackwardDataAlgorithmEx(void* handle, void* w, uint64_t, void* dy,
                                                         uint64_t, void* d, void* dx, uint64_t at,
                                                         int wanted, int* returned,
                                                         Performance* results, uint64_t workspace,
                                                         size_t bytes) {
  int status = check(*(Convolution*)d, *(Tensor*)dx, *(Tensor*)w, *(Tensor*)dy);
  if (status != SUCCESS_STATUS) return status;
  return search(handle, *(Tensor*)dx, at, workspace, bytes, wanted, returned, results);
}
EMULATED_API cudnnFindConvolutionBackwardFilterAlgorithmEx(void* handle, void* x, uint64_t,
                                                           void* dy, uint64_t, void* d, void* dw,
                                                           uint64_t at, int wanted, int* returned,
                                                           Performance* results,
                                                           uint64_t workspace, size_t bytes) {
  int status = check(*(Convolution*)d, *(Tensor*)x, *(Tensor*)dw, *(Tensor*)dy);
  if (status != SUCCESS_STATUS) return status;
  return search(handle, *(Tensor*)dw, at, workspace, bytes, wanted, returned, results);
}

EMULATED_API cudnnConvolutionForward(void* handle, const float* alpha, void* xDescriptor, uint64_t x,
                                     void* wDescriptor, uint64_t w, void* d, int,
                                     uint64_t workspace, size_t bytes, const float* beta,
                                     void* yDescriptor, uint64_t y) {
  Convolution p = *(Convolution*)d;
  Tensor xt = *(Tensor*)xDescriptor, wt = *(Tensor*)wDescriptor, yt = *(Tensor*)yDescriptor;
  float a = *alpha, b = *beta;
  if (int status = check(p, xt, wt, yt)) return status;
  return later(handle, [=]() -> int {
    if (!inMemory(xt, x) || !inMemory(wt, w) || !inMemory(yt, y) || !contains(workspace, 4096) ||
        bytes < 4096) {
      return outside();
    }
    std::vector<float> xs = read(xt, x, p.math), ws = read(wt, w, p.math);
    std::vector<double> ys((size_t)yt.size[0] * yt.size[1] * yt.size[2] * yt.size[3]);
    each(p, xt, wt, yt, [&](size_t i, size_t f, size_t o) { ys[o] += (double)xs[i] * ws[f]; });
    write(yt, y, ys, a, b);
    return SUCCESS;
  });
}
EMULATED_API cudnnConvolutionBackwardData(void* handle, const float* alpha, void* wDescriptor,
                                          uint64_t w, void* dyDescriptor, uint64_t dy, void* d, int,
                                          uint64_t workspace, size_t bytes, const float* beta,
                                          void* dxDescriptor, uint64_t dx) {
  Convolution p = *(Convolution*)d;
  Tensor xt = *(Tensor*)dxDescriptor, wt = *(Tensor*)wDescriptor, yt = *(Tensor*)dyDescriptor;
  float a = *alpha, b = *beta;
  if (int status = check(p, xt, wt, yt)) return status;
  return later(handle, [=]() -> int {
    if (!inMemory(xt, dx) || !inMemory(wt, w) || !inMemory(yt, dy) || !contains(workspace, 4096) ||
        bytes < 4096) {
      return outside();
    }
    std::vector<float> ys = read(yt, dy, p.math), ws = read(wt, w, p.math);
    std::vector<double> xs((size_t)xt.size[0] * xt.size[1] * xt.size[2] * xt.size[3]);
    each(p, xt, wt, yt, [&](size_t i, size_t f, size_t o) { xs[i] += (double)ys[o] * ws[f]; });
    write(xt, dx, xs, a, b);
    return SUCCESS;
  });
}
EMULATED_API cudnnConvolutionBackwardFilter(void* handle, const float* alpha, void* xDescriptor,
                                            uint64_t x, void* dyDescriptor, uint64_t dy, void* d,
                                            int, uint64_t workspace, size_t bytes,
                                            const float* beta, void* dwDescriptor, uint64_t dw) {
  Convolution p = *(Convolution*)d;
  Tensor xt = *(Tensor*)xDescriptor, wt = *(Tensor*)dwDescriptor, yt = *(Tensor*)dyDescriptor;
  float a = *alpha, b = *beta;
  if (int status = check(p, xt, wt, yt)) return status;
  return later(handle, [=]() -> int {
    if (!inMemory(xt, x) || !inMemory(wt, dw) || !inMemory(yt, dy) || !contains(workspace, 4096) ||
        bytes < 4096) {
      return outside();
    }
    std::vector<float> xs = read(xt, x, p.math), ys = read(yt, dy, p.math);
    std::vector<double> ws((size_t)wt.size[0] * wt.size[1] * wt.size[2] * wt.size[3]);
    each(p, xt, wt, yt, [&](size_t i, size_t f, size_t o) { ws[f] += (double)xs[i] * ys[o]; });
    write(wt, dw, ws, a, b);
    return SUCCESS;
  });
}
