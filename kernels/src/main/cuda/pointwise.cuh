// Element by element, of numbers of any storage: what both F32 and activations of 16 bits have.
#pragma once
#include "storage.cuh"

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

template <class T>
DEVICE void unary(int f, long long n, float p0, float p1, const T* x, T* y) {
  for (long long i = threadNumber(); i < n; i += threadCount()) {
    put(y + i, value(f, wide(x[i]), p0, p1));
  }
}

// y = a + b
template <class T>
struct Sum {
  const T *a, *b;
  T* y;
  METHOD void many(long long i) {
    float p[MANY(T)], q[MANY(T)];
    load(p, a + i);
    load(q, b + i);
#pragma unroll
    for (int j = 0; j < MANY(T); j++) p[j] += q[j];
    store(y + i, p);
  }
  METHOD void one(long long i) { put(y + i, wide(a[i]) + wide(b[i])); }
};

template <class T>
DEVICE void binaryFlat(int f, long long n, const T* a, const T* b, T* y) {
  if (f == ADD) {
    each<T>(n, isAligned(a) && isAligned(b) && isAligned(y), Sum<T>{a, b, y});
    return;
  }
  for (long long i = threadNumber(); i < n; i += threadCount()) {
    put(y + i, value(f, wide(a[i]), wide(b[i])));
  }
}

// Where element i of a walk lies in both operands.
struct Pair {
  long long a, b;
};

DEVICE Pair placeOfPair(long long i, const long long (&size)[8], const long long (&a)[8],
                        const long long (&b)[8]) {
  long long rest = i;
  Pair at = {0, 0};
#pragma unroll
  for (int d = 7; d >= 0; d--) {
    if (size[d] == 1) continue;
    // most walks are short enough for the division of 32 bits
    bool small = (unsigned long long)(rest | size[d]) >> 31 == 0;
    long long whole = small ? (int)rest / (int)size[d] : rest / size[d];
    long long index = rest - whole * size[d];
    at.a += index * a[d];
    at.b += index * b[d];
    rest = whole;
  }
  return at;
}

template <class T>
DEVICE void binaryStrided(int f, long long n, const long long (&size)[8], const long long (&a)[8],
                          const long long (&b)[8], const T* as, const T* bs, T* y) {
  for (long long i = threadNumber(); i < n; i += threadCount()) {
    Pair at = placeOfPair(i, size, a, b);
    put(y + i, value(f, wide(as[at.a]), wide(bs[at.b])));
  }
}

// y [rows, cols] = x[:, :cols] gelu(x[:, cols:]) of x + bias; the bias [2 cols], of any type, may be
// absent.
template <class T>
struct Geglu {
  int cols, biasType;
  const void* bias;
  const T* x;
  T* y;
  METHOD float gelu(float x) { return sizeof(T) == 2 ? geluNear(x) : geluF(x); }
  METHOD void many(long long i) {
    long long row = i;
    int column = takeOff(&row, cols);
    const T* from = x + 2 * row * cols + column;
    float value[MANY(T)], gate[MANY(T)], more[MANY(T)];
    load(gate, from + cols);
    loadParameters(more, bias, biasType, cols + column, 0);
#pragma unroll
    for (int j = 0; j < MANY(T); j++) gate[j] = gelu(gate[j] + more[j]);
    load(value, from);
    loadParameters(more, bias, biasType, column, 0);
#pragma unroll
    for (int j = 0; j < MANY(T); j++) value[j] = (value[j] + more[j]) * gate[j];
    store(y + i, value);
  }
  METHOD void one(long long i) {
    long long row = i;
    int column = takeOff(&row, cols);
    const T* from = x + 2 * row * cols + column;
    float value = wide(from[0]), gate = wide(from[cols]);
    if (bias != nullptr) {
      value += loadFloat(bias, biasType, column);
      gate += loadFloat(bias, biasType, cols + column);
    }
    put(y + i, value * gelu(gate));
  }
};

template <class T>
DEVICE void geglu(long long n, Geglu<T> g) {
  each<T>(n, g.cols % MANY(T) == 0 && isAligned(g.x) && isAligned(g.y), g);
}
