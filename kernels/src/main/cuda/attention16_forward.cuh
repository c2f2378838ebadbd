// Attention on tensor cores, forward.
#pragma once
#include "attention16.cuh"

// How far scores may be beyond the reference, whose weight is 1, before it is moved: F16 has room for
// weights of 2^15, and what is lost at its other end is 2^-24 of the greatest at most.
#define LAG 4.0f

// What a lane knows of its rows: the score whose weight is 1, sum of weights, weighted sum of the
// column.
template <int M>
struct Rows {
  float most[M][2], total[M][2], column[M][2];

  METHOD void begin() {
#pragma unroll
    for (int i = 0; i < 2 * M; i++) {
      most[i >> 1][i & 1] = NEVER;
      total[i >> 1][i & 1] = column[i >> 1][i & 1] = 0;
    }
  }

  // Scores, still to be multiplied with `scale`, to weights. A weight is
  // 2^(score - most); most follows the greatest score only where that is LAG beyond it, so that earlier sums seldom
  // have to be multiplied: then the result is true, and shrink has the factors.
  METHOD bool weigh(float (&s)[M][8][4], float scale, float (&shrink)[M][2],
                    const float* columnWeights, int key, int keys) {
    bool moved = false;
#pragma unroll
    for (int i = 0; i < 2 * M; i++) {
      float(&tile)[8][4] = s[i >> 1];
      int h = 2 * (i & 1);
      float& reference = most[i >> 1][i & 1];
      float top = NEVER;
#pragma unroll
      for (int n = 0; n < 8; n++) top = greater(top, greater(tile[n][h], tile[n][h + 1]));
      top = greater(top, __shfl_xor_sync(ALL_LANES, top, 1));
      top = greater(top, __shfl_xor_sync(ALL_LANES, top, 2)) * scale;
      bool beyond = top > reference + LAG;
      float old = beyond ? weightOf(reference - top) : 1.0f;
      reference = beyond ? top : reference;
      moved |= beyond;
      float sum = 0;
#pragma unroll
      for (int n = 0; n < 8; n++) {
        tile[n][h] = weightOf(fmaF(tile[n][h], scale, -reference));
        tile[n][h + 1] = weightOf(fmaF(tile[n][h + 1], scale, -reference));
        sum += tile[n][h] + tile[n][h + 1];
      }
      total[i >> 1][i & 1] = fmaF(total[i >> 1][i & 1], old, sum);
      column[i >> 1][i & 1] *= old;
      shrink[i >> 1][i & 1] = old;
    }
    addColumn(s, columnWeights, key, keys);
    return __any_sync(ALL_LANES, moved);
  }

  METHOD void addColumn(const float (&s)[M][8][4], const float* columnWeights, int key, int keys) {
    if (columnWeights == nullptr) return;
#pragma unroll
    for (int n = 0; n < 16; n++) {
      int at = key + 8 * (n >> 1) + (n & 1);
      float e = at < keys ? columnWeights[at] : 0.0f;
#pragma unroll
      for (int i = 0; i < 2 * M; i++) {
        column[i >> 1][i & 1] += s[i >> 1][n >> 1][2 * (i & 1) + (n & 1)] * e;
      }
    }
  }

  // The four lanes of a row have a part each.
  METHOD void end() {
#pragma unroll
    for (int i = 0; i < 2 * M; i++) {
      float& t = total[i >> 1][i & 1];
      float& c = column[i >> 1][i & 1];
      t += __shfl_xor_sync(ALL_LANES, t, 1);
      t += __shfl_xor_sync(ALL_LANES, t, 2);
      c += __shfl_xor_sync(ALL_LANES, c, 1);
      c += __shfl_xor_sync(ALL_LANES, c, 2);
    }
  }

  METHOD void store(float* lse, float* columns, int row, int queries) {
    if ((threadIdx.x & 3) != 0) return;
#pragma unroll
    for (int i = 0; i < 2 * M; i++) {
      int at = row + 16 * (i >> 1) + 8 * (i & 1);
      float t = total[i >> 1][i & 1];
      if (at < queries) {
        if (lse != nullptr) {
          lse[at] = t == 0 ? -INFINITE : LN2 * (most[i >> 1][i & 1] + log2F(t));
        }
        if (columns != nullptr) columns[at] = t == 0 ? 0.0f : column[i >> 1][i & 1] / t;
      }
    }
  }

