// Attention, F32: never the whole matrix of scores. A block of 16 x 16 threads has a tile of 32
// queries (or keys), goes through the other side in tiles of 32, and through a head's values 64 at
// a time; each thread has the scores of 2 x 2 pairs and 2 rows of sums in registers. Of heads of more
// than 192 values a block has a slice of the result, and computes the scores again.
//
// Forward: running maximum and sum per row (FlashAttention). Backward: weights again from the
// log-sum-exp; one kernel for dq, one for dk and dv, so that no sum depends on the order of blocks.
// Formulas and layouts: AttentionKernels, AttentionProblem.
#include "viridian.cuh"

#define TILE 32
#define CHUNK 64
#define PAD (CHUNK + 1)
#define THREADS 256
#define NEVER (-3.402823466e38f)

// Where a batch's head begins, and how far apart its tokens lie, in elements.
struct Side {
  const float* at;
  long long token;
};

struct Work {
  int tx, ty;     // of 16 x 16
  int dim;        // values of a head
  int first;      // token of the block's tile
  int from;       // first value of the block's slice
  float scale;
};

template <int CHUNKS>
DEVICE Work work(int dim, float scale) {
  Work w;
  int slices = (dim + CHUNKS * CHUNK - 1) / (CHUNKS * CHUNK);
  w.first = blockIdx.x / slices * TILE;
  w.from = blockIdx.x % slices * (CHUNKS * CHUNK);
  w.tx = threadIdx.x & 15;
  w.ty = threadIdx.x >> 4;
  w.dim = dim;
  w.scale = scale;
  return w;
}

// 64 values, from `chunk` on, of 32 tokens from `first` on; zeros beyond the last of either.
DEVICE void loadTile(float* tile, Side side, int first, int tokens,
                                                int chunk, int dim) {
#pragma unroll 2
  for (int i = threadIdx.x; i < TILE * CHUNK; i += THREADS) {
    int row = i / CHUNK;
    int column = i % CHUNK;
    bool there = first + row < tokens && chunk + column < dim;
    tile[row * PAD + column] =
        there ? side.at[(long long)(first + row) * side.token + chunk + column] : 0.0f;
  }
}

// Products of 2 x 2 rows of two tiles.
DEVICE void addDots(Work w, const float* a, const float* b, float s[4]) {
#pragma unroll 8
  for (int c = 0; c < CHUNK; c++) {
    float a0 = a[w.ty * PAD + c];
    float a1 = a[(w.ty + 16) * PAD + c];
    float b0 = b[w.tx * PAD + c];
    float b1 = b[(w.tx + 16) * PAD + c];
    s[0] += a0 * b0;
    s[1] += a0 * b1;
    s[2] += a1 * b0;
    s[3] += a1 * b1;
  }
}

// s = products of all values of 32 x 32 pairs of tokens: thread (ty, tx) has rows ty, ty + 16 of a
// and tx, tx + 16 of b. Both tiles are free afterwards.
DEVICE void dots(Work w, Side a, int firstA, int tokensA, Side b,
                                            int firstB, int tokensB, float* tileA, float* tileB,
                                            float s[4]) {
  s[0] = s[1] = s[2] = s[3] = 0;
  for (int chunk = 0; chunk < w.dim; chunk += CHUNK) {
    loadTile(tileA, a, firstA, tokensA, chunk, w.dim);
    loadTile(tileB, b, firstB, tokensB, chunk, w.dim);
    __syncthreads();
    addDots(w, tileA, tileB, s);
    __syncthreads();
  }
}

