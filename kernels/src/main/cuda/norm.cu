// Normalisations, F32. All three kinds are one: a map of `pictures` x `spatial` x `channels`, of
// which each patch (the positions of a picture, `width` neighbouring channels) has its own mean and
// deviation. Group norm: width = channels / groups. Layer norm: a picture is a row, spatial 1,
// width = channels. Batch norm: one picture, width 1. Patch p is picture p / groups, group p % groups.
//
// Sums go through a patch in slices of rows, one block each, and are put together by a warp, in an
// order that does not depend on which block is first: first the mean of the slices' means, then the
// squares about it.
#include "norm.cuh"

extern "C" __global__ void __launch_bounds__(THREADS)
    norm_statistics(const float* x, float* partial, int spatial, int channels, int width,
                    int slices) {
  __shared__ float shared[THREADS / 16];
  statistics(x, partial, spatial, channels, width, slices, shared);
}

extern "C" __global__ void __launch_bounds__(THREADS)
    norm_row_statistics(const float* x, float* partial, int spatial, int channels, int width,
                        int slices) {
  __shared__ RowSums sums;
  rowStatistics(x, partial, spatial, channels, width, slices, &sums);
}

// mean, 1 / sqrt(variance + eps) and, if wanted, the variance of each patch; a warp each.
extern "C" __global__ void __launch_bounds__(THREADS)
    norm_combine(const float* partial, float* mean, float* rstd, float* variance, int patches,
                 int spatial, int width, int slices, float eps) {
  int patch = blockIdx.x * (THREADS / 32) + (threadIdx.x >> 5);
  if (patch >= patches) return;
  int lane = threadIdx.x & 31;
  const float* parts = partial + 2 * (long long)patch * slices;
  double sum = 0;
  for (int i = lane; i < slices; i += 32) {
    int first = (int)((long long)spatial * i / slices);
    int rows = (int)((long long)spatial * (i + 1) / slices) - first;
    if (rows > 0) sum += rows * (double)parts[2 * i];
  }
  double m = warpSum(sum) / spatial;
  double squares = 0;
  for (int i = lane; i < slices; i += 32) {
    int first = (int)((long long)spatial * i / slices);
    int rows = (int)((long long)spatial * (i + 1) / slices) - first;
    double d = parts[2 * i] - m;
    // a slice without rows has no mean
    if (rows > 0) squares += parts[2 * i + 1] + d * d * ((double)rows * width);
  }
  double v = warpSum(squares) / ((double)spatial * width);
  if (lane != 0) return;
  mean[patch] = (float)m;
  rstd[patch] = (float)(1 / rootD(v + eps));
  if (variance != nullptr) variance[patch] = (float)v;
}

// 1 / sqrt(variance + eps)
extern "C" __global__ void __launch_bounds__(THREADS)
    norm_rstd(const float* variance, float* rstd, int count, float eps) {
  int i = blockIdx.x * THREADS + threadIdx.x;
  if (i < count) rstd[i] = (float)(1 / rootD((double)variance[i] + eps));
}

// running = (1 - momentum) running + momentum factor value
extern "C" __global__ void __launch_bounds__(THREADS)
    norm_running(float* running, const float* value, int count, float momentum, float factor) {
  int i = blockIdx.x * THREADS + threadIdx.x;
  if (i < count) {
    double m = momentum;
    running[i] = (float)((1 - m) * running[i] + m * factor * value[i]);
  }
}

extern "C" __global__ void __launch_bounds__(THREADS)
    norm_apply(const float* x, const void* gamma, const void* beta, const float* mean,
               const float* rstd, float* y, long long total, int spatial, int channels, int width,
               int type, int silu) {
  apply(x, gamma, beta, mean, rstd, y, total, spatial, channels, width, type, silu);
}

extern "C" __global__ void __launch_bounds__(THREADS)
    norm_rows(const float* x, const void* gamma, const void* beta, float* mean, float* rstd,
              float* y, long long count, int cols, float eps, int type) {
  rows(x, gamma, beta, mean, rstd, y, count, cols, eps, type);
}

// The gradient of the normalised, scaled value before the activation, and the value normalised.
struct Inner {
  float dz, normalised;
};

DEVICE Inner inner(const float* x, const float* dy, long long i, float mean, float rstd,
                   float gamma, float beta, int silu) {
  float normalised = (x[i] - mean) * rstd;
  float d = dy[i];
  if (silu) {
    float z = normalised * gamma + beta;
    float s = 1 / (1 + expF(-z));
    d *= s * (1 + z * (1 - s));
  }
  return {d, normalised};
}

