// Softmax and its kin over rows of contiguous numbers. Short rows have a warp each, blocks being 32
// by 8; long ones a block of 256 by 1. Sums are in binary64.
#include "viridian.cuh"

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
  METHOD float max(const float* x, int cols) {
    float result = -INFINITE;
    for (int i = begin(); i < cols; i += stride()) result = maxF(result, x[i]);
    return max(result);
  }
  METHOD double sumOfExp(const float* x, int cols, float most) {
    double result = 0;
    for (int i = begin(); i < cols; i += stride()) result += expF(x[i] - most);
    return sum(result);
  }
  METHOD double logSumExp(const float* x, int cols) {
    float most = max(x, cols);
    // all -infinite, or some infinite: that is the answer
    if (absF(most) == INFINITE) return most;
    return most + logD(sumOfExp(x, cols, most));
  }
};

template <bool WHOLE_BLOCK>
DEVICE void softmax(Row<WHOLE_BLOCK> row, long long rows, int cols, const float* x, float* y) {
  for (long long r = row.first(); r < rows; r += row.step()) {
    const float* from = x + r * cols;
    float* to = y + r * cols;
    float most = row.max(from, cols);
    float sum = (float)row.sumOfExp(from, cols, most);
    for (int i = row.begin(); i < cols; i += row.stride()) to[i] = expF(from[i] - most) / sum;
  }
}

template <bool WHOLE_BLOCK>
DEVICE void softmaxBackward(Row<WHOLE_BLOCK> row, long long rows, int cols, const float* y,
                            const float* dy, float* dx) {
  for (long long r = row.first(); r < rows; r += row.step()) {
    const float* out = y + r * cols;
    const float* gradient = dy + r * cols;
    double dot = 0;
    for (int i = row.begin(); i < cols; i += row.stride()) dot += (double)out[i] * gradient[i];
    dot = row.sum(dot);
    for (int i = row.begin(); i < cols; i += row.stride()) {
      dx[r * cols + i] = out[i] * (float)(gradient[i] - dot);
    }
  }
}

template <bool WHOLE_BLOCK>
DEVICE void logSoftmax(Row<WHOLE_BLOCK> row, long long rows, int cols, const float* x, float* y) {
  for (long long r = row.first(); r < rows; r += row.step()) {
    const float* from = x + r * cols;
    double total = row.logSumExp(from, cols);
    for (int i = row.begin(); i < cols; i += row.stride()) {
      y[r * cols + i] = (float)(from[i] - total);
    }
  }
}

template <bool WHOLE_BLOCK>
DEVICE void logSoftmaxBackward(Row<WHOLE_BLOCK> row, long long rows, int cols, const float* y,
                               const float* dy, float* dx) {
  for (long long r = row.first(); r < rows; r += row.step()) {
    const float* gradient = dy + r * cols;
    double sum = 0;
    for (int i = row.begin(); i < cols; i += row.stride()) sum += gradient[i];
    sum = row.sum(sum);
    for (int i = row.begin(); i < cols; i += row.stride()) {
      dx[r * cols + i] = (float)(gradient[i] - expF(y[r * cols + i]) * sum);
    }
  }
}

template <bool WHOLE_BLOCK>
DEVICE void logSumExp(Row<WHOLE_BLOCK> row, long long rows, int cols, const float* x, float* y) {
  for (long long r = row.first(); r < rows; r += row.step()) {
    double total = row.logSumExp(x + r * cols, cols);
    if (row.begin() == 0) y[r] = (float)total;
  }
}

// name_warp and name_block
#define BOTH(name, function, parameters, arguments)              \
  extern "C" __global__ void softmax_##name##_warp parameters {  \
    Row<false> row = {nullptr, nullptr};                         \
    function arguments;                                          \
  }                                                              \
  extern "C" __global__ void softmax_##name##_block parameters { \
    __shared__ double sums[32];                                  \
    __shared__ float most[32];                                   \
    Row<true> row = {sums, most};                                \
    function arguments;                                          \
  }
#define TWO (long long rows, int cols, const float* x, float* y)
#define THREE (long long rows, int cols, const float* y, const float* dy, float* dx)

BOTH(value, softmax, TWO, (row, rows, cols, x, y))
BOTH(backward, softmaxBackward, THREE, (row, rows, cols, y, dy, dx))
BOTH(log_value, logSoftmax, TWO, (row, rows, cols, x, y))
BOTH(log_backward, logSoftmaxBackward, THREE, (row, rows, cols, y, dy, dx))
BOTH(log_sum_exp, logSumExp, TWO, (row, rows, cols, x, y))
