// Tensor cores: products of 16 x 16 and 16 x 8 fragments by one warp, with operands of 16 bits and
// F32 sums; how fragments come from shared memory; copies to shared memory that run beside the
// arithmetic. On the emulated device each is a loop over the layout that PTX documents, so that a
// wrong layout gives wrong numbers there.
//
// A fragment of the left factor (16 rows, 16 values each) is 4 registers of 2 values a lane, of the
// right factor (16 values of 8 columns) 2 registers, of the sums (16 rows, 8 columns) 4 numbers:
// lane 4 g + t has the columns 2 t and 2 t + 1 of row g (0, 1) and of row g + 8 (2, 3).
#pragma once
#include "storage.cuh"

#ifdef VIRIDIAN_EMULATED
#define HAS_BRAIN 1
DEVICE void mma(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1, Half) {
  unsigned b[2] = {b0, b1};
  mma_m16n8k16<__half>(d, a, b);
}
DEVICE void mma(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1, Brain) {
  unsigned b[2] = {b0, b1};
  mma_m16n8k16<__nv_bfloat16>(d, a, b);
}
DEVICE void loadMatrices(unsigned (&r)[4], const unsigned short* row) {
  emulated::loadMatrices(r, row, false);
}
DEVICE void loadTurned(unsigned (&r)[4], const unsigned short* row) {
  emulated::loadMatrices(r, row, true);
}
DEVICE void copyAsync(void* to, const void* from, bool there) {
  emulated::copyAsync(to, from, there);
}
DEVICE void commitCopies() { emulated::commitCopies(); }
template <int LEFT>
DEVICE void waitCopies() {
  emulated::waitCopies(LEFT);
}
DEVICE unsigned pack(float low, float high, Half) {
  return floatToHalf(low) | (unsigned)floatToHalf(high) << 16;
}
DEVICE unsigned pack(float low, float high, Brain) {
  return floatToBf16(low) | (unsigned)floatToBf16(high) << 16;
}
DEVICE float greater(float a, float b) { return fmaxf(a, b); }
DEVICE float log2F(float x) { return log2f(x); }
DEVICE int again(int x) { return x; }
#else
#define HAS_BRAIN (__CUDA_ARCH__ >= 800)

// the greater; the other one if one is not a number
DEVICE float greater(float a, float b) { return __nvvm_fmax_f(a, b); }
// The same number, of which the compiler knows nothing: what is computed from it is computed here,
// not ahead of a loop, where it would take registers all the while.
DEVICE int again(int x) {
  asm volatile("" : "+r"(x));
  return x;
}
// to about 2^-22
DEVICE float log2F(float x) { return __nvvm_lg2_approx_ftz_f(x); }

// The 32 bits of an address in shared memory.
DEVICE unsigned sharedAddress(const void* p) {
  return (unsigned)(unsigned long long)(const __attribute__((address_space(3))) void*)p;
}

// Four matrices of 8 x 8: lanes 8 i to 8 i + 7 say where the rows of matrix i begin (16 bytes
// each, aligned). Register i has two neighbours of row lane / 4; turned, of column lane / 4.
DEVICE void loadMatrices(unsigned (&r)[4], const unsigned short* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(sharedAddress(row))
               : "memory");
}
DEVICE void loadTurned(unsigned (&r)[4], const unsigned short* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(sharedAddress(row))
               : "memory");
}

#if __CUDA_ARCH__ >= 800
#define MMA(type)                                                                  \
  asm("mma.sync.aligned.m16n8k16.row.col.f32." type "." type ".f32 {%0,%1,%2,%3}," \
      "{%4,%5,%6,%7},{%8,%9},{%0,%1,%2,%3};"                                       \
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])                             \
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1))
DEVICE void mma(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1, Half) {
  MMA("f16");
}
DEVICE void mma(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1, Brain) {
  MMA("bf16");
}
// 16 bytes, aligned on both sides; zeros if they are not there.
DEVICE void copyAsync(void* to, const void* from, bool there) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(sharedAddress(to)),
               "l"((const __attribute__((address_space(1))) void*)from), "r"(there ? 16 : 0)
               : "memory");
}
DEVICE void commitCopies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// Waits for this thread's copies but those of the last groups.
template <int LEFT>
DEVICE void waitCopies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(LEFT) : "memory");
}
DEVICE unsigned pack(float low, float high, Half) {
  unsigned bits;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
  return bits;
}
DEVICE unsigned pack(float low, float high, Brain) {
  unsigned bits;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
  return bits;
}
#else
// Turing: half the depth at a time, F16 alone, and copies that are waited for.
DEVICE void mma(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1, Half) {
  asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3},"
      "{%4,%5},{%6},{%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(b0));
  asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3},"
      "{%4,%5},{%6},{%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[2]), "r"(a[3]), "r"(b1));
}
DEVICE void copyAsync(void* to, const void* from, bool there) {
  Vector zero = {0, 0, 0, 0};
  *(Vector*)to = there ? *(const Vector*)from : zero;
}
DEVICE void commitCopies() {}
template <int LEFT>
DEVICE void waitCopies() {}
DEVICE unsigned pack(float low, float high, Half) {
  return floatToHalf(low) | (unsigned)floatToHalf(high) << 16;
}
#endif
#endif

// Where a lane's row begins in a tile of `stride` values a row, for loadMatrices and loadTurned:
// a left factor whose rows are the tile's;
DEVICE int leftLane(int lane, int stride) { return (lane & 15) * stride + (lane >> 4) * 8; }
// a right factor whose columns are the tile's rows: registers 0 and 1 for eight of them, 2 and 3
// for the next eight;
DEVICE int rightLane(int lane, int stride) {
  return ((lane & 7) + (lane >> 4) * 8) * stride + (lane >> 3 & 1) * 8;
}
// a right factor whose columns are the tile's columns, loaded turned: the same pairs.
DEVICE int turnedLane(int lane, int stride) { return leftLane(again(lane), stride); }
