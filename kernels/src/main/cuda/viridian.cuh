// What our kernels are written in: the CUDA C++ that clang compiles without a header of NVIDIA, and
// mathematics, since there is no libdevice either. The same functions run on the emulated device,
// where only the instructions at the bottom differ.
#pragma once

#ifdef VIRIDIAN_EMULATED
#define DEVICE static inline
#define METHOD inline
DEVICE float ex2(float x) { return exp2f(x); }
DEVICE float weightOf(float x) { return exp2f(x); }
DEVICE float nearReciprocal(float x) { return 1 / x; }
DEVICE float rootF(float x) { return sqrtf(x); }
DEVICE double rootD(double x) { return sqrt(x); }
DEVICE float mulF(float a, float b) { return a * b; }
DEVICE float addF(float a, float b) { return a + b; }
DEVICE double mulD(double a, double b) { return a * b; }
DEVICE double addD(double a, double b) { return a + b; }
DEVICE float halfToFloat(unsigned short bits) { return __half2float(__half{bits}); }
DEVICE unsigned short floatToHalf(float x) { return __float2half(x).bits; }
#else
#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __shared__ __attribute__((shared))
#define __launch_bounds__(...) __attribute__((launch_bounds(__VA_ARGS__)))
#define DEVICE static __device__ inline __attribute__((always_inline))
#define METHOD __device__ inline __attribute__((always_inline))
#include <__clang_cuda_builtin_vars.h>
DEVICE int __shfl_xor_sync(unsigned mask, int v, int lanes) {
  return __nvvm_shfl_sync_bfly_i32(mask, v, lanes, 0x1f);
}
DEVICE bool __any_sync(unsigned mask, bool predicate) {
  return __nvvm_vote_any_sync(mask, predicate);
}
DEVICE float __shfl_xor_sync(unsigned mask, float v, int lanes) {
  return __nvvm_shfl_sync_bfly_f32(mask, v, lanes, 0x1f);
}
DEVICE double __shfl_xor_sync(unsigned mask, double v, int lanes) {
  long long bits = __builtin_bit_cast(long long, v);
  unsigned low = __shfl_xor_sync(mask, (int)bits, lanes);
  unsigned high = __shfl_xor_sync(mask, (int)(bits >> 32), lanes);
  return __builtin_bit_cast(double, (long long)((unsigned long long)high << 32 | low));
}
DEVICE float ex2(float x) { return __nvvm_ex2_approx_f(x); }
// the same, but 0 below 2^-126: a quarter of the instructions
DEVICE float weightOf(float x) { return __nvvm_ex2_approx_ftz_f(x); }
// to about 2^-23
DEVICE float nearReciprocal(float x) { return __nvvm_rcp_approx_ftz_f(x); }
DEVICE float rootF(float x) { return __nvvm_sqrt_rn_f(x); }
DEVICE double rootD(double x) { return __nvvm_sqrt_rn_d(x); }
// never fused with what comes before or after
DEVICE float mulF(float a, float b) { return __nvvm_mul_rn_f(a, b); }
DEVICE float addF(float a, float b) { return __nvvm_add_rn_f(a, b); }
DEVICE double mulD(double a, double b) { return __nvvm_mul_rn_d(a, b); }
DEVICE double addD(double a, double b) { return __nvvm_add_rn_d(a, b); }
DEVICE float halfToFloat(unsigned short bits) {
  float x;
  asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits));
  return x;
}
DEVICE unsigned short floatToHalf(float x) {
  unsigned short bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
}
#endif

#define INFINITE __builtin_inff()
#define ALL_LANES 0xffffffffu

