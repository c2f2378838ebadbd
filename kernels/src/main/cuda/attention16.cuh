// Attention on tensor cores: factors of 16 bits (F16 or BF16), sums, softmax and results F32.
//
// Queries, keys and values of F32 are packed first, as gradients are: to 16 bits, each head's tokens in a
// row, values padded with zeros to a width that fragments divide. The forward pass reads activations
// of 16 bits where they lie, if a head's values are whole vectors. Four warps have a tile of queries (or keys) in
// registers, 16 or 32 rows each, and go through the other side in tiles of 64, which come to shared
// memory beside the arithmetic (two buffers). Rows of tiles are 16 bytes longer than their values,
// so that the eight rows of a matrix lie in different banks. Scores, weights and their gradients
// never leave registers: the layout of sums is that of left factors.
//
// Heads of up to 48, 64 and 80 values have kernels of their own. Wider ones, up to 512, go through
// their values 64 at a time, and a block has a slice of the result; its scores are computed for each
// slice again.
//
// Scores are in powers of 2: exp(x) = 2^(x log2 e). Formulas and layouts: AttentionKernels,
// AttentionProblem.
#pragma once
#include "matrix.cuh"

#define TILE 64
#define THREADS 128
#define LOG2E 1.44269504f
#define LN2 0.693147181f
#define NEVER (-3e38f)
// Of a wide head: values at a time, chunks of the result that a block has.
#define CHUNK 64
#define OUT_CHUNKS 3
#define BACK_CHUNKS 2
// Room behind the tiles for the sums of two tiles of queries.
#define NUMBERS (2 * 2 * 3 * TILE)

struct Problem {
  int queries, keys, dim;
  float scale;
  int causal;
  const float* mask;
  long long maskToken;
};

// One past the last key that queries before `end` see.
DEVICE int keysOf(Problem p, int end) { return p.causal && end < p.keys ? end : p.keys; }

// Where the block's head begins in a packed tensor.
DEVICE long long placeOf(int tokens, int width) { return (long long)blockIdx.y * tokens * width; }

// Turing, whose copies go through registers, has none left for several at once.
#if HAS_BRAIN
#define COPIES_UNROLLED _Pragma("unroll")
#else
#define COPIES_UNROLLED
#endif

// W values of ROWS tokens of a head from `first` on, of which there are `values`, a multiple of
// eight; zeros beyond them and beyond the last token. `token` is from one token to the next.
template <int ROWS, int W, class Step>
DEVICE void copyValues(unsigned short* to, const unsigned short* from, long long place, Step token,
                       int values, int first, int tokens) {
  constexpr int PARTS = W / 8;                // of 16 bytes a row
  constexpr int AT_ONCE = THREADS / PARTS;    // rows
  int thread = again(threadIdx.x);
  int row = thread / PARTS;
  int value = 8 * (thread % PARTS);
  if (AT_ONCE * PARTS < THREADS && row >= AT_ONCE) return;
  const unsigned short* at = from + place + (long long)(first + row) * token + value;
  long long step = (long long)AT_ONCE * token;
  int left = value < values ? minI(tokens - first, ROWS) : 0;
  to += row * (W + 8) + value;
  COPIES_UNROLLED
  for (int i = 0; i < (ROWS + AT_ONCE - 1) / AT_ONCE; i++) {
    if ((i + 1) * AT_ONCE <= ROWS || row + i * AT_ONCE < ROWS) {
      // what is not there is not read, wherever it were
      copyAsync(to + i * AT_ONCE * (W + 8), at, row + i * AT_ONCE < left);
    }
    at += step;
  }
}

// All W values of packed tokens.
template <int ROWS, int W>
DEVICE void copyTile(unsigned short* to, const unsigned short* from, long long place, int width,
                     int first, int tokens) {
  copyValues<ROWS, W>(to, from, place, width, W, first, tokens);
}

// The left factors of a warp's rows.
template <int M, int K>
DEVICE void loadLeft(unsigned (&left)[M][K][4], const unsigned short* tile, int stride) {
#pragma unroll
  for (int m = 0; m < M; m++) {
#pragma unroll
    for (int k = 0; k < K; k++) loadMatrices(left[m][k], tile + m * 16 * stride + k * 16);
  }
}

