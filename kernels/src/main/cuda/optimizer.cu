// Steps of optimisers.
#include "viridian.cuh"

// A factor as a whole number and the rest: what binary32 would lose of one close to 1 counts, since
// 1 minus it is a time constant. A sum with the whole part last is rounded once.
struct Factor {
  float whole, rest;
};
DEVICE Factor factor(double x) {
  float whole = x >= 0.5 ? 1 : 0;
  return {whole, (float)(x - whole)};
}
DEVICE float timesPlus(Factor f, float x, float more) {
  return fmaF(f.whole, x, fmaF(f.rest, x, more));
}

// decay is 1 - rate · weight decay, step rate / bias correction 1, rootCorrection the root of bias
// correction 2.
extern "C" __global__ void optimizer_adam_w(long long n, double decay, double beta1, double beta2,
                                            double step, double rootCorrection, double eps,
                                            float* w, const float* g, float* m, float* v) {
  Factor keepW = factor(decay), keepM = factor(beta1), keepV = factor(beta2);
  float newM = (float)(1 - beta1), newV = (float)(1 - beta2);
  float rate = (float)step, inverseRoot = (float)(1 / rootCorrection), least = (float)eps;
  for (long long i = threadNumber(); i < n; i += threadCount()) {
    float gradient = g[i];
    float mean = timesPlus(keepM, m[i], newM * gradient);
    float square = timesPlus(keepV, v[i], newV * gradient * gradient);
    m[i] = mean;
    v[i] = square;
    float change = rate * mean / fmaF(rootF(square), inverseRoot, least);
    w[i] = timesPlus(keepW, w[i], -change);
  }
}

extern "C" __global__ void optimizer_sgd(long long n, double learningRate, double momentum,
                                         double weightDecay, int nesterov, int first, float* w,
                                         const float* g, float* b) {
  Factor keep = factor(momentum);
  float rate = (float)learningRate, decay = (float)weightDecay;
  for (long long i = threadNumber(); i < n; i += threadCount()) {
    float weight = w[i];
    float gradient = fmaF(decay, weight, g[i]);
    float sum = first ? gradient : timesPlus(keep, b[i], gradient);
    float step = nesterov ? timesPlus(keep, sum, gradient) : sum;
    b[i] = sum;
    w[i] = fmaF(-rate, step, weight);
  }
}

extern "C" __global__ void optimizer_moving_average(long long n, double part, const float* w,
                                                    float* shadow) {
  float share = (float)part;
  for (long long i = threadNumber(); i < n; i += threadCount()) {
    float average = shadow[i];
    shadow[i] = fmaF(-share, average - w[i], average);
  }
}

// sums[block] of squares; blocks of 256
extern "C" __global__ void optimizer_squares(long long n, const float* g, double* sums) {
  __shared__ double shared[8];
  double sum = 0;
  for (long long i = threadNumber(); i < n; i += threadCount()) sum = fmaD(g[i], g[i], sum);
  sum = blockSum(sum, shared);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

// one block of 256
extern "C" __global__ void optimizer_total(int n, const double* sums, double* total) {
  __shared__ double shared[8];
  double sum = 0;
  for (int i = (int)threadIdx.x; i < n; i += (int)blockDim.x) sum += sums[i];
  sum = blockSum(sum, shared);
  if (threadIdx.x == 0) *total = sum;
}
