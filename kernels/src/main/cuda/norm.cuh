// Normalisations forward, of numbers of any storage; sums and parameters as in norm.cu.
#pragma once
#include "storage.cuh"

#define THREADS 256

struct Sums {
  float a, b;
};

// Sums over all threads of the block; the result is every thread's.
DEVICE Sums blockSums(float a, float b, float* shared) {
  for (int by = 16; by > 0; by >>= 1) {
    a += __shfl_xor_sync(ALL_LANES, a, by);
    b += __shfl_xor_sync(ALL_LANES, b, by);
  }
  int warp = threadIdx.x >> 5;
  if ((threadIdx.x & 31) == 0) {
    shared[2 * warp] = a;
    shared[2 * warp + 1] = b;
  }
  __syncthreads();
  Sums sums = {0, 0};
  for (int i = 0; i < THREADS / 32; i++) {
    sums.a += shared[2 * i];
    sums.b += shared[2 * i + 1];
  }
  __syncthreads();
  return sums;
}

// A block's part of a patch: rows `first` to before `end`.
struct Slice {
  long long start;  // the patch's first value
  int first, end;
};

DEVICE Slice slice(int spatial, int channels, int width, int slices) {
  int groups = channels / width;
  long long patch = blockIdx.x;
  long long start = patch / groups * spatial * channels + patch % groups * width;
  int first = (int)((long long)spatial * blockIdx.y / slices);
  int end = (int)((long long)spatial * (blockIdx.y + 1) / slices);
  return {start, first, end};
}

// partial [patch][slice][2]: mean, and sum of squares about it. Grid: patches x slices.
template <class T>
DEVICE void statistics(const T* x, float* partial, int spatial, int channels, int width, int slices,
                       float* shared) {
  Slice s = slice(spatial, channels, width, slices);
  const T* from = x + s.start + (long long)s.first * channels;
  long long count = (long long)(s.end - s.first) * width;
  float sum = 0;
  for (long long i = threadIdx.x; i < count; i += THREADS) {
    long long row = i;
    int channel = takeOff(&row, width);
    sum += wide(from[row * channels + channel]);
  }
  float mean = blockSums(sum, 0, shared).a / (float)count;
  float squares = 0;
  float rest = 0;
  for (long long i = threadIdx.x; i < count; i += THREADS) {
    long long row = i;
    int channel = takeOff(&row, width);
    float d = wide(from[row * channels + channel]) - mean;
    squares += d * d;
    rest += d;
  }
  Sums sums = blockSums(squares, rest, shared);
  if (threadIdx.x == 0) {
    // what rounding left in the mean is taken off both
    float correction = sums.b / (float)count;
    long long at = 2 * ((long long)blockIdx.x * slices + blockIdx.y);
    partial[at] = mean + correction;
    partial[at + 1] = sums.a - sums.b * correction;
  }
}

// A value's patch and channel.
struct Place {
  long long patch;
  int channel;
};

DEVICE Place place(long long i, int spatial, int channels, int width) {
  int channel = (int)(i % channels);
  return {i / channels / spatial * (channels / width) + channel / width, channel};
}

DEVICE float parameter(const void* p, int type, int channel, float absent) {
  return p == nullptr ? absent : loadFloat(p, type, channel);
}

// y = act((x - mean) rstd gamma + beta)
template <class T>
struct Apply {
  const T* x;
  const void *gamma, *beta;
  const float *mean, *rstd;
  T* y;
  int spatial, channels, width, type, silu;

