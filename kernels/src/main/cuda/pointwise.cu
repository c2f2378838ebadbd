// Element by element.
#include "viridian.cuh"

// PointwiseKernels.Unary, in its order.
enum Unary {
  SILU,
  GELU,
  GELU_TANH,
  QUICK_GELU,
  RELU,
  RELU6,
  SIGMOID,
  TANH,
  LEAKY_RELU,
  SOFTPLUS,
  EXP,
  LOG,
  SQRT,
  RSQRT,
  POW,
  ABS,
  AFFINE,
  CLAMP,
  SIN,
  COS
};

// GELU_TANH is x (1 + tanh u) / 2 = x sigmoid(2 u) with this u.
DEVICE float geluInner(float x) { return 0.797884561f * (x + 0.044715f * x * x * x); }

DEVICE float value(int f, float x, float p0, float p1) {
  switch (f) {
    case SILU: return x * sigmoidF(x);
    case GELU: return geluF(x);
    case GELU_TANH: return x * sigmoidF(2 * geluInner(x));
    case QUICK_GELU: return x * sigmoidF(1.702f * x);
    case RELU: return maxF(x, 0);
    case RELU6: return minF(maxF(x, 0), 6);
    case SIGMOID: return sigmoidF(x);
    case TANH: return tanhF(x);
    case LEAKY_RELU: return x < 0 ? p0 * x : x;
    case SOFTPLUS: return x > 20 ? x : (float)log1pD(expD(x));
    case EXP: return expF(x);
    case LOG: return (float)logD(x);
    case SQRT: return rootF(x);
    case RSQRT: return 1 / rootF(x);
    case POW: return (float)powD(x, p0);
    case ABS: return absF(x);
    case AFFINE: return (float)((double)p0 * x + p1);
    case CLAMP: return minF(maxF(x, p0), p1);
    case SIN: return (float)sinD(x);
    default: return (float)cosD(x);
  }
}

DEVICE float derivative(int f, float x, float p0, float p1) {
  switch (f) {
    case SILU: return siluDerivative(x);
    case GELU: return geluDerivative(x);
    case GELU_TANH: {
      float u = 2 * geluInner(x);
      float s = sigmoidF(u);
      float inner = 0.797884561f * (1 + 3 * 0.044715f * x * x);
      return s + x * s * sigmoidF(-u) * 2 * inner;
    }
    case QUICK_GELU: return siluDerivative(1.702f * x);
    case RELU: return x > 0 ? 1 : 0;
    case RELU6: return x > 0 && x < 6 ? 1 : 0;
    case SIGMOID: return sigmoidF(x) * sigmoidF(-x);
    case TANH: {
      float t = tanhF(x);
      return 1 - t * t;
    }
    case LEAKY_RELU: return x > 0 ? 1 : p0;
    case SOFTPLUS: return x > 20 ? 1 : sigmoidF(x);
    case EXP: return expF(x);
    case LOG: return 1 / x;
    case SQRT: return 0.5f / rootF(x);
    case RSQRT: return -0.5f / (x * rootF(x));
    case POW: return p0 == 0 ? 0 : (float)(p0 * powD(x, (double)p0 - 1));
    case ABS: return x > 0 ? 1 : x < 0 ? -1 : x;
    case AFFINE: return p0;
    case CLAMP: return x > p0 && x < p1 ? 1 : 0;
    case SIN: return (float)cosD(x);
    default: return (float)-sinD(x);
  }
}

extern "C" __global__ void pointwise_unary(int f, long long n, float p0, float p1, const float* x,
                                           float* y) {
  for (long long i = threadNumber(); i < n; i += threadCount()) y[i] = value(f, x[i], p0, p1);
}

extern "C" __global__ void pointwise_unary_backward(int f, long long n, float p0, float p1,
                                                    const float* x, const float* dy, float* dx) {
  for (long long i = threadNumber(); i < n; i += threadCount()) {
    dx[i] = dy[i] * derivative(f, x[i], p0, p1);
  }
}

// PointwiseKernels.Binary, in its order.
enum Binary { ADD, SUB, MUL, DIV, MINIMUM, MAXIMUM, POWER };

DEVICE float value(int f, float a, float b) {
  switch (f) {
    case ADD: return a + b;
    case SUB: return a - b;
    case MUL: return a * b;
    case DIV: return a / b;
    case MINIMUM: return minF(a, b);
    case MAXIMUM: return maxF(a, b);
    default: return (float)powD(a, b);
  }
}

