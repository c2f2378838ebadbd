// CUDA C++ as g++ compiles it for the emulated device: included before a .cu source. The dialect is
// what our sources use; what is missing does not compile.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "emulated.h"

// where kernels are listed, the preprocessor leaves the word
#ifndef EMULATED_LIST
#define __global__
#endif
#define __device__
#define __host__
#define __constant__ static
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __restrict__ __restrict
#define __align__(n) alignas(n)
#define __launch_bounds__(...)
// Blocks run one after the other: a block's variables are static, in a section of their own that is
// poisoned before each block. So they stand in kernels, not in templates or inline functions.
#define __shared__ static __attribute__((section("viridian_shared")))
// Shared memory whose size the launch says.
#define DYNAMIC_SHARED(type, name) type* name = (type*)emulated::dynamicShared()

#define threadIdx (emulated::current->thread)
#define blockIdx (emulated::block)
#define blockDim (emulated::current->blockDim)
#define gridDim (emulated::current->gridDim)
#define warpSize 32

struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(8) int2 {
  int x, y;
};
struct alignas(16) int4 {
  int x, y, z, w;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

namespace emulated {

template <class F>
struct Call;

// Calls a kernel with arguments that lie where an array of addresses says.
template <class... A>
struct Call<void (*)(A...)> {
  template <size_t... I>
  static void spread(void (*f)(A...), void** p, std::index_sequence<I...>) {
    f(*(std::remove_cv_t<std::remove_reference_t<A>>*)p[I]...);
  }
  static void call(void* f, void** p) {
    spread((void (*)(A...))f, p, std::index_sequence_for<A...>{});
  }
  static const size_t* sizes() {
    static const size_t all[] = {sizeof(A)..., 0};
    return all;
  }
};

struct Registration {
  Kernel kernel;
  template <class... A>
  Registration(const char* name, void (*f)(A...), char* shared, char* sharedEnd) {
    using C = Call<void (*)(A...)>;
    kernel = {name, (void*)f, &C::call, sizeof...(A), C::sizes(), shared, sharedEnd, nullptr};
    add(&kernel);
  }
};

template <class T>
inline T exchange(T value, unsigned source) {
  static_assert(sizeof(T) <= 8, "a lane gives at most 8 bytes");
  Thread* t = current;
  unsigned turn = t->turn;
  t->turn ^= 1;
  memcpy(&t->warp->slot[turn][t->lane], &value, sizeof(T));
  meetWarp();
  T result;
  memcpy(&result, &t->warp->slot[turn][source < t->warp->size ? source : t->lane], sizeof(T));
  return result;
}

inline void wholeWarp(unsigned mask) {
  if (mask != ~0u) {
    report("a warp function is called with a mask of less than all lanes");
  }
}

}  // namespace emulated

extern char __start_viridian_shared[] __attribute__((weak, visibility("hidden")));
extern char __stop_viridian_shared[] __attribute__((weak, visibility("hidden")));
#define EMULATED_KERNEL(name)                                       \
  static emulated::Registration emulated_##name(#name, &name, __start_viridian_shared, \
                                                __stop_viridian_shared);

inline void __syncthreads() { emulated::meetBlock(); }
inline void __syncwarp(unsigned mask = ~0u) {
  emulated::wholeWarp(mask);
  emulated::meetWarp();
}
inline void __threadfence() {}
inline void __threadfence_block() {}

