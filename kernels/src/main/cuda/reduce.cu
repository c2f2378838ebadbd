// Reductions of [outer, size, inner] over the middle. A run along the middle is cut into pieces,
// whose number follows from the sizes alone; each piece leaves a binary64 sum, or the extreme and
// its place, and a second kernel puts the pieces of a run together.
#include "viridian.cuh"

// Where runs lie.
struct Runs {
  int size;
  long long inner;
  METHOD long long start(long long run) const {
    bool small = (unsigned long long)(run | inner) >> 31 == 0;
    long long outer = small ? (int)run / (int)inner : run / inner;
    return outer * size * inner + run - outer * inner;
  }
  METHOD int begin(int piece, int pieces) const {
    return (int)((long long)size * piece / pieces);
  }
};

// What is summed.
enum Sum { VALUES, SQUARES, DEVIATIONS };

DEVICE double term(int what, float x, double mean) {
  if (what == VALUES) return x;
  double d = what == SQUARES ? x : x - mean;
  return d * d;
}

// Long runs of neighbours: a block of 256 by 1 for each piece. sums [pieces, runs]
extern "C" __global__ void reduce_sum_rows(int what, long long runs, int size, int pieces,
                                           const float* x, const double* means, double* sums) {
  __shared__ double shared[32];
  Runs all = {size, 1};
  int piece = (int)blockIdx.y;
  int end = all.begin(piece + 1, pieces);
  for (long long run = blockIdx.x; run < runs; run += gridDim.x) {
    const float* from = x + run * size;
    double mean = what == DEVIATIONS ? means[run] : 0, sum = 0;
    for (int i = all.begin(piece, pieces) + (int)threadIdx.x; i < end; i += (int)blockDim.x) {
      sum += term(what, from[i], mean);
    }
    sum = blockSum(sum, shared);
    if (threadIdx.x == 0) sums[piece * runs + run] = sum;
  }
}

// Other runs: blocks of 32 by 8, neighbours in a warp. sums [pieces, runs]
extern "C" __global__ void reduce_sum_columns(int what, long long runs, int size, long long inner,
                                              int pieces, const float* x, const double* means,
                                              double* sums) {
  __shared__ double shared[8][32];
  Runs all = {size, inner};
  int piece = (int)blockIdx.y;
  int end = all.begin(piece + 1, pieces);
  for (long long first = blockIdx.x * 32LL; first < runs; first += gridDim.x * 32LL) {
    long long run = first + threadIdx.x;
    double sum = 0;
    if (run < runs) {
      const float* from = x + all.start(run);
      double mean = what == DEVIATIONS ? means[run] : 0;
      for (int i = all.begin(piece, pieces) + (int)threadIdx.y; i < end; i += 8) {
        sum += term(what, from[i * inner], mean);
      }
    }
    __syncthreads();
    shared[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y == 0 && run < runs) {
      for (int k = 1; k < 8; k++) sum += shared[k][threadIdx.x];
      sums[piece * runs + run] = sum;
    }
  }
}

// A warp a run: y = sum · scale / divisor, or its root; means keeps all digits of it.
extern "C" __global__ void reduce_sum_finish(long long runs, int pieces, double scale,
                                             double divisor, int root, const double* sums, float* y,
                                             double* means) {
  for (long long run = threadNumber() >> 5; run < runs; run += threadCount() >> 5) {
    int lane = (int)threadIdx.x & 31;
    double sum = 0;
    for (int i = lane; i < pieces; i += 32) sum += sums[i * runs + run];
    sum = warpSum(sum) * scale / divisor;
    if (root) sum = rootD(sum);
    if (lane == 0) {
      y[run] = (float)sum;
      if (means != nullptr) means[run] = sum;
    }
  }
}

// The best value so far and its place; nothing yet has no place.
struct Best {
  float value;
  int place;
  // Larger wins, what is not a number wins over all; of equals the first.
  METHOD void take(float v, int i) {
    if (i < 0) return;
    bool nan = isNan(v), own = isNan(value);
    bool equal = (nan && own) || v == value;
    if (place < 0 || (equal ? i < place : nan || (!own && v > value))) {
      value = v;
      place = i;
    }
  }
};

DEVICE Best bestOfWarp(Best best) {
  for (int lanes = 16; lanes > 0; lanes >>= 1) {
    float value = __shfl_xor_sync(ALL_LANES, best.value, lanes);
    int place = __shfl_xor_sync(ALL_LANES, best.place, lanes);
    best.take(value, place);
  }
  return best;
}

// sign is 1 for the largest, -1 for the smallest. values and places [pieces, runs]
extern "C" __global__ void reduce_best_rows(float sign, long long runs, int size, int pieces,
                                            const float* x, float* values, int* places) {
  __shared__ float value[32];
  __shared__ int place[32];
  Runs all = {size, 1};
  int piece = (int)blockIdx.y;
  int end = all.begin(piece + 1, pieces);
  for (long long run = blockIdx.x; run < runs; run += gridDim.x) {
    Best best = {0, -1};
    for (int i = all.begin(piece, pieces) + (int)threadIdx.x; i < end; i += (int)blockDim.x) {
      best.take(sign * x[run * size + i], i);
    }
    best = bestOfWarp(best);
    __syncthreads();
    if ((threadIdx.x & 31) == 0) {
      value[threadIdx.x >> 5] = best.value;
      place[threadIdx.x >> 5] = best.place;
    }
    __syncthreads();
    if (threadIdx.x == 0) {
      for (int k = 1; k < (int)blockDim.x >> 5; k++) best.take(value[k], place[k]);
      values[piece * runs + run] = best.value;
      places[piece * runs + run] = best.place;
    }
  }
}

