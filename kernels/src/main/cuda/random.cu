// Philox 4x32-10, as kernels.Philox has it.
#include "viridian.cuh"

DEVICE void philox(long long seed, long long block, unsigned* words) {
  unsigned c0 = (unsigned)block, c1 = (unsigned)(block >> 32), c2 = 0, c3 = 0;
  unsigned k0 = (unsigned)seed, k1 = (unsigned)(seed >> 32);
  for (int round = 0; round < 10; round++) {
    unsigned long long product0 = 0xD2511F53ULL * c0, product1 = 0xCD9E8D57ULL * c2;
    c0 = (unsigned)(product1 >> 32) ^ c1 ^ k0;
    c1 = (unsigned)product1;
    c2 = (unsigned)(product0 >> 32) ^ c3 ^ k1;
    c3 = (unsigned)product0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  words[0] = c0;
  words[1] = c1;
  words[2] = c2;
  words[3] = c3;
}

// A thread a block of four words: as many numbers.
extern "C" __global__ void random_uniform(long long seed, long long offset, long long n,
                                          long long blocks, float* x) {
  for (long long b = threadNumber(); b < blocks; b += threadCount()) {
    long long block = offset / 4 + b;
    unsigned words[4];
    philox(seed, block, words);
    long long first = 4 * block - offset;
#pragma unroll
    for (int k = 0; k < 4; k++) {
      long long i = first + k;
      if (i >= 0 && i < n) x[i] = (float)(words[k] >> 8) * 5.9604644775390625e-8f;
    }
  }
}

// A thread a block of four words: two numbers.
extern "C" __global__ void random_normal(long long seed, long long offset, long long n,
                                         long long blocks, float* x) {
  for (long long b = threadNumber(); b < blocks; b += threadCount()) {
    long long block = offset / 2 + b;
    unsigned words[4];
    philox(seed, block, words);
    long long first = 2 * block - offset;
#pragma unroll
    for (int k = 0; k < 2; k++) {
      long long i = first + k;
      if (i < 0 || i >= n) continue;
      double u = ((double)words[2 * k] + 1) * 2.3283064365386963e-10;
      double v = (double)words[2 * k + 1] * 2.3283064365386963e-10;
      x[i] = (float)(rootD(-2 * logD(u)) * cosD(6.283185307179586 * v));
    }
  }
}