// partial [patch][slice][2]: sums of gamma dz and of gamma dz times the normalised value.
extern "C" __global__ void __launch_bounds__(THREADS)
    norm_patch_gradients(const float* x, const float* dy, const void* gamma, const void* beta,
                         const float* mean, const float* rstd, float* partial, int spatial,
                         int channels, int width, int slices, int type, int silu) {
  __shared__ float shared[THREADS / 16];
  Slice s = slice(spatial, channels, width, slices);
  float m = mean[blockIdx.x];
  float r = rstd[blockIdx.x];
  int firstChannel = (int)(blockIdx.x % (channels / width)) * width;
  long long count = (long long)(s.end - s.first) * width;
  float sum = 0;
  float dot = 0;
  for (long long i = threadIdx.x; i < count; i += THREADS) {
    int channel = firstChannel + (int)(i % width);
    float scale = parameter(gamma, type, channel, 1);
    float shift = parameter(beta, type, channel, 0);
    long long at = s.start + (s.first + i / width) * channels + i % width;
    Inner in = inner(x, dy, at, m, r, scale, shift, silu);
    sum += scale * in.dz;
    dot += scale * in.dz * in.normalised;
  }
  Sums sums = blockSums(sum, dot, shared);
  if (threadIdx.x == 0) {
    long long at = 2 * ((long long)blockIdx.x * slices + blockIdx.y);
    partial[at] = sums.a;
    partial[at + 1] = sums.b;
  }
}

// Sums of pairs over the slices: sums [count][2] of partial [count][slices][2].
extern "C" __global__ void __launch_bounds__(THREADS)
    norm_pair_sums(const float* partial, float* sums, int count, int slices) {
  int i = blockIdx.x * THREADS + threadIdx.x;
  if (i >= count) return;
  double a = 0;
  double b = 0;
  for (int s = 0; s < slices; s++) {
    a += partial[2 * ((long long)i * slices + s)];
    b += partial[2 * ((long long)i * slices + s) + 1];
  }
  sums[2 * i] = (float)a;
  sums[2 * i + 1] = (float)b;
}

// dx = rstd (g - mean(g) - normalised mean(g normalised)), g = gamma dz; with stored statistics
// (sums null) rstd g.
extern "C" __global__ void __launch_bounds__(THREADS)
    norm_dx(const float* x, const float* dy, const void* gamma, const void* beta, const float* mean,
            const float* rstd, const float* sums, float* dx, long long total, int spatial,
            int channels, int width, int type, int silu) {
  long long i = (long long)blockIdx.x * THREADS + threadIdx.x;
  if (i >= total) return;
  Place at = place(i, spatial, channels, width);
  float scale = parameter(gamma, type, at.channel, 1);
  float r = rstd[at.patch];
  Inner in = inner(x, dy, i, mean[at.patch], r, scale, parameter(beta, type, at.channel, 0), silu);
  float g = scale * in.dz;
  if (sums != nullptr) {
    float count = (float)spatial * (float)width;
    g -= (sums[2 * at.patch] + in.normalised * sums[2 * at.patch + 1]) / count;
  }
  dx[i] = r * g;
}

// partial [slice][channel][2]: sums of dz times the normalised value and of dz, over a slice of all
// rows of all pictures. Grid: channels / THREADS x slices; neighbouring threads read neighbours.
extern "C" __global__ void __launch_bounds__(THREADS)
    norm_channel_gradients(const float* x, const float* dy, const void* gamma, const void* beta,
                           const float* mean, const float* rstd, float* partial, long long rows,
                           int spatial, int channels, int width, int slices, int type, int silu) {
  int channel = blockIdx.x * THREADS + threadIdx.x;
  if (channel >= channels) return;
  float scale = parameter(gamma, type, channel, 1);
  float shift = parameter(beta, type, channel, 0);
  int groups = channels / width;
  float dot = 0;
  float sum = 0;
  for (long long row = rows * blockIdx.y / slices; row < rows * (blockIdx.y + 1) / slices; row++) {
    long long patch = row / spatial * groups + channel / width;
    Inner in =
        inner(x, dy, row * channels + channel, mean[patch], rstd[patch], scale, shift, silu);
    dot += in.dz * in.normalised;
    sum += in.dz;
  }
  long long at = 2 * ((long long)blockIdx.y * channels + channel);
  partial[at] = dot;
  partial[at + 1] = sum;
}

// dGamma and dBeta; either may be null.
extern "C" __global__ void __launch_bounds__(THREADS)
    norm_channel_sums(const float* partial, float* dGamma, float* dBeta, int channels, int slices) {
  int channel = blockIdx.x * THREADS + threadIdx.x;
  if (channel >= channels) return;
  double dot = 0;
  double sum = 0;
  for (int s = 0; s < slices; s++) {
    dot += partial[2 * ((long long)s * channels + channel)];
    sum += partial[2 * ((long long)s * channels + channel) + 1];
  }
  if (dGamma != nullptr) dGamma[channel] = (float)dot;
  if (dBeta != nullptr) dBeta[channel] = (float)sum;
}