// sums += left · tileᵀ: products with 64 rows. The tile's address is the lane's (rightLane).
template <class T, int M, int K>
DEVICE void addRows(float (&sums)[M][8][4], const unsigned (&left)[M][K][4],
                    const unsigned short* tile, int stride) {
#pragma unroll
  for (int j = 0; j < 4; j++) {
#pragma unroll
    for (int k = 0; k < K; k++) {
      unsigned b[4];
      loadMatrices(b, tile + j * 16 * stride + k * 16);
#pragma unroll
      for (int m = 0; m < M; m++) {
        mma(sums[m][2 * j], left[m][k], b[0], b[1], T());
        mma(sums[m][2 * j + 1], left[m][k], b[2], b[3], T());
      }
    }
  }
}

// Sums of a product as the left factor of the next one: sixteen of its columns.
template <class T, int M>
DEVICE void packLeft(unsigned (&left)[M][4], const float (&weights)[M][8][4], int k) {
#pragma unroll
  for (int i = 0; i < 4 * M; i++) {
    const float(&from)[4] = weights[i >> 2][2 * k + (i >> 1 & 1)];
    left[i >> 2][i & 3] = pack(from[2 * (i & 1)], from[2 * (i & 1) + 1], T());
  }
}

// sums += left · sixteen rows of a tile, for N columns of eight.
template <class T, int M, int N>
DEVICE void addSixteen(float (&sums)[M][N][4], const unsigned (&left)[M][4],
                       const unsigned short* tile) {
#pragma unroll
  for (int j = 0; j < N / 2; j++) {
    unsigned b[4];
    loadTurned(b, tile + j * 16);
#pragma unroll
    for (int m = 0; m < M; m++) {
      mma(sums[m][2 * j], left[m], b[0], b[1], T());
      mma(sums[m][2 * j + 1], left[m], b[2], b[3], T());
    }
  }
}

// sums += weights · tile; the weights are sums of a product before. The tile's address is the
// lane's (turnedLane).
template <class T, int M, int N>
DEVICE void addTile(float (&sums)[M][N][4], const float (&weights)[M][8][4],
                    const unsigned short* tile, int stride) {
#pragma unroll
  for (int k = 0; k < 4; k++) {
    unsigned left[M][4];
    packLeft<T>(left, weights, k);
    addSixteen<T>(sums, left, tile + k * 16 * stride);
  }
}

// Scores from products: scaled, and masked where `edge` says that some of the tile may not be.
// Rows are queries and columns keys, or the other way round when turned: then rows that are not
// there are left out by those who store, and columns by their log-sum-exp.
template <bool TURNED, int M>
DEVICE void toScores(float (&s)[M][8][4], Problem p, bool edge, int row, int column) {
  float scale = p.scale * LOG2E;
#pragma unroll
  for (int i = 0; i < M * 32; i++) s[i >> 5][i >> 2 & 7][i & 3] *= scale;
  if (!edge) return;
  row = again(row);
  if (p.mask != nullptr) {
#pragma unroll
    for (int r = 0; r < 2 * M; r++) {
      int left = row + 8 * r;
      const float* line = p.mask + (TURNED ? minI(left, p.keys - 1)
                                           : minI(left, p.queries - 1) * p.maskToken);
#pragma unroll
      for (int c = 0; c < 16; c++) {
        int right = column + 8 * (c >> 1) + (c & 1);
        long long at = TURNED ? minI(right, p.queries - 1) * p.maskToken : minI(right, p.keys - 1);
        s[r >> 1][c >> 1][2 * (r & 1) + (c & 1)] += LOG2E * line[at];
      }
    }
  }
#pragma unroll
  for (int r = 0; r < 2 * M; r++) {
    int left = row + 8 * r;
    int limit = p.causal ? (TURNED ? left : minI(left + 1, p.keys)) : TURNED ? 0 : p.keys;
    limit -= column;
#pragma unroll
    for (int c = 0; c < 16; c++) {
      float& score = s[r >> 1][c >> 1][2 * (r & 1) + (c & 1)];
      int at = 8 * (c >> 1) + (c & 1);
      if (TURNED ? at < limit : at >= limit) score = -INFINITE;
    }
  }
}

