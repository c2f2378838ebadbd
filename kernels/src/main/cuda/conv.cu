// Convolutions as products: the patches under the kernel become rows, and gradients of rows are
// gathered again. Maps are channels-last; a run of rows of the output is done at a time.
#include "conv.cuh"

extern "C" __global__ void conv_patches(long long elements, long long first, int outH, SHAPE,
                                        const float* x, float* rows) {
  patches(elements, first, outH, SIZES, x, rows);
}

// dx += what the rows of one picture's output lines from..to-1 give, tap by tap.
extern "C" __global__ void conv_gather(long long elements, int from, int to, SHAPE,
                                       const float* rows, float* dx) {
  for (long long i = threadNumber(); i < elements; i += threadCount()) {
    int channel = (int)(i % groupC);
    long long pixel = i / groupC;
    int iw = (int)(pixel % w);
    int ih = (int)(pixel / w);
    float sum = 0;
    for (int row = 0; row < kh; row++) {
      int top = ih + padTop - row * dilationH;
      int oh = top / strideH;
      if (top < 0 || top % strideH != 0 || oh < from || oh >= to) continue;
      for (int column = 0; column < kw; column++) {
        int left = iw + padLeft - column * dilationW;
        int ow = left / strideW;
        if (left < 0 || left % strideW != 0 || ow >= outW) continue;
        long long patch = (long long)(oh - from) * outW + ow;
        sum += rows[((patch * kh + row) * kw + column) * groupC + channel];
      }
    }
    dx[pixel * c + firstC + channel] += sum;
  }
}

// What cuDNN leaves: y = act(from + bias), from of any type, the bias of `channels` or null.
extern "C" __global__ void conv_finish(long long elements, int channels, int type, int activation,
                                       int biasType, const void* from, const void* bias, float* y) {
  for (long long i = threadNumber(); i < elements; i += threadCount()) {
    float value = loadFloat(from, type, i);
    if (bias != nullptr) {
      long long rest = i;
      value += loadFloat(bias, biasType, takeOff(&rest, channels));
    }
    y[i] = activate(activation, value);
  }
}
