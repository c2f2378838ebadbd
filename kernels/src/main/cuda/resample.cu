// Resizing and pooling of channels-last maps. Every result is gathered by one thread, backward too:
// nothing is added up in memory.
#include "resample.cuh"

extern "C" __global__ void resample_gather(long long count, int h, int w, int c, int outH, int outW,
                                           const int* rowStart, const int* rowIndex,
                                           const float* rowWeight, const int* columnStart,
                                           const int* columnIndex, const float* columnWeight,
                                           const float* x, float* y) {
  gather(count, Gather<float>{h, w, c, outH, outW, rowStart, rowIndex, rowWeight, columnStart,
                              columnIndex, columnWeight, x, y});
}

// A window along one axis, on the map; padded: how much of it lies on the padded map.
struct Range {
  int from, to, padded;
};

DEVICE Range window(int out, int size, int kernel, int stride, int padding) {
  long long start = (long long)out * stride - padding;
  long long end = minL(start + kernel, (long long)size + padding);
  Range r;
  r.from = start > 0 ? (int)start : 0;
  r.to = (int)minL(end, size);
  r.padded = (int)(end - start);
  return r;
}

// The windows, from and to, that a place of the map is in.
DEVICE Range windows(int place, int outs, int kernel, int stride, int padding) {
  long long last = ((long long)place + padding) / stride;
  long long before = (long long)place + padding - kernel;  // where the last one before begins
  Range r;
  r.from = before < 0 ? 0 : (int)minL(before / stride + 1, outs);
  r.to = (int)minL(last + 1, outs);
  r.padded = 0;
  return r;
}

DEVICE double divisor(Range rows, Range columns, int countPadding) {
  return countPadding ? (double)rows.padded * columns.padded
                      : (double)(rows.to - rows.from) * (columns.to - columns.from);
}

#define POOL int h, int w, int c, int outH, int outW, int kernel, int stride, int padding

// index may be absent
extern "C" __global__ void resample_max_pool(long long count, POOL, const float* x, float* y,
                                             long long* index) {
  for (long long i = threadNumber(); i < count; i += threadCount()) {
    Pixel p = pixelAt(i, outH, outW, c);
    Range rows = window(p.row, h, kernel, stride, padding);
    Range columns = window(p.column, w, kernel, stride, padding);
    float largest = -INFINITE;
    long long where = (long long)rows.from * w + columns.from;
    for (int row = rows.from; row < rows.to; row++) {
      for (int column = columns.from; column < columns.to; column++) {
        float value = x[at(p.n, h, w, c, row, column, p.c)];
        if (value > largest || isNan(value)) {
          largest = value;
          where = (long long)row * w + column;
        }
      }
    }
    y[i] = largest;
    if (index != nullptr) index[i] = where;
  }
}

// A place gets the gradients of those windows around it that chose it.
extern "C" __global__ void resample_max_pool_backward(long long count, POOL, const long long* index,
                                                      const float* dy, float* dx) {
  for (long long i = threadNumber(); i < count; i += threadCount()) {
    Pixel p = pixelAt(i, h, w, c);
    Range rows = windows(p.row, outH, kernel, stride, padding);
    Range columns = windows(p.column, outW, kernel, stride, padding);
    long long own = (long long)p.row * w + p.column;
    double sum = 0;
    for (int row = rows.from; row < rows.to; row++) {
      for (int column = columns.from; column < columns.to; column++) {
        long long out = at(p.n, outH, outW, c, row, column, p.c);
        if (index[out] == own) sum += dy[out];
      }
    }
    dx[i] = (float)sum;
  }
}

extern "C" __global__ void resample_average_pool(long long count, POOL, int countPadding,
                                                 const float* x, float* y) {
  for (long long i = threadNumber(); i < count; i += threadCount()) {
    Pixel p = pixelAt(i, outH, outW, c);
    Range rows = window(p.row, h, kernel, stride, padding);
    Range columns = window(p.column, w, kernel, stride, padding);
    double sum = 0;
    for (int row = rows.from; row < rows.to; row++) {
      for (int column = columns.from; column < columns.to; column++) {
        sum += x[at(p.n, h, w, c, row, column, p.c)];
      }
    }
    y[i] = (float)(sum / divisor(rows, columns, countPadding));
  }
}

extern "C" __global__ void resample_average_pool_backward(long long count, POOL, int countPadding,
                                                          const float* dy, float* dx) {
  for (long long i = threadNumber(); i < count; i += threadCount()) {
    Pixel p = pixelAt(i, h, w, c);
    Range rows = windows(p.row, outH, kernel, stride, padding);
    Range columns = windows(p.column, outW, kernel, stride, padding);
    double sum = 0;
    for (int row = rows.from; row < rows.to; row++) {
      Range high = window(row, h, kernel, stride, padding);
      for (int column = columns.from; column < columns.to; column++) {
        Range wide = window(column, w, kernel, stride, padding);
        float gradient = dy[at(p.n, outH, outW, c, row, column, p.c)];
        sum += gradient / divisor(high, wide, countPadding);
      }
    }
    dx[i] = (float)sum;
  }
}
