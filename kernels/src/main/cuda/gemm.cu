// What a product needs beside cuBLAS: zeros, and bias and activation afterwards.
#include "conv.cuh"

extern "C" __global__ void gemm_epilogue(long long elements, int m, int n, long long leading,
                                         long long step, int zero, int activation, int biasType,
                                         const void* bias, float* c) {
  epilogue(elements, m, n, leading, step, zero, activation, biasType, bias, c);
}
