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

// What a block of all channels of some rows sums up, a vector of channels a thread: a thread's part,
// and what it comes to for each patch of a picture, of which there are MOST_GROUPS at most. A vector
// lies in two patches at most.
#define MOST_GROUPS 64
// Rows that a thread reads before it needs the first.
#define AHEAD 4
struct RowSums {
  float first[2][THREADS], second[2][THREADS];  // in the vector's first patch, and in the next one
  float group[3][MOST_GROUPS];
};

// Adds the threads' numbers, in order, to group[to] of each patch that their vectors lie in.
DEVICE void addToGroups(RowSums* sums, int which, int to, int base, int lanes, int rowsAtOnce,
                        int many, int width, int groups) {
  int g = threadIdx.x;
  if (g >= groups) return;
  int from = g * width / many - base;
  int end = ((g + 1) * width - 1) / many + 1 - base;
  from = from < 0 ? 0 : from;
  end = minI(end, lanes);
  float sum = 0;
  for (int r = 0; r < rowsAtOnce; r++) {
    for (int v = from; v < end; v++) {
      bool first = (base + v) * many / width == g;
      sum += first ? sums->first[which][r * lanes + v] : sums->second[which][r * lanes + v];
    }
  }
  sums->group[to][g] += sum;
}

// The same as `statistics` for channels in whole vectors: a block has all channels of its rows, so
// that it reads whole lines of memory. Grid: pictures x slices.
template <class T>
DEVICE void rowStatistics(const T* x, float* partial, int spatial, int channels, int width,
                          int slices, RowSums* sums) {
  constexpr int N = MANY(T);
  int thread = threadIdx.x;
  int groups = channels / width;
  int first = (int)((long long)spatial * blockIdx.y / slices);
  int end = (int)((long long)spatial * (blockIdx.y + 1) / slices);
  const T* picture = x + (long long)blockIdx.x * spatial * channels;
  float count = (float)(end - first) * (float)width;
  int vectors = channels / N;
  for (int i = thread; i < 3 * MOST_GROUPS; i += THREADS) {
    sums->group[i / MOST_GROUPS][i % MOST_GROUPS] = 0;
  }
  __syncthreads();
  for (int pass = 0; pass < 2; pass++) {
    for (int base = 0; base < vectors; base += THREADS) {
      int lanes = minI(vectors - base, THREADS);
      int rowsAtOnce = THREADS / lanes;
      int lane = thread % lanes;
      int row = first + thread / lanes;
      int channel = (base + lane) * N;
      int group = channel / width;
      int second = (group + 1) * width - channel;  // where the next patch begins
      int next = second < N ? group + 1 : group;
      float mean[N], a[N], b[N];
#pragma unroll
      for (int j = 0; j < N; j++) {
        mean[j] = sums->group[0][j < second ? group : next];
        a[j] = b[j] = 0;
      }
      if (thread < lanes * rowsAtOnce) {
        const T* at = picture + (long long)row * channels + channel;
        long long step = (long long)rowsAtOnce * channels;
        for (; row < end; row += AHEAD * rowsAtOnce) {
          float v[AHEAD][N] = {};
#pragma unroll
          for (int i = 0; i < AHEAD; i++) {
            if (row + i * rowsAtOnce < end) load(v[i], at);
            at += step;
          }
#pragma unroll
          for (int i = 0; i < AHEAD; i++) {
#pragma unroll
            for (int j = 0; j < N; j++) {
              float d = row + i * rowsAtOnce < end ? v[i][j] - mean[j] : 0;  // first pass: v
              a[j] += d;
              b[j] = fmaF(d, d, b[j]);
            }
          }
        }
      }
      float part[2][2] = {{0, 0}, {0, 0}};
#pragma unroll
      for (int j = 0; j < N; j++) {
        part[0][j < second ? 0 : 1] += a[j];
        part[1][j < second ? 0 : 1] += b[j];
      }
#pragma unroll
      for (int i = 0; i < 2; i++) {
        sums->first[i][thread] = part[i][0];
        sums->second[i][thread] = part[i][1];
      }
      __syncthreads();
      addToGroups(sums, 0, pass == 0 ? 2 : 1, base, lanes, rowsAtOnce, N, width, groups);
      if (pass == 1) addToGroups(sums, 1, 2, base, lanes, rowsAtOnce, N, width, groups);
      __syncthreads();
    }
    int g = thread;
    if (g < groups) {
      if (pass == 0) {
        sums->group[0][g] = sums->group[2][g] / count;
        sums->group[2][g] = 0;
      } else {
        // what rounding left in the mean is taken off both
        float correction = sums->group[1][g] / count;
        long long at = 2 * (((long long)blockIdx.x * groups + g) * slices + blockIdx.y);
        partial[at] = sums->group[0][g] + correction;
        partial[at + 1] = sums->group[2][g] - sums->group[1][g] * correction;
      }
    }
    __syncthreads();
  }
}

// A value's patch and channel.
struct Place {
  long long patch;
  int channel;
};

DEVICE Place place(long long i, int spatial, int channels, int width) {
  int channel = takeOff(&i, channels);
  takeOff(&i, spatial);
  return {i * (channels / width) + channel / width, channel};
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

  METHOD float result(float z) {
    if (!silu) return z;
    return sizeof(T) == 2 ? siluNear(z) : z / (1 + expF(-z));
  }
  // a vector lies in one picture and in two patches at most
  METHOD void many(long long i) {
    long long picture = i;
    int channel = takeOff(&picture, channels);
    takeOff(&picture, spatial);
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