  METHOD void factors(float (&factor)[M][2]) {
#pragma unroll
    for (int i = 0; i < 2 * M; i++) {
      float t = total[i >> 1][i & 1];
      factor[i >> 1][i & 1] = t == 0 ? 0.0f : 1 / t;
    }
  }
};

template <int M, int N>
DEVICE void shrinkSums(float (&sums)[M][N][4], const float (&shrink)[M][2]) {
#pragma unroll
  for (int i = 0; i < M * N * 4; i++) {
    sums[i / (4 * N)][i / 4 % N][i & 3] *= shrink[i / (4 * N)][i >> 1 & 1];
  }
}

// The factors where the block's head begins, from one token to the next, and how many values of 16
// bits a head has: a multiple of eight.
struct Factors {
  const unsigned short *q, *k, *v;
  long long qToken, kToken, vToken;
  int values;
};

// F32, or 16 bits of the factors' type where activations are that.
struct Result {
  void* at;
  long long token;
  bool narrow;

  template <class T, int M, int N>
  METHOD void store(int first, int tokens, int value, int dim, const float (&sums)[M][N][4],
                    const float (&factor)[M][2], float* lines) {
    if (narrow) {
      storeRows((T*)at, token, first, tokens, value, dim, sums, factor, lines);
    } else {
      storeRows((float*)at, token, first, tokens, value, dim, sums, factor, lines);
    }
  }
};

// Scores from products where some may be masked (the last tile of keys, a mask, causality), or a
// scale turns their order round; else nothing: what is returned is still to be multiplied with.
template <int M>
DEVICE float scores(float (&s)[M][8][4], Problem p, bool last, int row, int column) {
  bool edge = last || p.causal || p.mask != nullptr || p.scale < 0;
  if (!edge) return p.scale * LOG2E;
  toScores<false>(s, p, true, row, column);
  return 1;
}

// Blocks of 64 M queries. out may be null: then only lse and columns are computed.
template <class T, int D, int M>
DEVICE void forward(Factors f, Problem p, const float* columnWeights, Result out, float* lse,
                    float* columns, unsigned short* tiles) {
  constexpr int LD = D + 8;
  constexpr int SIZE = TILE * LD;
  int lane = threadIdx.x & 31;
  int warp = threadIdx.x >> 5;
  int first = blockIdx.x * TILE * M;
  int row = first + warp * 16 * M + (lane >> 2);
  int column = 2 * (lane & 3);
  int end = keysOf(p, first + TILE * M);

  copyValues<TILE * M, D>(tiles + 2 * SIZE, f.q, 0, f.qToken, f.values, first, p.queries);
  commitCopies();
  copyValues<TILE, D>(tiles, f.k, 0, f.kToken, f.values, 0, p.keys);
  if (out.at != nullptr) copyValues<TILE, D>(tiles + SIZE, f.v, 0, f.vToken, f.values, 0, p.keys);
  commitCopies();
  waitCopies<1>();
  __syncthreads();
  unsigned left[M][D / 16][4];
  loadLeft(left, tiles + 2 * SIZE + warp * 16 * M * LD + leftLane(lane, LD), LD);

  Rows<M> rows;
  rows.begin();
  float sums[M][D / 8][4];
  clear(sums);
  int buffer = 0;
  for (int key = 0; key < end; key += TILE) {
    waitCopies<0>();
    __syncthreads();
    int next = key + TILE;
    if (next < end) {
      unsigned short* to = tiles + 2 * SIZE * (1 - buffer);
      copyValues<TILE, D>(to, f.k, 0, f.kToken, f.values, next, p.keys);
      if (out.at != nullptr) copyValues<TILE, D>(to + SIZE, f.v, 0, f.vToken, f.values, next, p.keys);
      commitCopies();
    }
    const unsigned short* at = tiles + 2 * SIZE * buffer;
    buffer = 1 - buffer;
    float s[M][8][4];
    clear(s);
    addRows<T>(s, left, at + rightLane(lane, LD), LD);
    float scale = scores(s, p, next > p.keys, row, key + column);
    float shrink[M][2];
    bool moved = rows.weigh(s, scale, shrink, columnWeights, key + column, p.keys);
    if (out.at != nullptr) {
      if (moved) shrinkSums(sums, shrink);
      addTile<T>(sums, s, at + SIZE + turnedLane(lane, LD), LD);
    }
  }
  rows.end();
  rows.store(lse, columns, row, p.queries);
  if (out.at == nullptr) return;
  float factor[M][2];
  rows.factors(factor);
  out.store<T>(first, p.queries, 0, p.dim, sums, factor, (float*)tiles);
}

