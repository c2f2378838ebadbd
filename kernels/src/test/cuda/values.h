// Numbers of CUDA's data types in memory: CUDA_R_32F, CUDA_R_16F, CUDA_R_16BF.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>

namespace emulated {

constexpr int F32 = 0, F16 = 2, BF16 = 14;

inline size_t typeBytes(int type) {
  return type == F32 ? 4 : type == F16 || type == BF16 ? 2 : 0;
}

inline float load(uint64_t address, int type) {
  if (type == F32) return *(const float*)address;
  uint16_t bits = *(const uint16_t*)address;
  if (type == F16) {
    _Float16 half;
    memcpy(&half, &bits, 2);
    return (float)half;
  }
  uint32_t wide = (uint32_t)bits << 16;
  float value;
  memcpy(&value, &wide, 4);
  return value;
}

inline void store(uint64_t address, int type, float value) {
  if (type == F32) {
    *(float*)address = value;
  } else if (type == F16) {
    _Float16 half = (_Float16)value;
    memcpy((void*)address, &half, 2);
  } else {
    uint32_t wide;
    memcpy(&wide, &value, 4);
    bool nan = (wide & 0x7fffffffu) > 0x7f800000u;
    *(uint16_t*)address =
        (uint16_t)(nan ? 0x7fff : (wide + 0x7fff + ((wide >> 16) & 1)) >> 16);
  }
}

}  // namespace emulated
