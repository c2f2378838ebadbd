// What tensor cores are fed with, right and with a mistake: tests of the emulated device itself.
#include "../../main/cuda/matrix.cuh"

// c [16, 16] = a [16, 16] times b: stored with a row for each column of the product, or (turned) as
// it is. On Turing half the depth is multiplied at a time.
extern "C" __global__ void planted_fragments(const unsigned short* a, const unsigned short* b,
                                             float* c, int turned, int turing) {
  __shared__ unsigned short left[16 * 24] __attribute__((aligned(16)));
  __shared__ unsigned short right[16 * 24] __attribute__((aligned(16)));
  int lane = threadIdx.x;
  for (int i = lane; i < 256; i += 32) {
    left[i / 16 * 24 + i % 16] = a[i];
    right[i / 16 * 24 + i % 16] = b[i];
  }
  __syncthreads();
  unsigned x[4], y[4];
  loadMatrices(x, left + leftLane(lane, 24));
  if (turned) {
    loadTurned(y, right + turnedLane(lane, 24));
  } else {
    loadMatrices(y, right + rightLane(lane, 24));
  }
  for (int half = 0; half < 2; half++) {
    float d[4] = {0, 0, 0, 0};
    if (turing) {
      mma_m16n8k8<__half>(d, {x[0], x[1]}, y[2 * half]);
      mma_m16n8k8<__half>(d, {x[2], x[3]}, y[2 * half + 1]);
    } else {
      mma(d, x, y[2 * half], y[2 * half + 1], Half());
    }
    for (int e = 0; e < 4; e++) {
      int row = lane / 4 + 8 * (e / 2);
      c[row * 16 + 8 * half + 2 * (lane % 4) + e % 2] = d[e];
    }
  }
}

// Sixteen bytes a thread, read by the thread at the other end.
extern "C" __global__ void planted_copies(const float* in, float* out, int waits) {
  __shared__ float tile[4 * 64] __attribute__((aligned(16)));
  int i = threadIdx.x;
  copyAsync(tile + 4 * i, in + 4 * i, i != 7);
  commitCopies();
  if (waits) waitCopies<0>();
  __syncthreads();
  for (int j = 0; j < 4; j++) out[4 * i + j] = tile[4 * (63 - i) + j];
  waitCopies<0>();
}

extern "C" __global__ void planted_crooked(const unsigned short* in, unsigned* out) {
  __shared__ unsigned short tile[256] __attribute__((aligned(16)));
  for (int i = threadIdx.x; i < 256; i += 32) tile[i] = in[i];
  __syncthreads();
  unsigned x[4];
  loadMatrices(x, tile + threadIdx.x % 8 * 9);
  out[threadIdx.x] = x[0];
}
