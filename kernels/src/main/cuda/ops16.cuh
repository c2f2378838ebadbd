// Activations of 16 bits: the forward passes that lie between products, computed in F32. `family` is
// ops_f16 or ops_bf16; what is behind it is the F32 kernel's name.
#include "conv.cuh"
#include "norm.cuh"
#include "pointwise.cuh"
#include "resample.cuh"
#include "softmax.cuh"

#define OPS(family, T)                                                                             \
  extern "C" __global__ void family##_pointwise_unary(int f, long long n, float p0, float p1,      \
                                                      const T* x, T* y) {                          \
    unary(f, n, p0, p1, x, y);                                                                     \
  }                                                                                                \
  extern "C" __global__ void family##_pointwise_binary_flat(int f, long long n, const T* a,        \
                                                            const T* b, T* y) {                    \
    binaryFlat(f, n, a, b, y);                                                                     \
  }                                                                                                \
  extern "C" __global__ void family##_pointwise_binary(                                            \
      int f, long long n, EIGHT(long long, size), EIGHT(long long, a), EIGHT(long long, b),        \
      const T* as, const T* bs, T* y) {                                                            \
    const long long size[8] = LIST(size), a[8] = LIST(a), b[8] = LIST(b);                          \
    binaryStrided(f, n, size, a, b, as, bs, y);                                                    \
  }                                                                                                \
  extern "C" __global__ void family##_pointwise_geglu(long long n, int cols, int biasType,         \
                                                      const void* bias, const T* x, T* y) {        \
    geglu(n, Geglu<T>{cols, biasType, bias, x, y});                                                \
  }                                                                                                \
  extern "C" __global__ void __launch_bounds__(THREADS)                                            \
      family##_norm_statistics(const T* x, float* partial, int spatial, int channels, int width,   \
                               int slices) {                                                       \
    __shared__ float shared[THREADS / 16];                                                         \
    statistics(x, partial, spatial, channels, width, slices, shared);                              \
  }                                                                                                \
  extern "C" __global__ void __launch_bounds__(THREADS)                                            \
      family##_norm_row_statistics(const T* x, float* partial, int spatial, int channels,          \
                                   int width, int slices) {                                        \
    __shared__ RowSums sums;                                                                       \
    rowStatistics(x, partial, spatial, channels, width, slices, &sums);                            \
  }                                                                                                \
  extern "C" __global__ void __launch_bounds__(THREADS) family##_norm_apply(                       \
      const T* x, const void* gamma, const void* beta, const float* mean, const float* rstd, T* y, \
      long long total, int spatial, int channels, int width, int type, int silu) {                 \
    apply(x, gamma, beta, mean, rstd, y, total, spatial, channels, width, type, silu);             \
  }                                                                                                \
  extern "C" __global__ void __launch_bounds__(THREADS) family##_norm_rows(                        \
      const T* x, const void* gamma, const void* beta, float* mean, float* rstd, T* y,             \
      long long count, int cols, float eps, int type) {                                            \
    rows(x, gamma, beta, mean, rstd, y, count, cols, eps, type);                                   \
  }                                                                                                \
  BOTH(family##_softmax, value, softmax, (long long rows, int cols, const T* x, T* y),             \
       (row, rows, cols, x, y))                                                                    \
  extern "C" __global__ void family##_resample_gather(                                             \
      long long count, int h, int w, int c, int outH, int outW, const int* rowStart,               \
      const int* rowIndex, const float* rowWeight, const int* columnStart, const int* columnIndex, \
      const float* columnWeight, const T* x, T* y) {                                               \
    gather(count, Gather<T>{h, w, c, outH, outW, rowStart, rowIndex, rowWeight, columnStart,       \
                            columnIndex, columnWeight, x, y});                                     \
  }                                                                                                \
  extern "C" __global__ void family##_conv_patches(long long elements, long long first, int outH,  \
                                                   SHAPE, const T* x, T* rows) {                   \
    patches(elements, first, outH, SIZES, x, rows);                                                \
  }                                                                                                \
  extern "C" __global__ void family##_conv_finish(long long elements, int channels,                \
                                                  int activation, int biasType, const void* bias,  \
                                                  const T* residual, const T* x, T* y) {           \
    finish(elements, Finish<T>{channels, activation, biasType, bias, residual, x, y});             \
  }                                                                                                \
  extern "C" __global__ void family##_gemm_epilogue(                                               \
      long long elements, int m, int n, long long leading, long long step, int zero,               \
      int activation, int biasType, const void* bias, T* c) {                                      \
    epilogue(elements, m, n, leading, step, zero, activation, biasType, bias, c);                  \
  }
