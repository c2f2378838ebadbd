// How numbers lie in memory: F32, or 16 bits that are computed with as F32; in whole vectors of 16
// bytes where they are aligned.
#pragma once
#include "viridian.cuh"

// 16 bytes at once.
typedef unsigned Vector __attribute__((vector_size(16)));
typedef float Floats __attribute__((vector_size(16)));

// F16 and BF16.
struct Half {
  unsigned short bits;
};
struct Brain {
  unsigned short bits;
};

// Numbers of a vector.
#define MANY(T) ((int)(16 / sizeof(T)))

DEVICE float wide(float x) { return x; }
DEVICE float wide(Half x) { return halfToFloat(x.bits); }
DEVICE float wide(Brain x) { return bf16ToFloat(x.bits); }
DEVICE void put(float* to, float x) { *to = x; }
DEVICE void put(Half* to, float x) { to->bits = floatToHalf(x); }
DEVICE void put(Brain* to, float x) { to->bits = floatToBf16(x); }

DEVICE bool isAligned(const void* p) { return ((unsigned long long)p & 15) == 0; }

// A vector, aligned.
DEVICE void load(float (&x)[4], const float* p) {
  Floats v = *(const Floats*)p;
#pragma unroll
  for (int j = 0; j < 4; j++) x[j] = v[j];
}
template <class T>
DEVICE void load(float (&x)[8], const T* p) {
  Vector v = *(const Vector*)p;
#pragma unroll
  for (int j = 0; j < 4; j++) {
    x[2 * j] = wide(T{(unsigned short)v[j]});
    x[2 * j + 1] = wide(T{(unsigned short)(v[j] >> 16)});
  }
}
DEVICE void store(float* p, const float (&x)[4]) {
  *(Floats*)p = Floats{x[0], x[1], x[2], x[3]};
}
template <class T>
DEVICE void store(T* p, const float (&x)[8]) {
  Vector v = {0, 0, 0, 0};
#pragma unroll
  for (int j = 0; j < 4; j++) {
    T low, high;
    put(&low, x[2 * j]);
    put(&high, x[2 * j + 1]);
    v[j] = low.bits | (unsigned)high.bits << 16;
  }
  *(Vector*)p = v;
}

// Parameters of neighbouring channels, of a type that is known when it runs; `absent` where there
// are none.
template <int N>
DEVICE void loadParameters(float (&x)[N], const void* p, int type, long long at, float absent) {
  if (p == nullptr) {
#pragma unroll
    for (int j = 0; j < N; j++) x[j] = absent;
  } else if (N == 8 && type != F32 && isAligned((const unsigned short*)p + at)) {
    Vector v = *(const Vector*)((const unsigned short*)p + at);
#pragma unroll
    for (int j = 0; j < N; j++) {
      unsigned short bits = (unsigned short)(v[j >> 1 & 3] >> 16 * (j & 1));
      x[j] = type == BF16 ? bf16ToFloat(bits) : halfToFloat(bits);
    }
  } else {
#pragma unroll
    for (int j = 0; j < N; j++) x[j] = loadFloat(p, type, at + j);
  }
}

// f.many(i) for vectors that begin at i, f.one(i) for the numbers that are left: all of them where
// there are no whole vectors.
template <class T, class F>
DEVICE void each(long long n, bool whole, F f) {
  long long vectors = whole ? n / MANY(T) : 0;
  long long done = vectors * MANY(T);
  for (long long i = threadNumber(); i < vectors + n - done; i += threadCount()) {
    if (i < vectors) {
      f.many(i * MANY(T));
    } else {
      f.one(done + i - vectors);
    }
  }
}
