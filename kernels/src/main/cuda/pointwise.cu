// Element by element, F32.
#include "pointwise.cuh"

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
  unary(f, n, p0, p1, x, y);
}

extern "C" __global__ void pointwise_unary_backward(int f, long long n, float p0, float p1,
                                                    const float* x, const float* dy, float* dx) {
  for (long long i = threadNumber(); i < n; i += threadCount()) {
    dx[i] = dy[i] * derivative(f, x[i], p0, p1);
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

// dy times the derivative by a or by b.
DEVICE float slope(int f, bool byA, float a, float b, float dy) {
  return dy * (byA ? derivativeA(f, a, b) : derivativeB(f, a, b));
}

extern "C" __global__ void pointwise_binary_flat(int f, long long n, const float* a, const float* b,
                                                 float* y) {
  binaryFlat(f, n, a, b, y);
}

extern "C" __global__ void pointwise_binary(int f, long long n, EIGHT(long long, size),
                                            EIGHT(long long, a), EIGHT(long long, b),
                                            const float* as, const float* bs, float* y) {
  const long long size[8] = LIST(size), a[8] = LIST(a), b[8] = LIST(b);
  binaryStrided(f, n, size, a, b, as, bs, y);
}

extern "C" __global__ void pointwise_binary_flat_backward(int f, int byA, long long n,
                                                          const float* a, const float* b,
                                                          const float* dy, float* to) {
  for (long long i = threadNumber(); i < n; i += threadCount()) {
    to[i] = slope(f, byA, a[i], b[i], dy[i]);
  }
}

extern "C" __global__ void pointwise_binary_backward(int f, int byA, long long n,
                                                     EIGHT(long long, size), EIGHT(long long, a),
                                                     EIGHT(long long, b), const float* as,
                                                     const float* bs, const float* dy, float* to) {
  const long long size[8] = LIST(size), a[8] = LIST(a), b[8] = LIST(b);
  for (long long i = threadNumber(); i < n; i += threadCount()) {
    Pair at = placeOfPair(i, size, a, b);
    to[i] = slope(f, byA, as[at.a], bs[at.b], dy[i]);
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

extern "C" __global__ void pointwise_geglu(long long n, int cols, int biasType, const void* bias,
                                           const float* x, float* y) {
  geglu(n, Geglu<float>{cols, biasType, bias, x, y});
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
