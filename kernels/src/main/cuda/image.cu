// What pictures need beyond convolutions.
#include "viridian.cuh"

// ImageKernels.Border, in its order.
enum Border { ZERO, REFLECT, REPLICATE };

// Where index i, at most one outside, takes its value from; -1 for a zero.
DEVICE int beyond(int i, int size, int border) {
  if (i >= 0 && i < size) return i;
  if (border == ZERO) return -1;
  if (border == REFLECT) return i < 0 ? 1 : size - 2;
  return i < 0 ? 0 : size - 1;
}

// The two factors of the filters, at -1, 0 and 1.
DEVICE float smooth(int a) { return a == 0 ? 2 : 1; }
DEVICE float slope(int a) { return (float)a; }

extern "C" __global__ void image_sobel(long long count, int h, int w, int c, int border,
                                       const float* x, float* sx, float* sy) {
  for (long long i = threadNumber(); i < count; i += threadCount()) {
    long long map = i;
    int channel = takeOff(&map, c), column = takeOff(&map, w), row = takeOff(&map, h);
    float sumX = 0, sumY = 0;
    for (int a = -1; a <= 1; a++) {
      int fromRow = beyond(row + a, h, border);
      if (fromRow < 0) continue;
      float sloped = 0, smoothed = 0;
      for (int b = -1; b <= 1; b++) {
        int fromColumn = beyond(column + b, w, border);
        if (fromColumn < 0) continue;
        float value = x[((map * h + fromRow) * w + fromColumn) * c + channel];
        sloped += slope(b) * value;
        smoothed += smooth(b) * value;
      }
      sumX += smooth(a) * sloped;
      sumY += slope(a) * smoothed;
    }
    sx[i] = sumX;
    sy[i] = sumY;
  }
}

// By how much place "from" enters the result at place "of", along one axis: smooth and slope.
DEVICE void share(int from, int of, int size, int border, float* smoothed, float* sloped) {
  *smoothed = *sloped = 0;
  for (int a = -1; a <= 1; a++) {
    if (beyond(of + a, size, border) == from) {
      *smoothed += smooth(a);
      *sloped += slope(a);
    }
  }
}

extern "C" __global__ void image_sobel_backward(long long count, int h, int w, int c, int border,
                                                const float* dsx, const float* dsy, float* dx) {
  for (long long i = threadNumber(); i < count; i += threadCount()) {
    long long map = i;
    int channel = takeOff(&map, c), column = takeOff(&map, w), row = takeOff(&map, h);
    float sum = 0;
    for (int r = row > 0 ? row - 1 : 0; r <= row + 1 && r < h; r++) {
      float smoothRow, slopeRow;
      share(row, r, h, border, &smoothRow, &slopeRow);
      for (int s = column > 0 ? column - 1 : 0; s <= column + 1 && s < w; s++) {
        float smoothColumn, slopeColumn;
        share(column, s, w, border, &smoothColumn, &slopeColumn);
        long long at = ((map * h + r) * w + s) * c + channel;
        sum += smoothRow * slopeColumn * dsx[at] + slopeRow * smoothColumn * dsy[at];
      }
    }
    dx[i] = sum;
  }
}

// The nearest centre of each point, the first of equals, and the square of its distance.
extern "C" __global__ void image_assign(int n, int dims, int k, const float* points,
                                        const float* centres, int* assignment, double* distances) {
  for (long long i = threadNumber(); i < n; i += threadCount()) {
    const float* point = points + i * dims;
    double least = INFINITE;
    int nearest = 0;
    for (int j = 0; j < k; j++) {
      const float* centre = centres + (long long)j * dims;
      double distance = 0;
      for (int d = 0; d < dims; d++) {
        // each step rounded: what is equal on the CPU is equal here
        double difference = (double)point[d] - centre[d];
        distance = addD(distance, mulD(difference, difference));
      }
      if (distance < least) {
        least = distance;
        nearest = j;
      }
    }
    assignment[i] = nearest;
    distances[i] = least;
  }
}

// A block for each run of points, a thread for each number: those of a centre are added up in their
// order. sums [runs, k · dims], numbers [runs, k], inertias [runs]
extern "C" __global__ void image_collect(int n, int run, int dims, int k, const float* points,
                                         const int* assignment, const double* distances,
                                         double* sums, int* numbers, double* inertias) {
  long long begin = (long long)blockIdx.x * run, end = minL(begin + run, n);
  long long all = (long long)k * dims;
  for (long long e = threadIdx.x; e < all + k + 1; e += blockDim.x) {
    if (e < all) {
      int centre = (int)(e / dims), d = (int)(e - (long long)centre * dims);
      double sum = 0;
      for (long long i = begin; i < end; i++) {
        if (assignment[i] == centre) sum += points[i * dims + d];
      }
      sums[blockIdx.x * all + e] = sum;
    } else if (e < all + k) {
      int number = 0;
      for (long long i = begin; i < end; i++) number += assignment[i] == e - all;
      numbers[(long long)blockIdx.x * k + e - all] = number;
    } else {
      double inertia = 0;
      for (long long i = begin; i < end; i++) inertia += distances[i];
      inertias[blockIdx.x] = inertia;
    }
  }
}

// counts [k]; inertias[0] becomes the sum of all
extern "C" __global__ void image_count(int runs, int k, const int* numbers, double* inertias,
                                       long long* counts) {
  for (long long j = threadNumber(); j <= k; j += threadCount()) {
    if (j < k) {
      long long count = 0;
      for (int r = 0; r < runs; r++) count += numbers[(long long)r * k + j];
      counts[j] = count;
    } else {
      double inertia = 0;
      for (int r = 0; r < runs; r++) inertia += inertias[r];
      inertias[0] = inertia;
    }
  }
}

// A centre without points stays.
extern "C" __global__ void image_move(int runs, int dims, int k, const double* sums,
                                      const long long* counts, float* centres) {
  long long all = (long long)k * dims;
  for (long long e = threadNumber(); e < all; e += threadCount()) {
    long long count = counts[e / dims];
    if (count == 0) continue;
    double sum = 0;
    for (int r = 0; r < runs; r++) sum += sums[r * all + e];
    centres[e] = (float)(sum / (double)count);
  }
}
