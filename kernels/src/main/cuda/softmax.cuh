// Softmax over rows of contiguous numbers of any storage. Short rows have a warp each, blocks being 32
// by 8; long ones a block of 256 by 1. Sums are in binary64.
#pragma once
#include "storage.cuh"

// The threads of a row.
template <bool WHOLE_BLOCK>
struct Row {
  double* sums;
  float* most;
  METHOD long long first() {
    return WHOLE_BLOCK ? blockIdx.x : (long long)blockIdx.x * blockDim.y + threadIdx.y;
  }
  METHOD long long step() { return WHOLE_BLOCK ? gridDim.x : (long long)gridDim.x * blockDim.y; }
  METHOD int begin() { return (int)threadIdx.x; }
  METHOD int stride() { return WHOLE_BLOCK ? (int)blockDim.x : 32; }
  METHOD double sum(double v) { return WHOLE_BLOCK ? blockSum(v, sums) : warpSum(v); }
  METHOD float max(float v) { return WHOLE_BLOCK ? blockMax(v, most) : warpMax(v); }
  template <class T>
  METHOD float max(const T* x, int cols) {
    float result = -INFINITE;
    for (int i = begin(); i < cols; i += stride()) result = maxF(result, wide(x[i]));
    return max(result);
  }
  template <class T>
  METHOD double sumOfExp(const T* x, int cols, float most) {
    double result = 0;
    for (int i = begin(); i < cols; i += stride()) result += expF(wide(x[i]) - most);
    return sum(result);
  }
  METHOD double logSumExp(const float* x, int cols) {
    float most = max(x, cols);
    // all -infinite, or some infinite: that is the answer
    if (absF(most) == INFINITE) return most;
    return most + logD(sumOfExp(x, cols, most));
  }
};

template <class T, bool WHOLE_BLOCK>
DEVICE void softmax(Row<WHOLE_BLOCK> row, long long rows, int cols, const T* x, T* y) {
  for (long long r = row.first(); r < rows; r += row.step()) {
    const T* from = x + r * cols;
    T* to = y + r * cols;
    float most = row.max(from, cols);
    float sum = (float)row.sumOfExp(from, cols, most);
    for (int i = row.begin(); i < cols; i += row.stride()) {
      put(to + i, expF(wide(from[i]) - most) / sum);
    }
  }
}

// name_warp and name_block
#define BOTH(family, name, function, parameters, arguments)              \
  extern "C" __global__ void family##_##name##_warp parameters {  \
    Row<false> row = {nullptr, nullptr};                         \
    function arguments;                                          \
  }                                                              \
  extern "C" __global__ void family##_##name##_block parameters { \
    __shared__ double sums[32];                                  \
    __shared__ float most[32];                                   \
    Row<true> row = {sums, most};                                \
    function arguments;                                          \
  }
