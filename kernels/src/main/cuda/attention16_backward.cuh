// Attention on tensor cores, backward.
#pragma once
#include "attention16.cuh"

// Weights and the gradients of their scores from scores and dOut · v, in place. Rows are queries.
DEVICE void gradientsOfRows(float (&s)[1][8][4], float (&d)[1][8][4], Sums sums, int row, int key,
                            int keys, const float* columnWeights) {
  long long at0 = sums.place + row;
  float lse[2] = {sums.lse[at0], sums.lse[at0 + 8]};
  float correction[2] = {sums.correction[at0], sums.correction[at0 + 8]};
  float gradient[2] = {sums.gradient[at0], sums.gradient[at0 + 8]};
#pragma unroll
  for (int i = 0; i < 16; i++) {
    int at = key + 8 * (i >> 1) + (i & 1);
    float e = columnWeights != nullptr && at < keys ? columnWeights[at] : 0.0f;
#pragma unroll
    for (int h = 0; h < 2; h++) {
      float weight = ex2(s[0][i >> 1][2 * h + (i & 1)] - lse[h]);
      float& g = d[0][i >> 1][2 * h + (i & 1)];
      g = weight * (g + gradient[h] * e - correction[h]);
    }
  }
}

// The same where rows are keys and columns queries, whose numbers lie at `sums` for this lane.
DEVICE void gradientsOfColumns(float (&s)[1][8][4], float (&d)[1][8][4], Sums sums, float e0,
                               float e1) {
#pragma unroll
  for (int i = 0; i < 16; i++) {
    int at = 8 * (i >> 1) + (i & 1);
    float lse = sums.lse[at];
    float correction = sums.correction[at];
    float gradient = sums.gradient[at];
#pragma unroll
    for (int h = 0; h < 2; h++) {
      float& weight = s[0][i >> 1][2 * h + (i & 1)];
      float& g = d[0][i >> 1][2 * h + (i & 1)];
      weight = ex2(weight - lse);
      g = weight * (g + gradient * (h == 0 ? e0 : e1) - correction);
    }
  }
}

template <class T, int D>
DEVICE void backwardQueries(const unsigned short* q, const unsigned short* k,
                            const unsigned short* v, const unsigned short* dOut, Problem p,
                            const float* columnWeights, Sums sums, float* dq, long long token,
                            unsigned short* tiles) {
  constexpr int LD = D + 8;
  constexpr int SIZE = TILE * LD;
  long long ofQueries = placeOf(p.queries, D);
  long long ofKeys = placeOf(p.keys, D);
  int lane = threadIdx.x & 31;
  int warp = threadIdx.x >> 5;
  int first = blockIdx.x * TILE;
  int row = first + warp * 16 + (lane >> 2);
  int column = 2 * (lane & 3);
  int end = keysOf(p, first + TILE);

  copyTile<TILE, D>(tiles + 2 * SIZE, q, ofQueries, D, first, p.queries);
  copyTile<TILE, D>(tiles + 3 * SIZE, dOut, ofQueries, D, first, p.queries);
  commitCopies();
  copyTile<TILE, D>(tiles, k, ofKeys, D, 0, p.keys);
  copyTile<TILE, D>(tiles + SIZE, v, ofKeys, D, 0, p.keys);
  commitCopies();
  waitCopies<1>();
  __syncthreads();
  unsigned queries[1][D / 16][4];
  unsigned gradients[1][D / 16][4];
  const unsigned short* own = tiles + 2 * SIZE + warp * 16 * LD + leftLane(lane, LD);
  loadLeft(queries, own, LD);
  loadLeft(gradients, own + SIZE, LD);

  float result[1][D / 8][4];
  clear(result);
  int buffer = 0;
  for (int key = 0; key < end; key += TILE) {
    waitCopies<0>();
    __syncthreads();
    int next = key + TILE;
    if (next < end) {
      unsigned short* to = tiles + 2 * SIZE * (1 - buffer);
      copyTile<TILE, D>(to, k, ofKeys, D, next, p.keys);
      copyTile<TILE, D>(to + SIZE, v, ofKeys, D, next, p.keys);
      commitCopies();
    }
    const unsigned short* at = tiles + 2 * SIZE * buffer;
    buffer = 1 - buffer;
    float s[1][8][4];
    float d[1][8][4];
    clear(s);
    clear(d);
    addRows<T>(s, queries, at + rightLane(lane, LD), LD);
    addRows<T>(d, gradients, at + SIZE + rightLane(lane, LD), LD);
    bool edge = next > p.keys || p.causal || p.mask != nullptr;
    toScores<false>(s, p, edge, row, key + column);
    gradientsOfRows(s, d, sums, row, key + column, p.keys, columnWeights);
    addTile<T>(result, d, at + turnedLane(lane, LD), LD);
  }
  float factor[1][2] = {{p.scale, p.scale}};
  storeRows(dq, token, first, p.queries, 0, p.dim, result, factor, (float*)tiles);
}

