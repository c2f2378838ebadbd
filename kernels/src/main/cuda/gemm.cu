// What a product needs beside cuBLAS: zeros, and bias and activation afterwards.
#include "viridian.cuh"

// c [batch] of m rows of n, by leading dimension and step, becomes act(c + bias), or act(0 + bias).
extern "C" __global__ void gemm_epilogue(long long elements, int m, int n, long long leading,
                                         long long step, int zero, int activation, int biasType,
                                         const void* bias, float* c) {
  for (long long i = threadNumber(); i < elements; i += threadCount()) {
    long long row = i / n;
    int column = (int)(i - row * n);
    long long at = row / m * step + row % m * leading + column;
    float value = zero ? 0 : c[at];
    if (bias != nullptr) value += loadFloat(bias, biasType, column);
    c[at] = activate(activation, value);
  }
}