// 1 for the winner, 0 for the loser, one half to each of two equal values.
DEVICE float share(float lead) { return lead > 0 ? 1 : lead == 0 ? 0.5f : 0; }

DEVICE float derivativeA(int f, float a, float b) {
  switch (f) {
    case ADD:
    case SUB: return 1;
    case MUL: return b;
    case DIV: return 1 / b;
    case MINIMUM: return share(b - a);
    case MAXIMUM: return share(a - b);
    default: return b == 0 ? 0 : (float)(b * powD(a, (double)b - 1));
  }
}

DEVICE float derivativeB(int f, float a, float b) {
  switch (f) {
    case ADD: return 1;
    case SUB: return -1;
    case MUL: return a;
    case DIV: return -a / (b * b);
    case MINIMUM: return share(a - b);
    case MAXIMUM: return share(b - a);
    default: return a == 0 && b >= 0 ? 0 : (float)(powD(a, b) * logD(a));
  }
}

// What of a function: 0 its value, 1 dy times its derivative by a, 2 by b.
DEVICE float binary(int f, int what, float a, float b, const float* dy, long long i) {
  if (what == 0) return value(f, a, b);
  return dy[i] * (what == 1 ? derivativeA(f, a, b) : derivativeB(f, a, b));
}

extern "C" __global__ void pointwise_binary_flat(int f, int what, long long n, const float* a,
                                                 const float* b, const float* dy, float* y) {
  for (long long i = threadNumber(); i < n; i += threadCount()) {
    y[i] = binary(f, what, a[i], b[i], dy, i);
  }
}

extern "C" __global__ void pointwise_binary(int f, int what, long long n, EIGHT(long long, size),
                                            EIGHT(long long, a), EIGHT(long long, b),
                                            const float* as, const float* bs, const float* dy,
                                            float* y) {
  const long long size[8] = LIST(size), a[8] = LIST(a), b[8] = LIST(b);
  for (long long i = threadNumber(); i < n; i += threadCount()) {
    long long rest = i, atA = 0, atB = 0;
#pragma unroll
    for (int d = 7; d >= 0; d--) {
      if (size[d] == 1) continue;
      // most walks are short enough for the division of 32 bits
      bool small = (unsigned long long)(rest | size[d]) >> 31 == 0;
      long long whole = small ? (int)rest / (int)size[d] : rest / size[d];
      long long index = rest - whole * size[d];
      atA += index * a[d];
      atB += index * b[d];
      rest = whole;
    }
    y[i] = binary(f, what, as[atA], bs[atB], dy, i);
  }
}

extern "C" __global__ void pointwise_where(long long n, const int* c, const float* a,
                                           const float* b, float* y) {
  for (long long i = threadNumber(); i < n; i += threadCount()) y[i] = c[i] != 0 ? a[i] : b[i];
}

// y = start + c0 x0 + c1 x1 + ... in this order, each step rounded; start may be absent.
extern "C" __global__ void pointwise_combine(int terms, long long n, const float* start,
                                             EIGHT(float, c), EIGHT(const float*, x), float* y) {
  const float c[8] = LIST(c);
  const float* x[8] = LIST(x);
  for (long long i = threadNumber(); i < n; i += threadCount()) {
    float sum = start == nullptr ? 0 : start[i];
#pragma unroll
    for (int k = 0; k < 8; k++) {
      if (k < terms) sum = addF(sum, mulF(c[k], x[k][i]));
    }
    y[i] = sum;
  }
}

extern "C" __global__ void pointwise_geglu(long long n, int cols, const float* x, float* y) {
  for (long long i = threadNumber(); i < n; i += threadCount()) {
    long long row = i / cols;
    long long at = row * cols + i;  // row · 2 cols + column
    y[i] = x[at] * geluF(x[at + cols]);
  }
}

extern "C" __global__ void pointwise_geglu_backward(long long n, int cols, const float* x,
                                                    const float* dy, float* dx) {
  for (long long i = threadNumber(); i < n; i += threadCount()) {
    long long at = i / cols * cols + i;
    float value = x[at], gate = x[at + cols], d = dy[i];
    dx[at] = d * geluF(gate);
    dx[at + cols] = d * value * geluDerivative(gate);
  }
}

extern "C" __global__ void pointwise_add_to(long long n, float alpha, const float* x, float* y) {
  for (long long i = threadNumber(); i < n; i += threadCount()) {
    y[i] = addF(y[i], mulF(alpha, x[i]));
  }
}