// sums[row, value] += weights[row, token] x[token, value] for rows ty and ty + 16; weights lie
// [row][token], or [token][row] when turned.
template <int CHUNKS>
DEVICE void addWeighted(Work w, const float* weights, bool turned, Side x,
                                                   int first, int tokens, float* tile,
                                                   float (&sums)[2][4 * CHUNKS]) {
#pragma unroll
  for (int n = 0; n < CHUNKS; n++) {
    int chunk = w.from + n * CHUNK;
    if (chunk < w.dim) {
      loadTile(tile, x, first, tokens, chunk, w.dim);
      __syncthreads();
#pragma unroll 4
      for (int j = 0; j < TILE; j++) {
        float p0 = turned ? weights[j * (TILE + 1) + w.ty] : weights[w.ty * (TILE + 1) + j];
        float p1 =
            turned ? weights[j * (TILE + 1) + w.ty + 16] : weights[(w.ty + 16) * (TILE + 1) + j];
#pragma unroll
        for (int c = 0; c < 4; c++) {
          float v = tile[j * PAD + w.tx + 16 * c];
          sums[0][4 * n + c] += p0 * v;
          sums[1][4 * n + c] += p1 * v;
        }
      }
      __syncthreads();
    }
  }
}

template <int CHUNKS>
DEVICE void store(Work w, float* to, long long token, int first,
                                             int tokens, float factor0, float factor1,
                                             const float (&sums)[2][4 * CHUNKS]) {
#pragma unroll
  for (int half = 0; half < 2; half++) {
    int row = first + w.ty + 16 * half;
    float factor = half == 0 ? factor0 : factor1;
#pragma unroll
    for (int c = 0; c < 4 * CHUNKS; c++) {
      int column = w.from + w.tx + 16 * c;
      if (row < tokens && column < w.dim) {
        to[(long long)row * token + column] = factor * sums[half][c];
      }
    }
  }
}

// The scaled, masked score of a pair; the least number where there is none.
DEVICE float score(float dot, float scale, const float* mask,
                                              long long maskToken, int query, int key, int queries,
                                              int keys, int causal) {
  if (query >= queries || key >= keys || (causal && key > query)) return NEVER;
  float s = scale * dot;
  if (mask != nullptr) s += mask[(long long)query * maskToken + key];
  return s < NEVER ? NEVER : s;
}

template <int CHUNKS>
DEVICE void forward(
    Side q, Side k, Side v, const float* mask, long long maskToken, const float* columnWeights,
    float* out, long long outToken, float* lse, float* columns, int queries, int keys, int dim,
    float scale, int causal, float* tileA, float* tileB, float* weights, float* most, float* total,
    float* column, float* shrink) {
  Work w = work<CHUNKS>(dim, scale);
  int first = w.first;
  float sums[2][4 * CHUNKS] = {};
  if (threadIdx.x < TILE) {
    most[threadIdx.x] = NEVER;
    total[threadIdx.x] = 0;
    column[threadIdx.x] = 0;
  }
  int end = causal ? (first + TILE < keys ? first + TILE : keys) : keys;
  for (int key = 0; key < end; key += TILE) {
    float s[4];
    dots(w, q, first, queries, k, key, keys, tileA, tileB, s);
    for (int i = 0; i < 4; i++) {
      int row = w.ty + 16 * (i >> 1);
      int at = w.tx + 16 * (i & 1);
      weights[row * (TILE + 1) + at] =
          score(s[i], scale, mask, maskToken, first + row, key + at, queries, keys, causal);
    }
    __syncthreads();
    // eight threads a row
    int row = threadIdx.x >> 3;
    int part = threadIdx.x & 7;
    float* line = weights + row * (TILE + 1) + part * 4;
    float greatest = maxF(maxF(line[0], line[1]), maxF(line[2], line[3]));
    for (int by = 4; by > 0; by >>= 1) {
      greatest = maxF(greatest, __shfl_xor_sync(ALL_LANES, greatest, by));
    }
    float before = most[row];
    greatest = maxF(greatest, before);
    float sum = 0;
    float weighted = 0;
    for (int j = 0; j < 4; j++) {
      float p = line[j] == NEVER ? 0.0f : expF(line[j] - greatest);
      line[j] = p;
      sum += p;
      int at = key + part * 4 + j;
      if (columnWeights != nullptr && at < keys) weighted += p * columnWeights[at];
    }
    for (int by = 4; by > 0; by >>= 1) {
      sum += __shfl_xor_sync(ALL_LANES, sum, by);
      weighted += __shfl_xor_sync(ALL_LANES, weighted, by);
    }
    if (part == 0) {
      float old = before == NEVER ? 0.0f : expF(before - greatest);
      shrink[row] = old;
      most[row] = greatest;
      total[row] = total[row] * old + sum;
      column[row] = column[row] * old + weighted;
    }
    __syncthreads();
    float shrink0 = shrink[w.ty];
    float shrink1 = shrink[w.ty + 16];
#pragma unroll
    for (int c = 0; c < 4 * CHUNKS; c++) {
      sums[0][c] *= shrink0;
      sums[1][c] *= shrink1;
    }
    if (out != nullptr) addWeighted<CHUNKS>(w, weights, false, v, key, keys, tileA, sums);
    __syncthreads();
  }
  float total0 = total[w.ty];
  float total1 = total[w.ty + 16];
  if (out != nullptr) {
    store<CHUNKS>(w, out, outToken, first, queries, total0 > 0 ? 1 / total0 : 0.0f,
                  total1 > 0 ? 1 / total1 : 0.0f, sums);
  }
  int row = first + threadIdx.x;
  if (threadIdx.x < TILE && row < queries && w.from == 0) {
    float t = total[threadIdx.x];
    if (lse != nullptr) lse[row] = t > 0 ? most[threadIdx.x] + (float)logD(t) : -INFINITE;
    if (columns != nullptr) columns[row] = t > 0 ? column[threadIdx.x] / t : 0.0f;
  }
}

