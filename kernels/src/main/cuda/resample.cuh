// Resizing of channels-last maps of any storage.
#pragma once
#include "storage.cuh"

// The place of an element of [n, h, w, c].
struct Pixel {
  long long n;
  int row, column, c;
};

DEVICE Pixel pixelAt(long long i, int h, int w, int c) {
  Pixel p;
  p.c = takeOff(&i, c);
  p.column = takeOff(&i, w);
  p.row = takeOff(&i, h);
  p.n = i;
  return p;
}

DEVICE long long at(long long n, int h, int w, int channels, int row, int column, int c) {
  return ((n * h + row) * w + column) * channels + c;
}

// What sums are kept in.
template <class T>
struct SumOf {
  typedef float Type;
};
template <>
struct SumOf<float> {
  typedef double Type;
};
DEVICE float fmaOf(float a, float b, float c) { return fmaF(a, b, c); }
DEVICE double fmaOf(double a, double b, double c) { return fmaD(a, b, c); }

// y [n, outH, outW, c] from x [n, h, w, c]: row i of y takes rows index[k] of x, k from start[i] to
// before start[i + 1]; columns likewise. A resize, or its transpose.
template <class T>
struct Gather {
  int h, w, c, outH, outW;
  const int *rowStart, *rowIndex;
  const float* rowWeight;
  const int *columnStart, *columnIndex;
  const float* columnWeight;
  const T* x;
  T* y;

  METHOD void many(long long i) {
    Pixel p = pixelAt(i, outH, outW, c);
    int first = columnStart[p.column], end = columnStart[p.column + 1];
    float sum[MANY(T)], line[MANY(T)], v[MANY(T)];
#pragma unroll
    for (int j = 0; j < MANY(T); j++) sum[j] = 0;
    for (int a = rowStart[p.row]; a < rowStart[p.row + 1]; a++) {
      const T* row = x + at(p.n, h, w, c, rowIndex[a], 0, p.c);
#pragma unroll
      for (int j = 0; j < MANY(T); j++) line[j] = 0;
      for (int b = first; b < end; b++) {
        load(v, row + (long long)columnIndex[b] * c);
#pragma unroll
        for (int j = 0; j < MANY(T); j++) line[j] = fmaF(columnWeight[b], v[j], line[j]);
      }
#pragma unroll
      for (int j = 0; j < MANY(T); j++) sum[j] = fmaF(rowWeight[a], line[j], sum[j]);
    }
    store(y + i, sum);
  }

  METHOD void one(long long i) {
    typedef typename SumOf<T>::Type Sum;
    Pixel p = pixelAt(i, outH, outW, c);
    int first = columnStart[p.column], end = columnStart[p.column + 1];
    Sum sum = 0;
    for (int a = rowStart[p.row]; a < rowStart[p.row + 1]; a++) {
      const T* row = x + at(p.n, h, w, c, rowIndex[a], 0, p.c);
      Sum line = 0;
      for (int b = first; b < end; b++) {
        line = fmaOf((Sum)columnWeight[b], (Sum)wide(row[(long long)columnIndex[b] * c]), line);
      }
      sum = fmaOf((Sum)rowWeight[a], line, sum);
    }
    put(y + i, (float)sum);
  }
};

// Vectors of channels for 16 bits; F32 has sums in binary64, a number at a time.
template <class T>
DEVICE void gather(long long count, Gather<T> g) {
  bool whole = sizeof(T) == 2 && g.c % MANY(T) == 0 && isAligned(g.x) && isAligned(g.y);
  each<T>(count, whole, g);
}