template <class T>
DEVICE void forwardWide(Factors f, Problem p, const float* columnWeights, Result out, float* lse,
                        float* columns, unsigned short* tiles) {
  int lane = threadIdx.x & 31;
  int warp = threadIdx.x >> 5;
  int chunks = (p.dim + CHUNK - 1) / CHUNK;
  Slice part = sliceOf(chunks, OUT_CHUNKS);
  int row = part.first + warp * 16 + (lane >> 2);
  int column = 2 * (lane & 3);
  int end = keysOf(p, part.first + TILE);
  Strided layout = {f.qToken, f.kToken, f.vToken, f.values};
  Stages<Strided> stages = {layout, f.q, f.k, nullptr, nullptr, f.v, nullptr, 1, chunks, part.slice,
                            part.outs, out.at == nullptr ? 0 : 1, part.first, p.queries, 0, p.keys,
                            0, 0, tiles, 0, Sums{}};
  stages.prepare(end);
  Rows<1> rows;
  rows.begin();
  float sums[OUT_CHUNKS][1][8][4];
#pragma unroll
  for (int c = 0; c < OUT_CHUNKS; c++) clear(sums[c]);
  for (int key = 0; key < end; key += TILE) {
    float s[1][8][4];
    stages.products<T>(s, lane, warp);
    float scale = scores(s, p, key + TILE > p.keys, row, key + column);
    float shrink[1][2];
    bool moved = rows.weigh(s, scale, shrink, columnWeights, key + column, p.keys);
    if (out.at != nullptr) {
      if (moved) {
#pragma unroll
        for (int c = 0; c < OUT_CHUNKS; c++) shrinkSums(sums[c], shrink);
      }
      stages.addSlice<T>(sums, s, lane);
    }
  }
  rows.end();
  if (part.slice == 0) rows.store(lse, columns, row, p.queries);
  if (out.at == nullptr) return;
  float factor[1][2];
  rows.factors(factor);
#pragma unroll
  for (int c = 0; c < OUT_CHUNKS; c++) {
    out.store<T>(part.first, p.queries, (part.slice + c) * CHUNK, p.dim, sums[c], factor,
                 (float*)tiles);
  }
}

// Grid: tiles (times slices) x batch · heads.
#define KERNEL(family, T, name, W, FORWARD)                                                        \
  extern "C" __global__ void __launch_bounds__(THREADS, 2) family##_forward_##name(                \
      const unsigned short* q, const unsigned short* k, const unsigned short* v,                   \
      const float* mask, const float* columnWeights, void* out, float* lse, float* columns,        \
      int values, int narrow, SIZES, STRIDES(q), STRIDES(k), STRIDES(v), STRIDES(out),             \
      STRIDES(mask)) {                                                                             \
    __shared__ unsigned short tiles[4 * TILE * (W + 8)] __attribute__((aligned(16)));              \
    Factors factors = {OF_HEAD(q), OF_HEAD(k), OF_HEAD(v), qToken, kToken, vToken, values};        \
    void* at = out == nullptr ? nullptr                                                            \
               : narrow       ? (void*)((T*)out + OF_HEAD_AT(out))                                            \
                              : (void*)((float*)out + OF_HEAD_AT(out));                                       \
    Result result = {at, outToken, narrow != 0};                                                   \
    FORWARD(factors, PROBLEM, OF_BATCH(columnWeights, keys), result, ROWS(lse), ROWS(columns),     \
            tiles);                                                                                \
  }
#define KERNELS(family, T)                                                                         \
  KERNEL(family, T, 48, 48, (forward<T, 48, 2>))                                                   \
  KERNEL(family, T, 64, 64, (forward<T, 64, 2>))                                                   \
  KERNEL(family, T, 80, 80, (forward<T, 80, 2>))                                                   \
  KERNEL(family, T, wide, CHUNK, forwardWide<T>)