extern "C" __global__ void reduce_best_columns(float sign, long long runs, int size,
                                               long long inner, int pieces, const float* x,
                                               float* values, int* places) {
  __shared__ float value[8][32];
  __shared__ int place[8][32];
  Runs all = {size, inner};
  int piece = (int)blockIdx.y;
  int end = all.begin(piece + 1, pieces);
  for (long long first = blockIdx.x * 32LL; first < runs; first += gridDim.x * 32LL) {
    long long run = first + threadIdx.x;
    Best best = {0, -1};
    if (run < runs) {
      const float* from = x + all.start(run);
      for (int i = all.begin(piece, pieces) + (int)threadIdx.y; i < end; i += 8) {
        best.take(sign * from[i * inner], i);
      }
    }
    __syncthreads();
    value[threadIdx.y][threadIdx.x] = best.value;
    place[threadIdx.y][threadIdx.x] = best.place;
    __syncthreads();
    if (threadIdx.y == 0 && run < runs) {
      for (int k = 1; k < 8; k++) best.take(value[k][threadIdx.x], place[k][threadIdx.x]);
      values[piece * runs + run] = best.value;
      places[piece * runs + run] = best.place;
    }
  }
}

// A warp a run; index may be absent.
extern "C" __global__ void reduce_best_finish(float sign, long long runs, int pieces,
                                              const float* values, const int* places, float* y,
                                              long long* index) {
  for (long long run = threadNumber() >> 5; run < runs; run += threadCount() >> 5) {
    int lane = (int)threadIdx.x & 31;
    Best best = {0, -1};
    for (int i = lane; i < pieces; i += 32) {
      best.take(values[i * runs + run], places[i * runs + run]);
    }
    best = bestOfWarp(best);
    if (lane == 0) {
      y[run] = sign * best.value;
      if (index != nullptr) index[run] = best.place;
    }
  }
}

// Running sums, a thread a run.
extern "C" __global__ void reduce_cumulative_sum(long long runs, int size, long long inner,
                                                 int reverse, const float* x, float* y) {
  for (long long run = threadNumber(); run < runs; run += threadCount()) {
    long long start = Runs{size, inner}.start(run);
    double sum = 0;
    for (int k = 0; k < size; k++) {
      long long at = start + (reverse ? size - 1 - k : k) * inner;
      sum += x[at];
      y[at] = (float)sum;
    }
  }
}

// The same for long runs of neighbours, a warp a run: 32 values at a time.
extern "C" __global__ void reduce_cumulative_sum_rows(long long runs, int size, int reverse,
                                                      const float* x, float* y) {
  for (long long run = threadNumber() >> 5; run < runs; run += threadCount() >> 5) {
    int lane = (int)threadIdx.x & 31;
    double before = 0;
    for (int first = 0; first < size; first += 32) {
      int k = first + lane;
      long long at = run * size + (reverse ? size - 1 - k : k);
      double sum = k < size ? x[at] : 0, total = sum;
      for (int lanes = 1; lanes < 32; lanes <<= 1) {
        double other = __shfl_xor_sync(ALL_LANES, total, lanes);
        if (lane & lanes) sum += other;
        total += other;
      }
      if (k < size) y[at] = (float)(before + sum);
      before += total;
    }
  }
}

extern "C" __global__ void reduce_cumulative_product(long long runs, int size, long long inner,
                                                     const float* x, float* y) {
  for (long long run = threadNumber(); run < runs; run += threadCount()) {
    long long start = Runs{size, inner}.start(run);
    double product = 1;
    for (int k = 0; k < size; k++) {
      product *= x[start + k * inner];
      y[start + k * inner] = (float)product;
    }
  }
}

// dx[k] = (product of x before k) · s[k] with s[k] = dy[k] + x[k + 1] s[k + 1]; behind has room for
// all s.
extern "C" __global__ void reduce_cumulative_product_backward(long long runs, int size,
                                                              long long inner, const float* x,
                                                              const float* dy, double* behind,
                                                              float* dx) {
  for (long long run = threadNumber(); run < runs; run += threadCount()) {
    long long start = Runs{size, inner}.start(run);
    double s = 0;
    for (int k = size - 1; k >= 0; k--) {
      long long at = start + k * inner;
      s += dy[at];
      behind[at] = s;
      s *= x[at];
    }
    double before = 1;
    for (int k = 0; k < size; k++) {
      long long at = start + k * inner;
      double value = x[at];
      dx[at] = (float)(before * behind[at]);
      before *= value;
    }
  }
}
