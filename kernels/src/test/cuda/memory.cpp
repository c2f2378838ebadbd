// Device memory on the host: fresh memory is full of NaNs, blocks have guards on both sides, and
// released ones are kept for a while to see whether somebody still writes them.
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>

#include "emulated.h"

namespace emulated {

namespace {

constexpr size_t GUARD = 256;
constexpr size_t KEPT = 16 << 20;
constexpr unsigned char GUARD_BYTE = 0xa5;
constexpr unsigned char FRESH_BYTE = 0xff;  // NaN as float, half and bfloat16; −1 as an integer
constexpr unsigned char GONE_BYTE = 0xfe;

struct Block {
  unsigned char* raw;
  size_t bytes;

  unsigned char* start() const { return raw + GUARD; }
};

std::map<uint64_t, Block> blocks;
std::deque<Block> gone;
size_t used;
size_t goneBytes;
size_t total = (size_t)8 << 30;
std::string firstReport;

bool filled(const unsigned char* at, size_t bytes, unsigned char with) {
  for (size_t i = 0; i < bytes; i++) {
    if (at[i] != with) return false;
  }
  return true;
}

std::string describe(const Block& b) { return "a block of " + std::to_string(b.bytes) + " bytes"; }

int checkGuards(const Block& b) {
  if (!filled(b.raw, GUARD, GUARD_BYTE)) {
    return fail(ILLEGAL_ADDRESS, "written before the start of " + describe(b));
  }
  if (!filled(b.start() + b.bytes, GUARD, GUARD_BYTE)) {
    return fail(ILLEGAL_ADDRESS, "written past the end of " + describe(b));
  }
  return SUCCESS;
}

int checkGone(const Block& b) {
  if (!filled(b.start(), b.bytes, GONE_BYTE)) {
    return fail(ILLEGAL_ADDRESS, "written after its release: " + describe(b));
  }
  return checkGuards(b);
}

int forgetOldest() {
  Block b = gone.front();
  gone.pop_front();
  goneBytes -= b.bytes;
  int result = checkGone(b);
  free(b.raw);
  return result;
}

}  // namespace

void report(const std::string& message) {
  if (firstReport.empty()) firstReport = message;
}

int allocate(uint64_t* address, size_t bytes) {
  if (bytes == 0) return INVALID_VALUE;
  if (bytes > total - used) return OUT_OF_MEMORY;
  size_t whole = (bytes + 2 * GUARD + 255) & ~(size_t)255;
  Block b = {(unsigned char*)aligned_alloc(256, whole), bytes};
  if (b.raw == nullptr) return OUT_OF_MEMORY;
  memset(b.raw, GUARD_BYTE, whole);
  memset(b.start(), FRESH_BYTE, bytes);
  *address = (uint64_t)b.start();
  blocks[*address] = b;
  used += bytes;
  return SUCCESS;
}

int release(uint64_t address) {
  auto at = blocks.find(address);
  if (at == blocks.end()) {
    report("released what was not allocated, or twice");
    return INVALID_VALUE;
  }
  Block b = at->second;
  blocks.erase(at);
  used -= b.bytes;
  int result = checkGuards(b);
  memset(b.start(), GONE_BYTE, b.bytes);
  gone.push_back(b);
  goneBytes += b.bytes;
  while (goneBytes > KEPT) {
    int old = forgetOldest();
    if (result == SUCCESS) result = old;
  }
  return result;
}

bool contains(uint64_t address, size_t bytes) {
  auto after = blocks.upper_bound(address);
  if (after == blocks.begin()) return false;
  const auto& at = *--after;
  return address + bytes <= at.first + at.second.bytes;
}

int checkMemory() {
  for (const auto& at : blocks) {
    if (int result = checkGuards(at.second)) return result;
  }
  for (const Block& b : gone) {
    if (int result = checkGone(b)) return result;
  }
  return SUCCESS;
}

size_t usedBytes() { return used; }

size_t totalBytes() { return total; }

}  // namespace emulated

// What tests steer the device with, beside the driver's own interface.

// Copies the first message since the last reset; returns its length.
EMULATED_API emulatedReport(char* text, int bytes) {
  std::lock_guard<std::recursive_mutex> guard(emulated::lock());
  int length = (int)emulated::firstReport.size();
  if (bytes > 0) {
    strncpy(text, emulated::firstReport.c_str(), bytes - 1);
    text[bytes - 1] = 0;
  }
  return length;
}

EMULATED_API emulatedClearReport() {
  std::lock_guard<std::recursive_mutex> guard(emulated::lock());
  emulated::firstReport.clear();
  while (!emulated::gone.empty()) emulated::forgetOldest();
  emulated::firstReport.clear();
  return 0;
}

EMULATED_API emulatedBlocks() {
  std::lock_guard<std::recursive_mutex> guard(emulated::lock());
  return (int)emulated::blocks.size();
}

EMULATED_API emulatedSetTotalBytes(long long bytes) {
  std::lock_guard<std::recursive_mutex> guard(emulated::lock());
  emulated::total = (size_t)bytes;
  return 0;
}

// 0 forward, 1 reversed, 2 random by seed.
EMULATED_API emulatedSetOrder(int order, long long seed) {
  std::lock_guard<std::recursive_mutex> guard(emulated::lock());
  emulated::setOrder((emulated::Order)order, (uint64_t)seed);
  return 0;
}