// A part of dq: what the weights of 32 queries and 32 keys are, and the gradients of their scores.
// weights and gradients lie [query][key]; either may be null.
DEVICE void gradients(Work w, Side q, Side k, Side v, Side dOut, int query,
                                                 int key, int queries, int keys, int causal,
                                                 const float* mask, long long maskToken,
                                                 const float* columnWeights,
                                                 const float* dColumnMap, float heads,
                                                 const float* lse, const float* corrections,
                                                 float* tileA, float* tileB, float* weights,
                                                 float* scoreGradients) {
  float s[4];
  float d[4];
  dots(w, q, query, queries, k, key, keys, tileA, tileB, s);
  dots(w, dOut, query, queries, v, key, keys, tileA, tileB, d);
  for (int i = 0; i < 4; i++) {
    int row = w.ty + 16 * (i >> 1);
    int at = w.tx + 16 * (i & 1);
    float value =
        score(s[i], w.scale, mask, maskToken, query + row, key + at, queries, keys, causal);
    float p = 0;
    float g = 0;
    if (value != NEVER && lse[query + row] != -INFINITE) {
      p = expF(value - lse[query + row]);
      float e = 0;
      if (dColumnMap != nullptr) e = dColumnMap[query + row] / heads * columnWeights[key + at];
      // the weight of an only key is 1 whatever its score: what two sums differ by is no gradient
      if (keys > 1) g = p * (d[i] + e - corrections[query + row]) * w.scale;
    }
    if (weights != nullptr) weights[row * (TILE + 1) + at] = p;
    scoreGradients[row * (TILE + 1) + at] = g;
  }
  __syncthreads();
}

template <int CHUNKS>
DEVICE void backwardQueries(
    Side q, Side k, Side v, Side dOut, const float* mask, long long maskToken,
    const float* columnWeights, const float* dColumnMap, float heads, const float* lse,
    const float* corrections, float* dq, long long dqToken, int queries, int keys, int dim,
    float scale, int causal, float* tileA, float* tileB, float* scoreGradients) {
  Work w = work<CHUNKS>(dim, scale);
  int first = w.first;
  float sums[2][4 * CHUNKS] = {};
  int end = causal ? (first + TILE < keys ? first + TILE : keys) : keys;
  for (int key = 0; key < end; key += TILE) {
    gradients(w, q, k, v, dOut, first, key, queries, keys, causal, mask, maskToken, columnWeights,
              dColumnMap, heads, lse, corrections, tileA, tileB, nullptr, scoreGradients);
    addWeighted<CHUNKS>(w, scoreGradients, false, k, key, keys, tileA, sums);
  }
  store<CHUNKS>(w, dq, dqToken, first, queries, 1, 1, sums);
}

