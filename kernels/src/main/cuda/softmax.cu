// Softmax and its kin, F32.
#include "softmax.cuh"

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

#define TWO (long long rows, int cols, const float* x, float* y)
#define THREE (long long rows, int cols, const float* y, const float* dy, float* dx)

BOTH(softmax, value, softmax, TWO, (row, rows, cols, x, y))
BOTH(softmax, backward, softmaxBackward, THREE, (row, rows, cols, y, dy, dx))
BOTH(softmax, log_value, logSoftmax, TWO, (row, rows, cols, x, y))
BOTH(softmax, log_backward, logSoftmaxBackward, THREE, (row, rows, cols, y, dy, dx))
BOTH(softmax, log_sum_exp, logSumExp, TWO, (row, rows, cols, x, y))