template <int M, int N>
DEVICE void clear(float (&sums)[M][N][4]) {
#pragma unroll
  for (int i = 0; i < M * N * 4; i++) sums[i / (4 * N)][i / 4 % N][i & 3] = 0;
}

// to[first + row, value + column] = factor · sums for the block's rows: through shared memory, so
// that whole lines are written. `lines` is the start of the tiles, which nobody needs any more.
template <class To, int M, int N>
DEVICE void storeRows(To* to, long long token, int first, int tokens, int value, int dim,
                      const float (&sums)[M][N][4], const float (&factor)[M][2], float* lines) {
  constexpr int LD = 8 * N + 8;
  int lane = threadIdx.x & 31;
  int row = (threadIdx.x >> 5) * 16 * M + (lane >> 2);
  __syncthreads();
#pragma unroll
  for (int i = 0; i < M * N * 2; i++) {
    int m = i / (2 * N);
    int n = i / 2 % N;
    int h = i & 1;
    float* at = lines + (row + 16 * m + 8 * h) * LD + 8 * n + 2 * (lane & 3);
    at[0] = factor[m][h] * sums[m][n][2 * h];
    at[1] = factor[m][h] * sums[m][n][2 * h + 1];
  }
  __syncthreads();
  int width = dim - value < 8 * N ? dim - value : 8 * N;
  for (int i = threadIdx.x; i < TILE * M * 8 * N; i += THREADS) {
    int r = i / (8 * N);
    int c = i % (8 * N);
    if (first + r < tokens && c < width) {
      put(to + (first + r) * token + value + c, lines[r * LD + c]);
    }
  }
}

// Of each query, padded to whole tiles: log2 e times the log-sum-exp (infinite where there is no
// weight), what the softmax takes off, the gradient of the column over the heads.
struct Sums {
  const float *lse, *correction, *gradient;
  long long place;  // of the block's head
};

// The sums of a tile of queries, to shared memory.
DEVICE void copySums(float* to, Sums sums, int first) {
  int i = again(threadIdx.x);
  if (i < 3 * TILE / 4) {
    int which = i / (TILE / 4);
    const float* from = which == 0 ? sums.lse : which == 1 ? sums.correction : sums.gradient;
    copyAsync(to + 4 * i, from + (sums.place + first + 4 * (i % (TILE / 4))), true);
  }
}

// ---- wide heads: a tile is worked on in stages, of which the next is copied meanwhile

// Packed tensors, a head's tokens in a row: where the block's head begins, from one token to the next,
// and how many values there are from one on.
struct Packed {
  METHOD long long place(int tokens, int width) const { return placeOf(tokens, width); }
  METHOD int token(int width, int) const { return width; }
  METHOD int left(int) const { return CHUNK; }
};

// Tensors by their strides, which begin with the block's head.
struct Strided {
  long long fixedToken, movingToken, resultToken;
  int values;
  METHOD long long place(int, int) const { return 0; }
  METHOD long long token(int, int which) const {
    return which == 0 ? fixedToken : which == 1 ? movingToken : resultToken;
  }
  METHOD int left(int value) const { return values - value; }
};

// First the chunks of one or two pairs of a fixed and a moving tile, whose products are summed up;
// then the chunks of the block's slice of one or two moving tiles.
template <class Layout>
struct Stages {
  Layout layout;
  const unsigned short *fixed, *moving, *fixed2, *moving2;
  const unsigned short *result, *result2;
  int pairs, chunks, slice, outs, results;
  int firstFixed, fixedTokens, begin, movingTokens;
  int count;  // of a tile
  int total;
  unsigned short* tiles;
  int now;
  Sums sums;  // of the moving side, copied with each tile's first stage; none if null

  METHOD void prepare(int end) {
    count = pairs * chunks + results * outs;
    total = end <= begin ? 0 : (end - begin + TILE - 1) / TILE * count;
    now = 0;
    if (total > 0) load(0);
  }

  METHOD unsigned short* buffer(int stage) {
    return tiles + (stage & 1) * 2 * TILE * (CHUNK + 8);
  }

  METHOD float* numbers(int tile) {
    return (float*)(tiles + 4 * TILE * (CHUNK + 8)) + (tile & 1) * 3 * TILE;
  }