template <int CHUNKS>
DEVICE void backwardKeys(
    Side q, Side k, Side v, Side dOut, const float* mask, long long maskToken,
    const float* columnWeights, const float* dColumnMap, float heads, const float* lse,
    const float* corrections, float* dk, long long dkToken, float* dv, long long dvToken,
    int queries, int keys, int dim, float scale, int causal, float* tileA, float* tileB,
    float* weights, float* scoreGradients) {
  Work w = work<CHUNKS>(dim, scale);
  int first = w.first;
  float sumsK[2][4 * CHUNKS] = {};
  float sumsV[2][4 * CHUNKS] = {};
  int begin = causal ? first / TILE * TILE : 0;
  for (int query = begin; query < queries; query += TILE) {
    gradients(w, q, k, v, dOut, query, first, queries, keys, causal, mask, maskToken, columnWeights,
              dColumnMap, heads, lse, corrections, tileA, tileB, weights, scoreGradients);
    addWeighted<CHUNKS>(w, weights, true, dOut, query, queries, tileA, sumsV);
    addWeighted<CHUNKS>(w, scoreGradients, true, q, query, queries, tileA, sumsK);
  }
  store<CHUNKS>(w, dk, dkToken, first, keys, 1, 1, sumsK);
  store<CHUNKS>(w, dv, dvToken, first, keys, 1, 1, sumsV);
}

// What all kernels take: tensors, sizes, strides in elements (batch, head, token).
#define SIZES int heads, int queries, int keys, int dim, float scale, int causal
#define STRIDES(x) long long x##Batch, long long x##Head, long long x##Token
#define SIDE(x)                                                                                   \
  Side { OF_HEAD(x), x##Token }
#define PICTURE ((long long)blockIdx.y / heads)
#define HEAD ((long long)blockIdx.y % heads)
#define PLACE(x) (PICTURE * x##Batch + HEAD * x##Head)
#define OF_HEAD(x) (x + PLACE(x))
#define MASK (mask == nullptr ? nullptr : OF_HEAD(mask))
#define OF_BATCH(x, count) (x == nullptr ? nullptr : x + PICTURE * (count))
#define ROWS(x) (x == nullptr ? nullptr : x + (long long)blockIdx.y * queries)

// Grid: tiles of queries (of keys), times slices, x batch · heads.
// A kernel for heads of up to 64 values, one for all others.
#define KERNELS(CHUNKS, depth)                                                                    \
  extern "C" __global__ void __launch_bounds__(THREADS, 2) attention_forward_##depth(             \
      const float* q, const float* k, const float* v, const float* mask,                          \
      const float* columnWeights, float* out, float* lse, float* columns, SIZES, STRIDES(q),      \
      STRIDES(k), STRIDES(v), STRIDES(out), STRIDES(mask)) {                                      \
    __shared__ float tileA[TILE * PAD];                                                           \
    __shared__ float tileB[TILE * PAD];                                                           \
    __shared__ float weights[TILE * (TILE + 1)];                                                  \
    __shared__ float most[TILE];                                                                  \
    __shared__ float total[TILE];                                                                 \
    __shared__ float column[TILE];                                                                \
    __shared__ float shrink[TILE];                                                                \
    forward<CHUNKS>(SIDE(q), SIDE(k), SIDE(v), MASK, maskToken, OF_BATCH(columnWeights, keys),    \
                    out == nullptr ? nullptr : OF_HEAD(out), outToken, ROWS(lse), ROWS(columns),  \
                    queries, keys, dim, scale,                                                    \
                    causal, tileA, tileB, weights, most, total, column, shrink);                  \
  }                                                                                               \
  extern "C" __global__ void __launch_bounds__(THREADS, 2) attention_backward_queries_##depth(    \
      const float* q, const float* k, const float* v, const float* mask,                          \
      const float* columnWeights, const float* lse, const float* dOut, const float* dColumnMap,   \
      const float* corrections, float* dq, SIZES, STRIDES(q), STRIDES(k), STRIDES(v),             \
      STRIDES(dOut), STRIDES(mask)) {                                                             \
    __shared__ float tileA[TILE * PAD];                                                           \
    __shared__ float tileB[TILE * PAD];                                                           \
    __shared__ float scoreGradients[TILE * (TILE + 1)];                                           \
    backwardQueries<CHUNKS>(SIDE(q), SIDE(k), SIDE(v), SIDE(dOut), MASK, maskToken,               \
                            OF_BATCH(columnWeights, keys), OF_BATCH(dColumnMap, queries),         \
                            (float)heads, ROWS(lse), ROWS(corrections),                           \
                            dq + PLACE(q), qToken, queries, keys,                                 \
                            dim, scale, causal, tileA, tileB, scoreGradients);                    \
  }                                                                                               \
  extern "C" __global__ void __launch_bounds__(THREADS, 2) attention_backward_keys_##depth(       \
      const float* q, const float* k, const float* v, const float* mask,                          \
      const float* columnWeights, const float* lse, const float* dOut, const float* dColumnMap,   \
      const float* corrections, float* dk, float* dv, SIZES, STRIDES(q), STRIDES(k), STRIDES(v),  \
      STRIDES(dOut), STRIDES(mask)) {                                                             \
    __shared__ float tileA[TILE * PAD];                                                           \
    __shared__ float tileB[TILE * PAD];                                                           \
    __shared__ float weights[TILE * (TILE + 1)];                                                  \
    __shared__ float scoreGradients[TILE * (TILE + 1)];                                           \
    backwardKeys<CHUNKS>(SIDE(q), SIDE(k), SIDE(v), SIDE(dOut), MASK, maskToken,                  \
                         OF_BATCH(columnWeights, keys), OF_BATCH(dColumnMap, queries),            \
                         (float)heads, ROWS(lse), ROWS(corrections),                              \
                         dk + PLACE(k), kToken,                                                   \
                         dv + PLACE(v), vToken, queries, keys,                                    \
                         dim, scale, causal, tileA, tileB, weights, scoreGradients);              \
  }