template <class T>
DEVICE void backwardQueriesWide(const unsigned short* q, const unsigned short* k,
                                const unsigned short* v, const unsigned short* dOut, Problem p,
                                const float* columnWeights, Sums sums, float* dq, long long token,
                                unsigned short* tiles) {
  int lane = threadIdx.x & 31;
  int warp = threadIdx.x >> 5;
  int chunks = (p.dim + CHUNK - 1) / CHUNK;
  Slice part = sliceOf(chunks, BACK_CHUNKS);
  int row = part.first + warp * 16 + (lane >> 2);
  int column = 2 * (lane & 3);
  int end = keysOf(p, part.first + TILE);
  Stages<Packed> stages = {{}, q, k, dOut, v, k, nullptr, 2, chunks, part.slice, part.outs,
                   1, part.first, p.queries, 0, p.keys, 0, 0, tiles, 0, Sums{}};
  stages.prepare(end);
  float result[BACK_CHUNKS][1][8][4];
#pragma unroll
  for (int c = 0; c < BACK_CHUNKS; c++) clear(result[c]);
  for (int key = 0; key < end; key += TILE) {
    float s[1][8][4];
    float d[1][8][4];
    stages.products<T>(s, lane, warp);
    stages.products<T>(d, lane, warp);
    bool edge = key + TILE > p.keys || p.causal || p.mask != nullptr;
    toScores<false>(s, p, edge, row, key + column);
    gradientsOfRows(s, d, sums, row, key + column, p.keys, columnWeights);
    stages.addSlice<T>(result, d, lane);
  }
  float factor[1][2] = {{p.scale, p.scale}};
#pragma unroll
  for (int c = 0; c < BACK_CHUNKS; c++) {
    storeRows(dq, token, part.first, p.queries, (part.slice + c) * CHUNK, p.dim, result[c], factor,
              (float*)tiles);
  }
}

DEVICE float columnWeight(const float* columnWeights, int key, int keys) {
  return columnWeights != nullptr && key < keys ? columnWeights[key] : 0.0f;
}

template <class T, int D>
DEVICE void backwardKeys(const unsigned short* q, const unsigned short* k, const unsigned short* v,
                         const unsigned short* dOut, Problem p, const float* columnWeights,
                         Sums sums, float* dk, long long kToken, float* dv, long long vToken,
                         unsigned short* tiles) {
  constexpr int LD = D + 8;
  constexpr int SIZE = TILE * LD;
  long long ofQueries = placeOf(p.queries, D);
  long long ofKeys = placeOf(p.keys, D);
  float* numbers = (float*)(tiles + 4 * SIZE);
  int lane = threadIdx.x & 31;
  int warp = threadIdx.x >> 5;
  int first = blockIdx.x * TILE;
  int row = first + warp * 16 + (lane >> 2);
  int column = 2 * (lane & 3);
  int begin = p.causal ? first : 0;

  copyTile<TILE, D>(tiles + 2 * SIZE, k, ofKeys, D, first, p.keys);
  copyTile<TILE, D>(tiles + 3 * SIZE, v, ofKeys, D, first, p.keys);
  commitCopies();
  if (begin < p.queries) {
    copyTile<TILE, D>(tiles, q, ofQueries, D, begin, p.queries);
    copyTile<TILE, D>(tiles + SIZE, dOut, ofQueries, D, begin, p.queries);
    copySums(numbers, sums, begin);
  }
  commitCopies();
  waitCopies<1>();
  __syncthreads();
  unsigned keys[1][D / 16][4];
  unsigned values[1][D / 16][4];
  const unsigned short* own = tiles + 2 * SIZE + warp * 16 * LD + leftLane(lane, LD);
  loadLeft(keys, own, LD);
  loadLeft(values, own + SIZE, LD);
  float e0 = columnWeight(columnWeights, row, p.keys);
  float e1 = columnWeight(columnWeights, row + 8, p.keys);

  float resultK[1][D / 8][4];
  float resultV[1][D / 8][4];
  clear(resultK);
  clear(resultV);
  int buffer = 0;
  for (int query = begin; query < p.queries; query += TILE) {
    waitCopies<0>();
    __syncthreads();
    int next = query + TILE;
    if (next < p.queries) {
      unsigned short* to = tiles + 2 * SIZE * (1 - buffer);
      copyTile<TILE, D>(to, q, ofQueries, D, next, p.queries);
      copyTile<TILE, D>(to + SIZE, dOut, ofQueries, D, next, p.queries);
      copySums(numbers + 3 * TILE * (1 - buffer), sums, next);
      commitCopies();
    }
    const unsigned short* at = tiles + 2 * SIZE * buffer;
    const float* here = numbers + 3 * TILE * buffer + column;
    buffer = 1 - buffer;
    float s[1][8][4];
    float d[1][8][4];
    clear(s);
    clear(d);
    addRows<T>(s, keys, at + rightLane(lane, LD), LD);
    addRows<T>(d, values, at + SIZE + rightLane(lane, LD), LD);
    toScores<true>(s, p, p.causal || p.mask != nullptr, row, query + column);
    gradientsOfColumns(s, d, Sums{here, here + TILE, here + 2 * TILE, 0}, e0, e1);
    addTile<T>(resultV, s, at + SIZE + turnedLane(lane, LD), LD);
    addTile<T>(resultK, d, at + turnedLane(lane, LD), LD);
  }
  float factor[1][2] = {{p.scale, p.scale}};
  float one[1][2] = {{1, 1}};
  storeRows(dk, kToken, first, p.keys, 0, p.dim, resultK, factor, (float*)tiles);
  storeRows(dv, vToken, first, p.keys, 0, p.dim, resultV, one, (float*)tiles);
}

