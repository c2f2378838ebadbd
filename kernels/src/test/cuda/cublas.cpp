// libcublas.so.12 of the emulated device: products of column-major matrices in plain loops, in the
// order of their stream.
#include <cstring>
#include <vector>

#include "emulated.h"
#include "values.h"

using namespace emulated;

namespace {

constexpr int SUCCESS_STATUS = 0, BAD_VALUE = 7, NOT_SUPPORTED = 15, EXECUTION_FAILED = 13;

struct Context {
  void* stream = nullptr;
};

struct Matrix {
  uint64_t at;
  int type;
  int leading;
  long long step;  // elements from one of a batch to the next

  uint64_t element(int batch, size_t index) const {
    return at + (batch * step + (long long)index) * typeBytes(type);
  }
};

// Whether a stored matrix of rows × columns lies in device memory, whole batch.
bool inMemory(const Matrix& m, int batch, int rows, int columns) {
  if (rows == 0 || columns == 0) return true;
  size_t last = (size_t)(columns - 1) * m.leading + rows - 1;
  uint64_t first = m.element(0, 0);
  uint64_t end = m.element(batch - 1, last) + typeBytes(m.type);
  return contains(first, end - first);
}

int multiply(bool turnA, bool turnB, int m, int n, int k, float alpha, Matrix a, Matrix b,
             float beta, Matrix c, int batch) {
  if (!inMemory(a, batch, turnA ? k : m, turnA ? m : k) ||
      !inMemory(b, batch, turnB ? n : k, turnB ? k : n) || !inMemory(c, batch, m, n)) {
    report("cublas: a matrix reaches outside device memory");
    return ILLEGAL_ADDRESS;
  }
  std::vector<float> left((size_t)m * k), right((size_t)k * n);
  std::vector<double> sums(m);
  for (int i = 0; i < batch; i++) {
    for (int row = 0; row < m; row++) {
      for (int p = 0; p < k; p++) {
        size_t at = turnA ? (size_t)row * a.leading + p : (size_t)p * a.leading + row;
        left[(size_t)p * m + row] = load(a.element(i, at), a.type);
      }
    }
    for (int column = 0; column < n; column++) {
      for (int p = 0; p < k; p++) {
        size_t at = turnB ? (size_t)p * b.leading + column : (size_t)column * b.leading + p;
        right[(size_t)column * k + p] = load(b.element(i, at), b.type);
      }
    }
    for (int column = 0; column < n; column++) {
      // all rows at once: sums do not wait for each other; cuBLAS adds parts of K, so that its sums
      // are better than one after the other in binary32 would be
      std::fill(sums.begin(), sums.end(), 0.0);
      for (int p = 0; p < k; p++) {
        float factor = right[(size_t)column * k + p];
        const float* of = left.data() + (size_t)p * m;
        for (int row = 0; row < m; row++) sums[row] += (double)of[row] * factor;
      }
      for (int row = 0; row < m; row++) {
        uint64_t at = c.element(i, (size_t)column * c.leading + row);
        // beta 0 does not read, so that NaNs in fresh memory do not matter
        store(at, c.type, alpha * (float)sums[row] + (beta == 0 ? 0 : beta * load(at, c.type)));
      }
    }
  }
  return SUCCESS;
}

int product(void* handle, int turnA, int turnB, int m, int n, int k, float alpha, Matrix a,
            Matrix b, float beta, Matrix c, int batch) {
  bool types = typeBytes(a.type) != 0 && a.type == b.type && (c.type == 0 || c.type == a.type);
  if (!types) return NOT_SUPPORTED;
  if (m < 0 || n < 0 || k < 0 || batch < 0 || a.leading < std::max(1, turnA ? k : m) ||
      b.leading < std::max(1, turnB ? n : k) || c.leading < std::max(1, m)) {
    return BAD_VALUE;
  }
  if (m == 0 || n == 0 || batch == 0) return SUCCESS_STATUS;
  std::lock_guard<std::recursive_mutex> guard(lock());
  int result = enqueue(((Context*)handle)->stream, [=]() -> int {
    return multiply(turnA != 0, turnB != 0, m, n, k, alpha, a, b, beta, c, batch);
  });
  return result == SUCCESS ? SUCCESS_STATUS : EXECUTION_FAILED;
}

}  // namespace

EMULATED_API cublasCreate_v2(void** handle) {
  *handle = new Context;
  return SUCCESS_STATUS;
}
EMULATED_API cublasDestroy_v2(void* handle) {
  delete (Context*)handle;
  return SUCCESS_STATUS;
}
EMULATED_API cublasGetVersion_v2(void*, int* version) {
  *version = 120600;
  return SUCCESS_STATUS;
}
EMULATED_API cublasSetStream_v2(void* handle, void* stream) {
  ((Context*)handle)->stream = stream;
  return SUCCESS_STATUS;
}
EMULATED_API cublasSetMathMode(void*, int) { return SUCCESS_STATUS; }
EMULATED_API cublasSetPointerMode_v2(void*, int mode) {
  return mode == 0 ? SUCCESS_STATUS : NOT_SUPPORTED;
}
EMULATED_API cublasSetWorkspace_v2(void*, void*, size_t) { return SUCCESS_STATUS; }
EMULATED_API cublasSgemm_v2(void* handle, int turnA, int turnB, int m, int n, int k,
                            const float* alpha, uint64_t a, int lda, uint64_t b, int ldb,
                            const float* beta, uint64_t c, int ldc) {
  return product(handle, turnA, turnB, m, n, k, *alpha, {a, 0, lda, 0}, {b, 0, ldb, 0}, *beta,
                 {c, 0, ldc, 0}, 1);
}
EMULATED_API cublasGemmEx(void* handle, int turnA, int turnB, int m, int n, int k,
                          const float* alpha, uint64_t a, int typeA, int lda, uint64_t b, int typeB,
                          int ldb, const float* beta, uint64_t c, int typeC, int ldc, int compute,
                          int) {
  if (compute < 68 || compute > 77) return NOT_SUPPORTED;  // the f32 kinds, TF32 included
  return product(handle, turnA, turnB, m, n, k, *alpha, {a, typeA, lda, 0}, {b, typeB, ldb, 0},
                 *beta, {c, typeC, ldc, 0}, 1);
}
EMULATED_API cublasGemmStridedBatchedEx(void* handle, int turnA, int turnB, int m, int n, int k,
                                        const float* alpha, uint64_t a, int typeA, int lda,
                                        long long stepA, uint64_t b, int typeB, int ldb,
                                        long long stepB, const float* beta, uint64_t c, int typeC,
                                        int ldc, long long stepC, int batch, int compute, int) {
  if (compute < 68 || compute > 77) return NOT_SUPPORTED;
  return product(handle, turnA, turnB, m, n, k, *alpha, {a, typeA, lda, stepA},
                 {b, typeB, ldb, stepB}, *beta, {c, typeC, ldc, stepC}, batch);
}