KERNELS(1, 64)
KERNELS(3, 192)

// D of each row, [batch, heads, queries]: what the softmax takes off the gradients of its scores,
// dOut . out + g sum_j e_j P_j. `columns` holds that last sum, from the forward kernel run again;
// null if the column has no gradient. A warp a row.
extern "C" __global__ void __launch_bounds__(THREADS) attention_corrections(
    const float* out, const float* dOut, const float* columns, const float* dColumnMap,
    float* corrections, int batch, int heads, int queries, int dim, STRIDES(out)) {
  long long row = ((long long)blockIdx.x * THREADS + threadIdx.x) >> 5;
  int lane = threadIdx.x & 31;
  bool there = row < (long long)batch * heads * queries;
  int query = (int)(row % queries);
  int head = (int)(row / queries % heads);
  long long picture = row / queries / heads;
  float sum = 0;
  if (there) {
    long long at = picture * outBatch + head * outHead + (long long)query * outToken;
    for (int i = lane; i < dim; i += 32) sum += out[at + i] * dOut[at + i];
  }
  for (int by = 16; by > 0; by >>= 1) sum += __shfl_xor_sync(ALL_LANES, sum, by);
  if (there && lane == 0) {
    if (dColumnMap != nullptr) {
      sum += dColumnMap[picture * queries + query] / heads * columns[row];
    }
    corrections[row] = sum;
  }
}

// columnMap [batch, queries]: the mean over the heads of columns [batch, heads, queries].
extern "C" __global__ void __launch_bounds__(THREADS) attention_column_mean(
    const float* columns, float* columnMap, int batch, int heads, int queries) {
  long long i = (long long)blockIdx.x * THREADS + threadIdx.x;
  if (i < (long long)batch * queries) {
    const float* from = columns + i / queries * heads * queries + i % queries;
    float sum = 0;
    for (int head = 0; head < heads; head++) sum += from[(long long)head * queries];
    columnMap[i] = sum / heads;
  }
}