template <class T>
DEVICE void backwardKeysWide(const unsigned short* q, const unsigned short* k,
                             const unsigned short* v, const unsigned short* dOut, Problem p,
                             const float* columnWeights, Sums sums, float* dk, long long kToken,
                             float* dv, long long vToken, unsigned short* tiles) {
  int lane = threadIdx.x & 31;
  int warp = threadIdx.x >> 5;
  int chunks = (p.dim + CHUNK - 1) / CHUNK;
  Slice part = sliceOf(chunks, BACK_CHUNKS);
  int row = part.first + warp * 16 + (lane >> 2);
  int column = 2 * (lane & 3);
  int begin = p.causal ? part.first : 0;
  Stages<Packed> stages = {{}, k, q, v, dOut, dOut, q, 2, chunks, part.slice, part.outs,
                   2, part.first, p.keys, begin, p.queries, 0, 0, tiles, 0, sums};
  stages.prepare(p.queries);
  float e0 = columnWeight(columnWeights, row, p.keys);
  float e1 = columnWeight(columnWeights, row + 8, p.keys);
  float resultK[BACK_CHUNKS][1][8][4];
  float resultV[BACK_CHUNKS][1][8][4];
#pragma unroll
  for (int c = 0; c < BACK_CHUNKS; c++) {
    clear(resultK[c]);
    clear(resultV[c]);
  }
  for (int query = begin; query < p.queries; query += TILE) {
    float s[1][8][4];
    float d[1][8][4];
    stages.products<T>(s, lane, warp);
    stages.products<T>(d, lane, warp);
    toScores<true>(s, p, p.causal || p.mask != nullptr, row, query + column);
    const float* here = stages.numbers((query - begin) / TILE) + column;
    gradientsOfColumns(s, d, Sums{here, here + TILE, here + 2 * TILE, 0}, e0, e1);
    stages.addSlice<T>(resultV, s, lane);
    stages.addSlice<T>(resultK, d, lane);
  }
  float factor[1][2] = {{p.scale, p.scale}};
  float one[1][2] = {{1, 1}};
#pragma unroll
  for (int c = 0; c < BACK_CHUNKS; c++) {
    int value = (part.slice + c) * CHUNK;
    storeRows(dk, kToken, part.first, p.keys, value, p.dim, resultK[c], factor, (float*)tiles);
    storeRows(dv, vToken, part.first, p.keys, value, p.dim, resultV[c], one, (float*)tiles);
  }
}

// Grid: tiles (times slices) x batch · heads.
#define KERNEL(family, name, W, QUERIES, KEYS)                                                     \
  extern "C" __global__ void __launch_bounds__(THREADS, 2) family##_queries_##name(                \
      const unsigned short* q, const unsigned short* k, const unsigned short* v,                   \
      const unsigned short* dOut, const float* mask, const float* columnWeights,                   \
      const float* lse, const float* corrections, const float* gradients, float* dq, int width,    \
      SIZES, STRIDES(dq), STRIDES(mask)) {                                                         \
    __shared__ unsigned short tiles[4 * TILE * (W + 8)] __attribute__((aligned(16)));              \
    QUERIES(q, k, v, dOut, PROBLEM,  \
            OF_BATCH(columnWeights, keys), SUMS, OF_HEAD(dq), dqToken, tiles);                     \
  }                                                                                                \
  extern "C" __global__ void __launch_bounds__(THREADS, 2) family##_keys_##name(                   \
      const unsigned short* q, const unsigned short* k, const unsigned short* v,                   \
      const unsigned short* dOut, const float* mask, const float* columnWeights,                   \
      const float* lse, const float* corrections, const float* gradients, float* dk, float* dv,    \
      int width, SIZES, STRIDES(dk), STRIDES(dv), STRIDES(mask)) {                                 \
    __shared__ unsigned short tiles[4 * TILE * (W + 8) + NUMBERS] __attribute__((aligned(16)));    \
    KEYS(q, k, v, dOut, PROBLEM,     \
         OF_BATCH(columnWeights, keys), SUMS, OF_HEAD(dk), dkToken, OF_HEAD(dv), dvToken,          \
         tiles);                                                                                   \
  }
#define KERNELS(family, T)                                                                         \
  KERNEL(family, 48, 48, (backwardQueries<T, 48>), (backwardKeys<T, 48>))                          \
  KERNEL(family, 64, 64, (backwardQueries<T, 64>), (backwardKeys<T, 64>))                          \
  KERNEL(family, 80, 80, (backwardQueries<T, 80>), (backwardKeys<T, 80>))                          \
  KERNEL(family, wide, CHUNK, backwardQueriesWide<T>, backwardKeysWide<T>)
