// Moving numbers: strided copies with conversion, and by index.
#include "storage.cuh"

// Whole numbers of a type.
DEVICE long long loadWhole(const void* p, int type, long long i) {
  if (type == I32) return ((const int*)p)[i];
  if (type == I64) return ((const long long*)p)[i];
  return ((const unsigned char*)p)[i];
}

// Cut toward zero, kept to the range; not a number is 0: as Java does.
DEVICE long long toWhole(float x, float low, float high, long long least, long long most) {
  if (isNan(x)) return 0;
  if (x <= low) return least;
  if (x >= high) return most;
  return (long long)x;
}

DEVICE void storeFloat(void* p, int type, long long i, float x) {
  switch (type) {
    case F32: ((float*)p)[i] = x; break;
    case BF16: ((unsigned short*)p)[i] = floatToBf16(x); break;
    case F16: ((unsigned short*)p)[i] = floatToHalf(x); break;
    case I32:
      ((int*)p)[i] = (int)toWhole(x, -2147483648.0f, 2147483648.0f, -2147483648LL, 2147483647LL);
      break;
    case I64:
      ((long long*)p)[i] = toWhole(x, -9223372036854775808.0f, 9223372036854775808.0f,
                                   -9223372036854775807LL - 1, 9223372036854775807LL);
      break;
    default: ((unsigned char*)p)[i] = (unsigned char)toWhole(x, 0, 255, 0, 255);
  }
}

DEVICE void storeWhole(void* p, int type, long long i, long long x) {
  switch (type) {
    case I32: ((int*)p)[i] = (int)x; break;
    case I64: ((long long*)p)[i] = x; break;
    case U8: ((unsigned char*)p)[i] = (unsigned char)x; break;
    default: storeFloat(p, type, i, (float)x);
  }
}

// What of a copy: numbers of one type by their bytes (1, 2, 4, 8; 16: vectors), 0 with conversion, -1 added.
extern "C" __global__ void copy_strided(int what, int from, int to, long long n,
                                        EIGHT(long long, size), EIGHT(long long, a),
                                        EIGHT(long long, b), const void* source, void* target) {
  const long long size[8] = LIST(size), a[8] = LIST(a), b[8] = LIST(b);
  for (long long i = threadNumber(); i < n; i += threadCount()) {
    long long rest = i, s = 0, t = 0;
#pragma unroll
    for (int d = 7; d >= 0; d--) {
      if (size[d] == 1) continue;
      bool small = (unsigned long long)(rest | size[d]) >> 31 == 0;
      long long whole = small ? (int)rest / (int)size[d] : rest / size[d];
      long long index = rest - whole * size[d];
      s += index * a[d];
      t += index * b[d];
      rest = whole;
    }
    switch (what) {
      case 1: ((unsigned char*)target)[t] = ((const unsigned char*)source)[s]; break;
      case 2: ((unsigned short*)target)[t] = ((const unsigned short*)source)[s]; break;
      case 4: ((int*)target)[t] = ((const int*)source)[s]; break;
      case 8: ((long long*)target)[t] = ((const long long*)source)[s]; break;
      case 16: ((Vector*)target)[t] = ((const Vector*)source)[s]; break;
      case -1: ((float*)target)[t] += ((const float*)source)[s]; break;
      default:
        if (from <= F16) {
          storeFloat(target, to, t, loadFloat(source, from, s));
        } else {
          storeWhole(target, to, t, loadWhole(source, from, s));
        }
    }
  }
}

// n values of a type: the float for floating-point types, the whole number for the others.
extern "C" __global__ void copy_fill(int type, long long n, float value, long long whole,
                                     void* x) {
  for (long long i = threadNumber(); i < n; i += threadCount()) {
    if (type <= F16) {
      storeFloat(x, type, i, value);
    } else {
      storeWhole(x, type, i, whole);
    }
  }
}

// Notes the first index that is not from 0 to size - 1: operation, its number, itself, size. The
// first fault stays until it is read.
extern "C" __global__ void copy_check(long long n, int size, int operation,
                                      const long long* index, long long* fault) {
  __shared__ long long least[256];
  long long first = 0x7fffffffffffffffLL;
  for (long long i = threadIdx.x; i < n; i += blockDim.x) {
    if ((index[i] < 0 || index[i] >= size) && i < first) first = i;
  }
  least[threadIdx.x] = first;
  __syncthreads();
  if (threadIdx.x == 0 && fault[0] == 0) {
    for (int i = 1; i < (int)blockDim.x; i++) first = minL(first, least[i]);
    if (first == 0x7fffffffffffffffLL) return;
    fault[0] = operation;
    fault[1] = first;
    fault[2] = index[first];
    fault[3] = size;
  }
}

// y[o, i, j] = x[o, index[i], j], or x[o, index[o, i, j], j] where each element has its index.
extern "C" __global__ void copy_select(long long n, int size, int count, long long inner,
                                       int each, int type, const void* x, const long long* index,
                                       float* y) {
  for (long long k = threadNumber(); k < n; k += threadCount()) {
    long long j = k % inner;
    long long row = k / inner;  // o · count + i
    long long o = row / count;
    long long at = index[each ? k : row - o * count];
    bool inside = at >= 0 && at < size;
    y[k] = inside ? loadFloat(x, type, (o * size + at) * inner + j) : INFINITE - INFINITE;
  }
}

// x[o, index, j] += y[o, i, j], in order of i: a thread has a column (o, j) to itself.
extern "C" __global__ void copy_select_add(long long columns, int size, int count, long long inner,
                                           int each, const float* y, const long long* index,
                                           float* x) {
  for (long long c = threadNumber(); c < columns; c += threadCount()) {
    long long o = c / inner, j = c % inner;
    for (int i = 0; i < count; i++) {
      long long k = (o * count + i) * inner + j;
      long long at = index[each ? k : i];
      if (at >= 0 && at < size) x[(o * size + at) * inner + j] += y[k];
    }
  }
}
