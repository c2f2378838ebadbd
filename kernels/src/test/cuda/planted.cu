// Kernels with a mistake each, and right ones beside them: tests of the emulated device itself.

extern "C" __global__ void planted_barrier(float* out) {
  __shared__ float tile[64];
  int i = threadIdx.x;
  tile[i] = (float)i;
  __syncthreads();
  out[blockIdx.x * 64 + i] = tile[63 - i];
}

extern "C" __global__ void planted_missing_barrier(float* out) {
  __shared__ float tile[64];
  int i = threadIdx.x;
  tile[i] = (float)i;
  out[blockIdx.x * 64 + i] = tile[63 - i];
}

// Right whatever the order within a warp, wrong across warps.
extern "C" __global__ void planted_warp_barrier_only(float* out) {
  __shared__ float tile[64];
  int i = threadIdx.x;
  tile[i] = (float)i;
  __syncwarp();
  out[blockIdx.x * 64 + i] = tile[63 - i];
}

extern "C" __global__ void planted_divergent_barrier(float* out) {
  if (threadIdx.x < 16) {
    __syncthreads();
  } else {
    __shfl_xor_sync(0xffffffffu, 1.0f, 1);
  }
  out[threadIdx.x] = 1;
}

extern "C" __global__ void planted_leaves_early(float* out) {
  if (threadIdx.x == 3) return;
  __syncthreads();
  out[threadIdx.x] = 1;
}

extern "C" __global__ void planted_fill(float* out, float value, long long n) {
  long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) out[i] = value;
}

extern "C" __global__ void planted_off_by_one(float* out, float value, long long n) {
  long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
  if (i <= n) out[i] = value;
}

extern "C" __global__ void planted_before_start(float* out) { out[-1] = 1; }

extern "C" __global__ void planted_part_of_a_warp(float* out) {
  out[threadIdx.x] = __shfl_xor_sync(0xffffu, (float)threadIdx.x, 1);
}

// The sum of a warp's numbers, and how many are odd.
extern "C" __global__ void planted_warp(const float* in, float* out) {
  float v = in[threadIdx.x];
  for (int by = 16; by > 0; by >>= 1) v += __shfl_down_sync(0xffffffffu, v, by);
  unsigned odd = __ballot_sync(0xffffffffu, threadIdx.x & 1);
  if (threadIdx.x == 0) {
    out[0] = v;
    out[1] = (float)__popc(odd);
  }
}

// One tile of the tensor cores: a 16 × 16 row by row, b column by column, c 16 × 8.
extern "C" __global__ void planted_tensor_cores(const unsigned* a, const unsigned* b, float* c) {
  int lane = threadIdx.x, group = lane >> 2, t = lane & 3;
  unsigned x[4] = {a[group * 8 + t], a[(group + 8) * 8 + t], a[group * 8 + t + 4],
                   a[(group + 8) * 8 + t + 4]};
  unsigned y[2] = {b[group * 8 + t], b[group * 8 + t + 4]};
  float d[4] = {0, 0, 0, 0};
  mma_m16n8k16<__half>(d, x, y);
  for (int e = 0; e < 4; e++) c[(group + (e >> 1) * 8) * 8 + t * 2 + (e & 1)] = d[e];
}

extern "C" __global__ void planted_dynamic(float* out, int n) {
  DYNAMIC_SHARED(float, line);
  for (int i = threadIdx.x; i < n; i += blockDim.x) line[i] = (float)i;
  __syncthreads();
  for (int i = threadIdx.x; i < n; i += blockDim.x) out[i] = line[n - 1 - i];
}