  METHOD float result(float z) { return silu ? z / (1 + expF(-z)) : z; }
  // a vector lies in one picture and in two patches at most
  METHOD void many(long long i) {
    long long picture = i;
    int channel = takeOff(&picture, channels);
    picture /= spatial;
    int group = channel / width;
    int second = (group + 1) * width - channel;  // where the next patch begins
    long long patch = picture * (channels / width) + group;
    long long next = second < MANY(T) ? patch + 1 : patch;
    float m[2] = {mean[patch], mean[next]};
    float r[2] = {rstd[patch], rstd[next]};
    float v[MANY(T)], scale[MANY(T)], shift[MANY(T)];
    load(v, x + i);
    loadParameters(scale, gamma, type, channel, 1);
    loadParameters(shift, beta, type, channel, 0);
#pragma unroll
    for (int j = 0; j < MANY(T); j++) {
      v[j] = result((v[j] - (j < second ? m[0] : m[1])) * (j < second ? r[0] : r[1]) * scale[j] +
                    shift[j]);
    }
    store(y + i, v);
  }
  METHOD void one(long long i) {
    Place at = place(i, spatial, channels, width);
    put(y + i, result((wide(x[i]) - mean[at.patch]) * rstd[at.patch] *
                          parameter(gamma, type, at.channel, 1) +
                      parameter(beta, type, at.channel, 0)));
  }
};

template <class T>
DEVICE void apply(const T* x, const void* gamma, const void* beta, const float* mean,
                  const float* rstd, T* y, long long total, int spatial, int channels, int width,
                  int type, int silu) {
  bool whole = channels % MANY(T) == 0 && width >= MANY(T) && isAligned(x) && isAligned(y);
  each<T>(total, whole,
          Apply<T>{x, gamma, beta, mean, rstd, y, spatial, channels, width, type, silu});
}

// Rows that each have their own mean and deviation, a warp each: all in one pass over memory, the
// second and third time from the first-level cache. mean and rstd are written if they are wanted.
template <class T>
DEVICE void rows(const T* x, const void* gamma, const void* beta, float* mean, float* rstd, T* y,
                 long long count, int cols, float eps, int type) {
  bool whole = cols % MANY(T) == 0 && isAligned(x) && isAligned(y);
  int lane = threadIdx.x & 31;
  int vectors = whole ? cols / MANY(T) : 0;
  int first = vectors * MANY(T) + lane;  // of what is not in vectors
  long long warps = (long long)gridDim.x * (THREADS / 32);
  for (long long r = (long long)blockIdx.x * (THREADS / 32) + (threadIdx.x >> 5); r < count;
       r += warps) {
    const T* from = x + r * cols;
    float v[MANY(T)];
    float sum = 0;
    for (int i = lane; i < vectors; i += 32) {
      load(v, from + i * MANY(T));
#pragma unroll
      for (int j = 0; j < MANY(T); j++) sum += v[j];
    }
    for (int i = first; i < cols; i += 32) sum += wide(from[i]);
    float m = warpSum(sum) / (float)cols;
    float squares = 0;
    float rest = 0;
    for (int i = lane; i < vectors; i += 32) {
      load(v, from + i * MANY(T));
#pragma unroll
      for (int j = 0; j < MANY(T); j++) {
        float d = v[j] - m;
        squares += d * d;
        rest += d;
      }
    }
    for (int i = first; i < cols; i += 32) {
      float d = wide(from[i]) - m;
      squares += d * d;
      rest += d;
    }
    rest = warpSum(rest);
    // what rounding left in the mean is taken off both
    float correction = rest / (float)cols;
    m += correction;
    float variance = (warpSum(squares) - rest * correction) / (float)cols;
    float s = 1 / rootF(variance + eps);
    if (lane == 0) {
      if (mean != nullptr) mean[r] = m;
      if (rstd != nullptr) rstd[r] = s;
    }
    T* to = y + r * cols;
    float more[MANY(T)];
    for (int i = lane; i < vectors; i += 32) {
      load(v, from + i * MANY(T));
      loadParameters(more, gamma, type, i * MANY(T), 1);
#pragma unroll
      for (int j = 0; j < MANY(T); j++) v[j] = (v[j] - m) * s * more[j];
      loadParameters(more, beta, type, i * MANY(T), 0);
#pragma unroll
      for (int j = 0; j < MANY(T); j++) v[j] += more[j];
      store(to + i * MANY(T), v);
    }
    for (int i = first; i < cols; i += 32) {
      put(to + i, (wide(from[i]) - m) * s * parameter(gamma, type, i, 1) +
                      parameter(beta, type, i, 0));
    }
  }
}
