// Factors of tensor cores: F32 rounded to 16 bits, F16 or BF16, eight values a thread.
#include "matrix.cuh"

DEVICE Vector packEight(const float (&x)[8], int brain) {
  Vector bits;
#pragma unroll
  for (int j = 0; j < 4; j++) {
    bits[j] = brain ? floatToBf16(x[2 * j]) | (unsigned)floatToBf16(x[2 * j + 1]) << 16
                    : floatToHalf(x[2 * j]) | (unsigned)floatToHalf(x[2 * j + 1]) << 16;
  }
  return bits;
}

// 32 bytes, aligned.
DEVICE void loadEight(float (&x)[8], const float* at) {
  Floats low = ((const Floats*)at)[0];
  Floats high = ((const Floats*)at)[1];
#pragma unroll
  for (int j = 0; j < 4; j++) {
    x[j] = low[j];
    x[4 + j] = high[j];
  }
}

// Rows of dim values, by strides of three dimensions; zeros from dim to width, a multiple of eight.
// to [batch, heads, tokens, width].
extern "C" __global__ void __launch_bounds__(256) pack16_rows(
    const float* from, unsigned short* to, long long vectors, int heads, int tokens, int dim,
    int width, int brain, long long fromBatch,
    long long fromHead, long long fromToken) {
  bool aligned = (((unsigned long long)from | 4 * (fromBatch | fromHead | fromToken)) & 15) == 0;
  for (long long i = threadNumber(); i < vectors; i += threadCount()) {
    long long rest = i;
    int value = 8 * takeOff(&rest, width / 8);
    int token = takeOff(&rest, tokens);
    int head = takeOff(&rest, heads);
    const float* at = from + rest * fromBatch + head * fromHead + token * fromToken + value;
    float x[8];
    if (aligned && value + 8 <= dim) {
      loadEight(x, at);
    } else {
#pragma unroll
      for (int j = 0; j < 8; j++) x[j] = value + j < dim ? at[j] : 0.0f;
    }
    ((Vector*)to)[i] = packEight(x, brain);
  }
}

// The same for numbers in a row; `to` has room for a multiple of eight.
extern "C" __global__ void __launch_bounds__(256) pack16_flat(const float* from, unsigned short* to,
                                                              long long count, int brain) {
  bool aligned = ((unsigned long long)from & 15) == 0;
  for (long long i = threadNumber(); i < (count + 7) / 8; i += threadCount()) {
    float x[8];
    if (aligned && 8 * i + 8 <= count) {
      loadEight(x, from + 8 * i);
    } else {
#pragma unroll
      for (int j = 0; j < 8; j++) x[j] = 8 * i + j < count ? from[8 * i + j] : 0.0f;
    }
    ((Vector*)to)[i] = packEight(x, brain);
  }
}
