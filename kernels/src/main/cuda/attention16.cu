// What the backward pass on tensor cores needs of a row.
#include "attention16.cuh"

// The sums of each query that the backward kernels need (Sums), a warp a row; `columns` from the
// forward kernel, null if the column has no gradient.
extern "C" __global__ void __launch_bounds__(256) attention16_sums(
    const float* out, const float* dOut, const float* lse, const float* columns,
    const float* dColumnMap, float* logs, float* corrections, float* gradients, int heads,
    int queries, int dim, STRIDES(out)) {
  int padded = (queries + TILE - 1) / TILE * TILE;
  int query = blockIdx.x * 8 + (threadIdx.x >> 5);
  int lane = threadIdx.x & 31;
  long long row = (long long)blockIdx.y * queries + query;
  float sum = 0;
  if (query < queries) {
    long long at = PICTURE * outBatch + HEAD * outHead + (long long)query * outToken;
    for (int i = lane; i < dim; i += 32) sum += out[at + i] * dOut[at + i];
  }
  sum = warpSum(sum);
  if (query < padded && lane == 0) {
    bool there = query < queries;
    float gradient = there && dColumnMap != nullptr
                         ? dColumnMap[PICTURE * queries + query] / heads
                         : 0.0f;
    if (there && columns != nullptr) sum += gradient * columns[row];
    long long to = (long long)blockIdx.y * padded + query;
    logs[to] = there && lse[row] != -INFINITE ? LOG2E * lse[row] : INFINITE;
    corrections[to] = sum;
    gradients[to] = gradient;
  }
}
