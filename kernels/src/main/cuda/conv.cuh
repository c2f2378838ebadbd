// Of convolutions and products, for numbers of any storage.
#pragma once
#include "storage.cuh"

#define SHAPE                                                                                   \
  int h, int w, int c, int outW, int kh, int kw, int strideH, int strideW, int padTop,          \
      int padLeft, int dilationH, int dilationW, int firstC, int groupC

#define SIZES \
  h, w, c, outW, kh, kw, strideH, strideW, padTop, padLeft, dilationH, dilationW, firstC, groupC

// rows [count, kh, kw, groupC] of the pixels from `first` on, of the pictures' outH · outW each.
template <class T>
DEVICE void patches(long long elements, long long first, int outH, SHAPE, const T* x, T* rows) {
  for (long long i = threadNumber(); i < elements; i += threadCount()) {
    int channel = (int)(i % groupC);
    long long rest = i / groupC;
    int column = (int)(rest % kw);
    rest /= kw;
    int row = (int)(rest % kh);
    long long pixel = first + rest / kh;
    int ow = (int)(pixel % outW);
    long long line = pixel / outW;
    int ih = (int)(line % outH) * strideH - padTop + row * dilationH;
    int iw = ow * strideW - padLeft + column * dilationW;
    bool inside = ih >= 0 && ih < h && iw >= 0 && iw < w;
    long long at = ((line / outH * h + ih) * w + iw) * c + firstC + channel;
    rows[i] = inside ? x[at] : T{};
  }
}

// y [rows, channels] = act(x + bias) + residual, the bias of any type; bias and residual may be
// absent, y may be x.
template <class T>
struct Finish {
  int channels, activation, biasType;
  const void* bias;
  const T *residual, *x;
  T* y;

  // without an activation: what networks have in this place
  METHOD void many(long long i) {
    long long rest = i;
    float v[MANY(T)], more[MANY(T)];
    load(v, x + i);
    loadParameters(more, bias, biasType, takeOff(&rest, channels), 0);
#pragma unroll
    for (int j = 0; j < MANY(T); j++) v[j] += more[j];
    if (residual != nullptr) {
      load(more, residual + i);
#pragma unroll
      for (int j = 0; j < MANY(T); j++) v[j] += more[j];
    }
    store(y + i, v);
  }
  METHOD void one(long long i) {
    long long rest = i;
    float v = wide(x[i]);
    if (bias != nullptr) v += loadFloat(bias, biasType, takeOff(&rest, channels));
    v = activate(activation, v);
    if (residual != nullptr) v += wide(residual[i]);
    put(y + i, v);
  }
};

template <class T>
DEVICE void finish(long long elements, Finish<T> f) {
  bool whole = f.activation == 0 && f.channels % MANY(T) == 0 && isAligned(f.x) &&
               isAligned(f.y) && isAligned(f.residual);
  each<T>(elements, whole, f);
}

// c [batch] of m rows of n, by leading dimension and step, becomes act(c + bias), or act(0 + bias).
template <class T>
DEVICE void epilogue(long long elements, int m, int n, long long leading, long long step, int zero,
                     int activation, int biasType, const void* bias, T* c) {
  for (long long i = threadNumber(); i < elements; i += threadCount()) {
    long long row = i / n;
    int column = (int)(i - row * n);
    long long at = row / m * step + row % m * leading + column;
    float value = zero ? 0 : wide(c[at]);
    if (bias != nullptr) value += loadFloat(bias, biasType, column);
    put(c + at, activate(activation, value));
  }
}