template <class T>
inline T __shfl_sync(unsigned mask, T v, int source, int width = 32) {
  emulated::wholeWarp(mask);
  unsigned lane = emulated::current->lane;
  return emulated::exchange(v, (lane & ~(width - 1)) | (source & (width - 1)));
}
template <class T>
inline T __shfl_xor_sync(unsigned mask, T v, int bits, int width = 32) {
  emulated::wholeWarp(mask);
  unsigned lane = emulated::current->lane;
  unsigned other = lane ^ bits;
  return emulated::exchange(v, (other & ~(width - 1)) <= (lane & ~(width - 1)) ? other : lane);
}
template <class T>
inline T __shfl_down_sync(unsigned mask, T v, unsigned by, int width = 32) {
  emulated::wholeWarp(mask);
  unsigned lane = emulated::current->lane;
  return emulated::exchange(v, (lane & (width - 1)) + by < (unsigned)width ? lane + by : lane);
}
template <class T>
inline T __shfl_up_sync(unsigned mask, T v, unsigned by, int width = 32) {
  emulated::wholeWarp(mask);
  unsigned lane = emulated::current->lane;
  return emulated::exchange(v, (lane & (width - 1)) >= by ? lane - by : lane);
}
inline unsigned __ballot_sync(unsigned mask, int predicate) {
  emulated::wholeWarp(mask);
  emulated::Thread* t = emulated::current;
  unsigned turn = t->turn;
  t->turn ^= 1;
  t->warp->slot[turn][t->lane] = predicate != 0;
  emulated::meetWarp();
  unsigned bits = 0;
  for (unsigned i = 0; i < t->warp->size; i++) {
    bits |= (unsigned)t->warp->slot[turn][i] << i;
  }
  return bits;
}
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
inline int __all_sync(unsigned mask, int predicate) { return __ballot_sync(mask, !predicate) == 0; }

// Only one thread runs at a time.
template <class T>
inline T emulatedUpdate(T* at, T value) {
  T old = *at;
  *at = value;
  return old;
}
inline float atomicAdd(float* a, float v) { return emulatedUpdate(a, *a + v); }
inline int atomicAdd(int* a, int v) { return emulatedUpdate(a, *a + v); }
inline unsigned atomicAdd(unsigned* a, unsigned v) { return emulatedUpdate(a, *a + v); }
inline unsigned long long atomicAdd(unsigned long long* a, unsigned long long v) {
  return emulatedUpdate(a, *a + v);
}
inline int atomicMax(int* a, int v) { return emulatedUpdate(a, std::max(*a, v)); }
inline int atomicMin(int* a, int v) { return emulatedUpdate(a, std::min(*a, v)); }
inline int atomicCAS(int* a, int expected, int v) {
  return emulatedUpdate(a, *a == expected ? v : *a);
}

inline float __expf(float x) { return expf(x); }
inline float __logf(float x) { return logf(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline float __frcp_rn(float a) { return 1 / a; }
inline float __fsqrt_rn(float a) { return sqrtf(a); }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float rsqrtf(float x) { return 1 / sqrtf(x); }
inline float __int_as_float(int i) {
  float f;
  memcpy(&f, &i, 4);
  return f;
}
inline int __float_as_int(float f) {
  int i;
  memcpy(&i, &f, 4);
  return i;
}
inline unsigned __float_as_uint(float f) { return (unsigned)__float_as_int(f); }
inline float __uint_as_float(unsigned u) { return __int_as_float((int)u); }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __clz(int x) { return x ? __builtin_clz(x) : 32; }
inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((uint64_t)a * b >> 32); }
template <class T>
inline T __ldg(const T* p) {
  return *p;
}
using std::max;
using std::min;

struct __half {
  uint16_t bits;
};
struct __nv_bfloat16 {
  uint16_t bits;
};
inline float __half2float(__half h) {
  _Float16 f;
  memcpy(&f, &h, 2);
  return (float)f;
}
inline __half __float2half(float f) {
  _Float16 rounded = (_Float16)f;
  __half h;
  memcpy(&h, &rounded, 2);
  return h;
}
inline float __bfloat162float(__nv_bfloat16 b) { return __uint_as_float((unsigned)b.bits << 16); }
inline __nv_bfloat16 __float2bfloat16(float f) {
  unsigned i = __float_as_uint(f);
  bool nan = (i & 0x7fffffffu) > 0x7f800000u;
  return {(uint16_t)(nan ? 0x7fff : (i + 0x7fff + ((i >> 16) & 1)) >> 16)};
}
inline float emulatedFloat(__half h) { return __half2float(h); }
inline float emulatedFloat(__nv_bfloat16 b) { return __bfloat162float(b); }

// mma.sync.aligned.m16n8k16.row.col.f32.{f16,bf16}.{f16,bf16}.f32, in PTX's layout of registers:
// d += a · b. T says how the 16-bit values are read.
template <class T>
inline void mma_m16n8k16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  emulated::Thread* t = emulated::current;
  unsigned turn = t->turn;
  t->turn ^= 1;
  uint32_t* lanes = (uint32_t*)t->warp->scratch[turn];
  for (int i = 0; i < 4; i++) lanes[t->lane * 6 + i] = a[i];
  lanes[t->lane * 6 + 4] = b[0];
  lanes[t->lane * 6 + 5] = b[1];
  emulated::meetWarp();
  int group = t->lane >> 2;
  int inGroup = t->lane & 3;
  for (int e = 0; e < 4; e++) {
    int row = group + (e >> 1) * 8;
    int column = inGroup * 2 + (e & 1);
    float sum = d[e];
    for (int k = 0; k < 16; k++) {
      int pair = (k & 7) >> 1;
      uint32_t x = lanes[((row & 7) * 4 + pair) * 6 + (row >> 3) + (k >> 3) * 2];
      uint32_t y = lanes[(column * 4 + pair) * 6 + 4 + (k >> 3)];
      T u{(uint16_t)(x >> 16 * (k & 1))};
      T v{(uint16_t)(y >> 16 * (k & 1))};
      sum += emulatedFloat(u) * emulatedFloat(v);
    }
    d[e] = sum;
  }
}

// mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32: d += a · b.
template <class T>
inline void mma_m16n8k8(float (&d)[4], const uint32_t (&a)[2], uint32_t b) {
  emulated::Thread* t = emulated::current;
  unsigned turn = t->turn;
  t->turn ^= 1;
  uint32_t* lanes = (uint32_t*)t->warp->scratch[turn];
  lanes[t->lane * 3] = a[0];
  lanes[t->lane * 3 + 1] = a[1];
  lanes[t->lane * 3 + 2] = b;
  emulated::meetWarp();
  for (int e = 0; e < 4; e++) {
    int row = t->lane / 4 + (e >> 1) * 8;
    int column = t->lane % 4 * 2 + (e & 1);
    for (int k = 0; k < 8; k++) {
      T u{(uint16_t)(lanes[((row & 7) * 4 + k / 2) * 3 + (row >> 3)] >> 16 * (k & 1))};
      T v{(uint16_t)(lanes[(column * 4 + k / 2) * 3 + 2] >> 16 * (k & 1))};
      d[e] += emulatedFloat(u) * emulatedFloat(v);
    }
  }
}

namespace emulated {

// ldmatrix.sync.aligned.m8n8.x4[.trans].shared.b16, in PTX's layout.
inline void loadMatrices(uint32_t (&r)[4], const uint16_t* row, bool turned) {
  Thread* t = current;
  if ((uintptr_t)row % 16 != 0) report("ldmatrix: a row does not begin at a multiple of 16 bytes");
  unsigned turn = t->turn;
  t->turn ^= 1;
  t->warp->slot[turn][t->lane] = (uint64_t)(uintptr_t)row;
  meetWarp();
  unsigned group = t->lane >> 2, pair = 2 * (t->lane & 3);
  for (unsigned i = 0; i < 4; i++) {
    uint32_t values[2];
    for (unsigned e = 0; e < 2; e++) {
      unsigned at = turned ? pair + e : group, column = turned ? group : pair + e;
      values[e] = ((const uint16_t*)(uintptr_t)t->warp->slot[turn][8 * i + at])[column];
    }
    r[i] = values[0] | values[1] << 16;
  }
}

// cp.async of 16 bytes: nothing arrives before it is waited for, so that a forgotten wait reads
// what was there before.
struct Copies {
  struct One {
    void* to;
    const void* from;
    bool there;
  };
  std::vector<std::vector<One>> groups;
  std::vector<One> open;
};
inline Copies& copies() {
  static std::vector<Copies> all(1024);
  return all[current->number];
}
inline void copyAsync(void* to, const void* from, bool there) {
  if ((uintptr_t)to % 16 != 0 || (uintptr_t)from % 16 != 0) {
    report("cp.async: an address is not a multiple of 16 bytes");
  }
  copies().open.push_back({to, from, there});
}
inline void commitCopies() {
  Copies& c = copies();
  c.groups.push_back(std::move(c.open));
  c.open.clear();
}
inline void waitCopies(size_t left) {
  Copies& c = copies();
  while (c.groups.size() > left) {
    for (const Copies::One& one : c.groups.front()) {
      if (one.there) {
        memcpy(one.to, one.from, 16);
      } else {
        memset(one.to, 0, 16);
      }
    }
    c.groups.erase(c.groups.begin());
  }
}

}  // namespace emulated