DEVICE int bitsOf(float x) { return __builtin_bit_cast(int, x); }
DEVICE float fromBits(int bits) { return __builtin_bit_cast(float, bits); }
DEVICE long long longBitsOf(double x) { return __builtin_bit_cast(long long, x); }
DEVICE double fromLongBits(long long bits) { return __builtin_bit_cast(double, bits); }
DEVICE float absF(float x) { return __builtin_fabsf(x); }
DEVICE double absD(double x) { return __builtin_fabs(x); }
DEVICE float fmaF(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
DEVICE double fmaD(double a, double b, double c) { return __builtin_fma(a, b, c); }
DEVICE bool isNan(float x) { return x != x; }
// the larger; not a number if one of them is not
DEVICE float maxF(float a, float b) { return a > b || isNan(a) ? a : b; }
DEVICE float minF(float a, float b) { return a < b || isNan(a) ? a : b; }
DEVICE int minI(int a, int b) { return a < b ? a : b; }
DEVICE long long minL(long long a, long long b) { return a < b ? a : b; }

DEVICE float bf16ToFloat(unsigned short bits) { return fromBits((int)((unsigned)bits << 16)); }
DEVICE unsigned short floatToBf16(float x) {
  unsigned bits = (unsigned)bitsOf(x);
  return (unsigned short)(isNan(x) ? bits >> 16 | 0x40 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// Types of numbers in memory, as the Java side numbers them (DType.ordinal()).
enum Type { F32, BF16, F16, I32, I64, U8 };

DEVICE float loadFloat(const void* p, int type, long long i) {
  if (type == F32) return ((const float*)p)[i];
  unsigned short bits = ((const unsigned short*)p)[i];
  return type == BF16 ? bf16ToFloat(bits) : halfToFloat(bits);
}

// ---- exponentials and logarithms

// 2^n, n from -126 to 127
DEVICE float powerOfTwo(int n) { return fromBits((n + 127) << 23); }

// e^x, about 2 units of the last place
DEVICE float expF(float x) {
  if (isNan(x)) return x;
  x = x > 89 ? 89 : x < -105 ? -105 : x;
  float n = __builtin_rintf(x * 1.44269504f);
  float r = fmaF(n, -0.693145752f, x);
  r = fmaF(n, -1.42860677e-6f, r);
  int whole = (int)n;
  int half = whole / 2;
  return ex2(r * 1.44269504f) * powerOfTwo(half) * powerOfTwo(whole - half);
}

// e^x
DEVICE double expD(double x) {
  if (x != x) return x;
  if (x > 710) return INFINITE;
  if (x < -750) return 0;
  double n = __builtin_rint(x * 1.4426950408889634);
  double r = fmaD(n, -6.93147180369123816490e-01, x);
  r = fmaD(n, -1.90821492927058770002e-10, r);
  double sum = 1.0 / 6227020800;
  sum = fmaD(sum, r, 1.0 / 479001600);
  sum = fmaD(sum, r, 1.0 / 39916800);
  sum = fmaD(sum, r, 1.0 / 3628800);
  sum = fmaD(sum, r, 1.0 / 362880);
  sum = fmaD(sum, r, 1.0 / 40320);
  sum = fmaD(sum, r, 1.0 / 5040);
  sum = fmaD(sum, r, 1.0 / 720);
  sum = fmaD(sum, r, 1.0 / 120);
  sum = fmaD(sum, r, 1.0 / 24);
  sum = fmaD(sum, r, 1.0 / 6);
  sum = fmaD(sum, r, 0.5);
  sum = fmaD(sum, r, 1);
  sum = fmaD(sum, r, 1);
  int whole = (int)n;
  int half = whole / 2;
  double scaled = sum * fromLongBits((long long)(half + 1023) << 52);
  return scaled * fromLongBits((long long)(whole - half + 1023) << 52);
}

// ln x, by 2 artanh((m - 1) / (m + 1)) of a mantissa about 1
DEVICE double logD(double x) {
  if (x == 0) return -INFINITE;
  if (!(x > 0)) return __builtin_nan("");
  if (x == INFINITE) return x;
  int exponent = 0;
  if (x < 1e-300) {
    x *= 18014398509481984.0;
    exponent = -54;
  }
  long long bits = longBitsOf(x);
  exponent += (int)(bits >> 52) - 1023;
  double m = fromLongBits((bits & 0xfffffffffffffLL) | 0x3ff0000000000000LL);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    exponent++;
  }
  double s = (m - 1) / (m + 1);
  double z = s * s;
  double sum = 1.0 / 21;
  sum = fmaD(sum, z, 1.0 / 19);
  sum = fmaD(sum, z, 1.0 / 17);
  sum = fmaD(sum, z, 1.0 / 15);
  sum = fmaD(sum, z, 1.0 / 13);
  sum = fmaD(sum, z, 1.0 / 11);
  sum = fmaD(sum, z, 1.0 / 9);
  sum = fmaD(sum, z, 1.0 / 7);
  sum = fmaD(sum, z, 1.0 / 5);
  sum = fmaD(sum, z, 1.0 / 3);
  double ln = fmaD(s * z, 2 * sum, 2 * s);
  return fmaD(exponent, 6.93147180369123816490e-01, fmaD(exponent, 1.90821492927058770002e-10, ln));
}

// ln(1 + x), x >= 0, right for small x too
DEVICE double log1pD(double x) {
  double u = 1 + x;
  if (u == 1 || u == INFINITE) return x;
  return logD(u) * (x / (u - 1));
}

// a^b with Java's answers for negative a and zeros
DEVICE double powD(double a, double b) {
  if (b == 0) return 1;
  if (b == 1) return a;
  if (b == 2) return a * a;
  if (a == 0) return b > 0 ? 0 : INFINITE;
  double result = expD(b * logD(absD(a)));
  if (a > 0) return result;
  if (__builtin_floor(b) != b) return __builtin_nan("");
  double half = b * 0.5;
  return __builtin_floor(half) != half ? -result : result;
}

// ---- functions of angles; |x| up to about 1e8

DEVICE double sineOrCosine(double x, int quarter) {
  double n = __builtin_rint(x * 0.63661977236758134308);
  double r = fmaD(n, -1.57079632679489655800e+00, x);
  r = fmaD(n, -6.12323399573676603587e-17, r);
  int turn = ((int)(long long)n + quarter) & 3;
  double z = r * r;
  double sum;
  if ((turn & 1) == 0) {
    sum = 1.0 / 355687428096000;
    sum = fmaD(sum, z, -1.0 / 1307674368000);
    sum = fmaD(sum, z, 1.0 / 6227020800);
    sum = fmaD(sum, z, -1.0 / 39916800);
    sum = fmaD(sum, z, 1.0 / 362880);
    sum = fmaD(sum, z, -1.0 / 5040);
    sum = fmaD(sum, z, 1.0 / 120);
    sum = fmaD(sum, z, -1.0 / 6);
    sum = fmaD(sum * z, r, r);
  } else {
    sum = 1.0 / 6402373705728000;
    sum = fmaD(-sum, z, 1.0 / 20922789888000);
    sum = fmaD(sum, z, -1.0 / 87178291200);
    sum = fmaD(sum, z, 1.0 / 479001600);
    sum = fmaD(sum, z, -1.0 / 3628800);
    sum = fmaD(sum, z, 1.0 / 40320);
    sum = fmaD(sum, z, -1.0 / 720);
    sum = fmaD(sum, z, 1.0 / 24);
    sum = fmaD(sum, z, -0.5);
    sum = fmaD(sum, z, 1);
  }
  return turn & 2 ? -sum : sum;
}
DEVICE double sinD(double x) { return sineOrCosine(x, 0); }
DEVICE double cosD(double x) { return sineOrCosine(x, 1); }

// ---- activations

DEVICE float sigmoidF(float x) { return 1 / (1 + expF(-x)); }

DEVICE float siluDerivative(float x) {
  return sigmoidF(x) * (1 + x * sigmoidF(-x));  // 1 - s would lose digits
}

DEVICE float tanhF(float x) {
  float a = absF(x);
  if (a < 0.01f) return x * (1 - x * x * (1 / 3.0f));
  if (a < 1) {
    double t = expD(-2 * (double)a);
    double value = (1 - t) / (1 + t);
    return (float)(x < 0 ? -value : value);
  }
  float t = expF(-2 * a);
  float value = (1 - t) / (1 + t);
  return x < 0 ? -value : value;
}

// 1 - erf(t), t >= 1: exp(-t^2) by a polynomial in 1 / (1 + t/2), relative error below 4e-7 (7e-6 at 1/2)
DEVICE float erfcTail(float t) {
  if (t > 10) return 0;
  float w = 1 / (1 + 0.5f * t);
  float p = 0.0703728451f;
  p = fmaF(p, w, -0.149872645f);
  p = fmaF(p, w, -0.0251377193f);
  p = fmaF(p, w, 0.145226586f);
  p = fmaF(p, w, 0.138780702f);
  p = fmaF(p, w, 0.258747491f);
  p = fmaF(p, w, 0.27993945f);
  p = fmaF(p, w, 0.282305272f);
  p = fmaF(p, w, -8.62012911e-06f);
  float square = t * t;
  float rest = fmaF(t, t, -square);
  return expF(-square) * (1 - rest) * p;
}

// erf(x), |x| <= 1
DEVICE float erfNear(float x) {
  float z = x * x;
  float p = -9.67359062e-06f;
  p = fmaF(p, z, 0.000112682538f);
  p = fmaF(p, z, -0.000848439654f);
  p = fmaF(p, z, 0.00522105341f);
  p = fmaF(p, z, -0.0268654383f);
  p = fmaF(p, z, 0.112837826f);
  p = fmaF(p, z, -0.376126385f);
  p = fmaF(p, z, 1.12837917f);
  return p * x;
}

// The standard normal distribution function, without loss in its lower tail.
DEVICE float normalCdf(float x) {
  float t = absF(x) * 0.707106781f;
  if (t <= 1) return 0.5f + 0.5f * erfNear(x * 0.707106781f);
  float tail = 0.5f * erfcTail(t);
  return isNan(x) ? x : x < 0 ? tail : 1 - tail;
}

DEVICE float geluF(float x) { return x == -INFINITE ? 0 : x * normalCdf(x); }

// SiLU and GELU for results of 16 bits, without branches: to about 5e-7 (of 1, in the lower tails).
DEVICE float siluNear(float x) { return x * nearReciprocal(1 + weightOf(-1.44269504f * x)); }

DEVICE float geluNear(float x) {
  float t = absF(x) * 0.707106781f;
  float w = nearReciprocal(fmaF(0.5f, t, 1));
  float p = 0.0975709260f;  // exp(t^2) erfc(t) to 8e-7 of itself, until 9.4, from where the weight is 0
  p = fmaF(p, w, -0.391793489f);
  p = fmaF(p, w, 0.442664325f);
  p = fmaF(p, w, -0.00488199713f);
  p = fmaF(p, w, 0.300810248f);
  p = fmaF(p, w, 0.272690296f);
  p = fmaF(p, w, 0.282973856f);
  p = fmaF(p, w, -3.37274068e-05f);
  float tail = 0.5f * p * weightOf(-1.44269504f * t * t);
  return x == -INFINITE ? 0 : x * (x < 0 ? tail : 1 - tail);
}

DEVICE float geluDerivative(float x) {
  float density = absF(x) > 30 ? 0 : x * 0.398942280f * expF(-0.5f * x * x);
  return normalCdf(x) + density;
}

// As kernels.Activation numbers them.
DEVICE float activate(int activation, float x) {
  if (activation == 1) return x * sigmoidF(x);
  if (activation == 2) return geluF(x);
  if (activation == 3) return x * sigmoidF(1.702f * x);
  return x;
}

// ---- sums over the lanes of a warp and the threads of a block, the same in all of them

template <class T>
DEVICE T warpSum(T v) {
  for (int lanes = 16; lanes > 0; lanes >>= 1) v += __shfl_xor_sync(ALL_LANES, v, lanes);
  return v;
}

DEVICE float warpMax(float v) {
  for (int lanes = 16; lanes > 0; lanes >>= 1) v = maxF(v, __shfl_xor_sync(ALL_LANES, v, lanes));
  return v;
}

// Blocks of whole warps, at most 32; shared has room for a value of each.
template <class T>
DEVICE T blockSum(T v, T* shared) {
  v = warpSum(v);
  int warps = (int)blockDim.x >> 5;
  __syncthreads();
  if ((threadIdx.x & 31) == 0) shared[threadIdx.x >> 5] = v;
  __syncthreads();
  T sum = shared[0];
  for (int i = 1; i < warps; i++) sum += shared[i];
  return sum;
}

DEVICE float blockMax(float v, float* shared) {
  v = warpMax(v);
  int warps = (int)blockDim.x >> 5;
  __syncthreads();
  if ((threadIdx.x & 31) == 0) shared[threadIdx.x >> 5] = v;
  __syncthreads();
  float most = shared[0];
  for (int i = 1; i < warps; i++) most = maxF(most, shared[i]);
  return most;
}

// ---- where elements lie

// This thread's number in a grid of one dimension.
DEVICE long long threadNumber() { return (long long)blockIdx.x * blockDim.x + threadIdx.x; }
// How many threads such a grid has.
DEVICE long long threadCount() { return (long long)gridDim.x * blockDim.x; }

// The index along a dimension of a size; the rest is that of the dimensions in front.
DEVICE int takeOff(long long* rest, int size) {
  // most maps are small enough for the division of 32 bits
  long long whole = (unsigned long long)*rest >> 31 == 0 ? (int)*rest / size : *rest / size;
  int index = (int)(*rest - whole * size);
  *rest = whole;
  return index;
}

// Parameters of a walk: eight sizes (outermost first, filled up with 1 in front), and eight strides
// of each operand, in elements.
#define EIGHT(type, p) \
  type p##0, type p##1, type p##2, type p##3, type p##4, type p##5, type p##6, type p##7
#define LIST(p) \
  { p##0, p##1, p##2, p##3, p##4, p##5, p##6, p##7 }
