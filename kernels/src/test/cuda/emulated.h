// The emulated CUDA device, a fixture of the tests: what its parts know of each other.
//
// Device memory is host memory (memory.cpp); a stream keeps its operations until somebody waits for
// it (streams.cpp), so that a forgotten wait reads what is not there yet; a launch runs one block
// after the other, the threads of a block as fibers in a chosen order (blocks.cpp). driver.cpp,
// cublas.cpp and cudnn.cpp are the interfaces that programs see. One lock is held in every call.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

namespace emulated {

#pragma GCC visibility push(default)

// CUDA's result codes, as far as they are returned.
enum Result : int {
  SUCCESS = 0,
  INVALID_VALUE = 1,
  OUT_OF_MEMORY = 2,
  NOT_INITIALIZED = 3,
  NO_DEVICE = 100,
  INVALID_DEVICE = 101,
  INVALID_IMAGE = 200,
  INVALID_CONTEXT = 201,
  INVALID_HANDLE = 400,
  NOT_FOUND = 500,
  NOT_READY = 600,
  ILLEGAL_ADDRESS = 700,
  LAUNCH_OUT_OF_RESOURCES = 701,
  LAUNCH_FAILED = 719,
  CAPTURE_UNSUPPORTED = 900,
};

struct Index {
  unsigned x, y, z;
};

// Lanes that exchange values: each writes its slot, all meet, each reads. Two sets of slots in
// turns, so that one meeting an exchange is enough.
struct Warp {
  unsigned arrived, size;
  alignas(16) uint64_t slot[2][32];
  alignas(16) unsigned char scratch[2][32 * 64];
};

struct Thread {
  Index thread, blockDim, gridDim;
  unsigned number, lane, turn;
  Warp* warp;
};

extern Thread* current;
extern Index block;

// Waits for all threads of the block, of the warp.
void meetBlock();
void meetWarp();
unsigned char* dynamicShared();

// A kernel that was compiled for the host.
struct Kernel {
  const char* name;
  void* function;
  void (*call)(void* function, void** arguments);
  size_t count;
  const size_t* sizes;
  // the library's block-shared variables, poisoned before each block
  char* shared;
  char* sharedEnd;
  Kernel* next;
};

void add(Kernel* kernel);
Kernel* find(const char* name);

// Runs a launch now. False: a barrier can never be passed; the message is set.
bool launch(Kernel* kernel, void** arguments, Index grid, Index block, size_t dynamicBytes);

enum class Order { FORWARD, REVERSED, RANDOM };
void setOrder(Order order, uint64_t seed);

// Says what went wrong, for the tests; the first message since the last reset is kept.
void report(const std::string& message);

// Whether a run of bytes lies within one block of device memory that is in use.
bool contains(uint64_t address, size_t bytes);
int allocate(uint64_t* address, size_t bytes);
int release(uint64_t address);
// Looks at the guards round all blocks, and at released memory that is still kept.
int checkMemory();
size_t usedBytes();
size_t totalBytes();

// Puts an operation at the end of a stream (null: the default stream), or into the graph that the
// stream records. It runs when somebody waits, and holds the lock then.
int enqueue(void* stream, std::function<int()> operation);

std::recursive_mutex& lock();

// The device's sticky error: everything fails until the context is reset.
int failed();
int fail(int code, const std::string& message);

#pragma GCC visibility pop

}  // namespace emulated

// The stand-in interfaces are C functions with the public names.
#define EMULATED_API extern "C" __attribute__((visibility("default"))) int