  METHOD void load(int stage) {
    int first = begin + stage / count * TILE;
    int s = stage % count;
    int width = chunks * CHUNK;
    unsigned short* to = buffer(stage);
    const unsigned short* source;
    int value, which;
    if (s < pairs * chunks) {
      bool second = s >= chunks;
      int at = (second ? s - chunks : s) * CHUNK;
      copyValues<TILE, CHUNK>(to, second ? fixed2 : fixed, layout.place(fixedTokens, width) + at,
                              layout.token(width, 0), layout.left(at), firstFixed, fixedTokens);
      source = second ? moving2 : moving;
      value = at;
      which = 1;
    } else {
      s -= pairs * chunks;
      bool second = s >= outs;
      source = second ? result2 : result;
      value = (slice + (second ? s - outs : s)) * CHUNK;
      which = 2;
    }
    copyValues<TILE, CHUNK>(to + TILE * (CHUNK + 8), source,
                            layout.place(movingTokens, width) + value, layout.token(width, which),
                            layout.left(value), first, movingTokens);
    if (sums.lse != nullptr && stage % count == 0) copySums(numbers(stage / count), sums, first);
    commitCopies();
  }

  // Waits for this stage and begins to copy the next; the fixed tile, and the moving one behind.
  METHOD const unsigned short* next() {
    waitCopies<0>();
    __syncthreads();
    const unsigned short* here = buffer(now);
    now++;
    if (now < total) load(now);
    return here;
  }

  // s = products of all chunks of a pair
  template <class T>
  METHOD void products(float (&s)[1][8][4], int lane, int warp) {
    constexpr int LD = CHUNK + 8;
    clear(s);
    for (int c = 0; c < chunks; c++) {
      const unsigned short* at = next();
      unsigned left[1][CHUNK / 16][4];
      loadLeft(left, at + warp * 16 * LD + leftLane(lane, LD), LD);
      addRows<T>(s, left, at + TILE * LD + rightLane(lane, LD), LD);
    }
  }

  // sums += weights · the slice of a result's tile
  template <class T, int C>
  METHOD void addSlice(float (&sums)[C][1][8][4], const float (&weights)[1][8][4], int lane) {
    constexpr int LD = CHUNK + 8;
    unsigned left[4][1][4];
#pragma unroll
    for (int k = 0; k < 4; k++) packLeft<T>(left[k], weights, k);
#pragma unroll
    for (int c = 0; c < C; c++) {
      if (c < outs) {
        const unsigned short* tile = next() + TILE * LD + turnedLane(lane, LD);
#pragma unroll
        for (int k = 0; k < 4; k++) addSixteen<T>(sums[c], left[k], tile + k * 16 * LD);
      }
    }
  }
};

// Which part of the result a block has.
struct Slice {
  int first, slice, outs;
};

DEVICE Slice sliceOf(int chunks, int most) {
  int slices = (chunks + most - 1) / most;
  Slice s;
  s.first = blockIdx.x / slices * TILE;
  s.slice = blockIdx.x % slices * most;
  s.outs = chunks - s.slice < most ? chunks - s.slice : most;
  return s;
}

// ---- what kernels take

#define SIZES int heads, int queries, int keys, int dim, float scale, int causal
#define STRIDES(x) long long x##Batch, long long x##Head, long long x##Token
#define PICTURE ((long long)blockIdx.y / heads)
#define HEAD ((long long)blockIdx.y % heads)
#define OF_HEAD_AT(x) (PICTURE * x##Batch + HEAD * x##Head)
#define OF_HEAD(x) (x + OF_HEAD_AT(x))
#define OF_BATCH(x, count) (x == nullptr ? nullptr : x + PICTURE * (count))
#define ROWS(x) (x == nullptr ? nullptr : x + (long long)blockIdx.y * queries)
#define PROBLEM \
  Problem { queries, keys, dim, scale, causal, mask == nullptr ? nullptr : OF_HEAD(mask), maskToken }
#define PADDED ((long long)blockIdx.y * ((queries + TILE - 1) / TILE * TILE))
#define SUMS \
  Sums { lse, corrections, gradients, PADDED }

