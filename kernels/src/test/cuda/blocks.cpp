// Blocks and their threads. A thread runs until it meets a barrier; only then another one takes
// over, on a stack of its own. In which order they come is a choice: what depends on it lacks a
// barrier.
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <random>
#include <vector>

#include "emulated.h"

#if defined(__x86_64__)
// Saves the registers that calls keep, notes the stack in *from and goes on with the one given.
extern "C" void emulatedSwitch(void** from, void* to);
asm(".text\n.globl emulatedSwitch\n.hidden emulatedSwitch\n.type emulatedSwitch,@function\n"
    "emulatedSwitch:\n"
    "push %rbp\npush %rbx\npush %r12\npush %r13\npush %r14\npush %r15\n"
    "mov %rsp,(%rdi)\nmov %rsi,%rsp\n"
    "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbx\npop %rbp\nret\n"
    ".size emulatedSwitch,.-emulatedSwitch\n");
#else
#error "the emulated device switches stacks on x86-64 only"
#endif

namespace emulated {

Thread* current;
Index block;

namespace {

constexpr size_t STACK = 256 << 10;

enum class State : unsigned char { NEW, READY, AT_WARP, AT_BLOCK, DONE };

Kernel* kernels;
Order order = Order::FORWARD;
std::mt19937_64 generator;

// The threads of the block that runs.
struct Threads {
  std::vector<Thread> all;
  std::vector<void*> stack;  // where each stopped
  std::vector<State> state;
  std::vector<unsigned> memory;  // the piece of stack memory that each runs on
  std::vector<unsigned> freeMemory;
  std::vector<Warp> warps;
  std::vector<unsigned> sequence;  // the order in which they come
  std::vector<unsigned> place;     // where each stands in it
  char* stacks = nullptr;
  size_t capacity = 0;
  std::vector<unsigned char> dynamic;
  void* scheduler = nullptr;
  unsigned count = 0, done = 0, arrived = 0;
  Kernel* kernel = nullptr;
  void** arguments = nullptr;

  void prepare(Index grid, Index dim, size_t dynamicBytes);
  bool run(Index index);
  void mix();
  void start(unsigned thread);
  void goOn(unsigned from, void** save);
  void awake(State from, unsigned first, unsigned end);
  [[noreturn]] void body(unsigned thread);
} threads;

[[noreturn]] void entry() { threads.body(current->number); }

void Threads::prepare(Index grid, Index dim, size_t dynamicBytes) {
  count = dim.x * dim.y * dim.z;
  if (count > capacity) {
    if (stacks != nullptr) munmap(stacks, capacity * STACK);
    capacity = count;
    stacks = (char*)mmap(nullptr, capacity * STACK, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  }
  all.resize(count);
  stack.resize(count);
  state.resize(count);
  memory.resize(count);
  place.resize(count);
  sequence.resize(count);
  warps.resize((count + 31) / 32);
  dynamic.resize(dynamicBytes + 16);
  unsigned i = 0;
  for (unsigned z = 0; z < dim.z; z++) {
    for (unsigned y = 0; y < dim.y; y++) {
      for (unsigned x = 0; x < dim.x; x++, i++) {
        all[i] = {{x, y, z}, dim, grid, i, i & 31, 0, &warps[i / 32]};
      }
    }
  }
}

// Any order of all threads, or warp after warp in any order: each finds what the other may miss.
void Threads::mix() {
  std::shuffle(sequence.begin(), sequence.end(), generator);
  if (generator() & 1) return;
  std::vector<uint64_t> rank(warps.size());
  for (uint64_t& r : rank) r = generator();
  std::stable_sort(sequence.begin(), sequence.end(),
                   [&](unsigned a, unsigned b) { return rank[a / 32] < rank[b / 32]; });
}

// Begins a thread: the switch to it returns into entry.
void Threads::start(unsigned thread) {
  memory[thread] = freeMemory.back();
  freeMemory.pop_back();
  // not all tops in the same lines of the cache
  char* top = stacks + (memory[thread] + 1) * STACK - (memory[thread] & 63) * 192;
  void** p = (void**)top;
  *--p = nullptr;
  *--p = (void*)entry;
  for (int i = 0; i < 6; i++) *--p = nullptr;
  stack[thread] = p;
}

// The thread's work; then, on the same stack, that of the next one that has not begun.
void Threads::body(unsigned thread) {
  for (;;) {
    kernel->call(kernel->function, arguments);
    state[thread] = State::DONE;
    done++;
    unsigned next = place[thread] + 1;
    if (next < count && state[sequence[next]] == State::NEW) {
      unsigned other = sequence[next];
      state[other] = State::READY;
      memory[other] = memory[thread];
      thread = other;
      current = &all[thread];
      continue;
    }
    freeMemory.push_back(memory[thread]);
    void* ignored;
    goOn(thread, &ignored);
    __builtin_unreachable();
  }
}

void Threads::awake(State from, unsigned first, unsigned end) {
  for (unsigned i = first; i < end; i++) {
    if (state[i] == from) state[i] = State::READY;
  }
}

// Leaves a thread for the next one that can go on; for the scheduler if there is none.
void Threads::goOn(unsigned from, void** save) {
  for (unsigned i = 1; i <= count; i++) {
    unsigned other = sequence[(place[from] + i) % count];
    if (state[other] == State::NEW) {
      start(other);
      state[other] = State::READY;
    }
    if (state[other] == State::READY) {
      if (other == from) return;
      current = &all[other];
      emulatedSwitch(save, stack[other]);
      return;
    }
  }
  emulatedSwitch(save, scheduler);
}

bool Threads::run(Index index) {
  block = index;
  done = arrived = 0;
  freeMemory.resize(count);
  std::iota(freeMemory.begin(), freeMemory.end(), 0u);
  std::iota(sequence.begin(), sequence.end(), 0u);
  if (order == Order::REVERSED) std::reverse(sequence.begin(), sequence.end());
  if (order == Order::RANDOM) mix();
  for (unsigned i = 0; i < count; i++) {
    place[sequence[i]] = i;
    state[i] = State::NEW;
    all[i].turn = 0;
  }
  for (unsigned i = 0; i < warps.size(); i++) {
    warps[i].arrived = 0;
    warps[i].size = std::min(32u, count - i * 32);
  }
  if (kernel->shared != nullptr) memset(kernel->shared, 0xff, kernel->sharedEnd - kernel->shared);
  memset(dynamic.data(), 0xff, dynamic.size());
  unsigned first = sequence[0];
  start(first);
  state[first] = State::READY;
  current = &all[first];
  emulatedSwitch(&scheduler, stack[first]);
  current = nullptr;
  return done == count;
}

std::string describe(Index i) {
  return "(" + std::to_string(i.x) + ", " + std::to_string(i.y) + ", " + std::to_string(i.z) + ")";
}

}  // namespace

void meetBlock() {
  unsigned thread = current->number;
  if (++threads.arrived == threads.count) {
    threads.arrived = 0;
    threads.awake(State::AT_BLOCK, 0, threads.count);
    return;
  }
  threads.state[thread] = State::AT_BLOCK;
  threads.goOn(thread, &threads.stack[thread]);
}

void meetWarp() {
  unsigned thread = current->number;
  Warp* warp = current->warp;
  if (++warp->arrived == warp->size) {
    unsigned first = thread & ~31u;
    warp->arrived = 0;
    threads.awake(State::AT_WARP, first, first + warp->size);
    return;
  }
  threads.state[thread] = State::AT_WARP;
  threads.goOn(thread, &threads.stack[thread]);
}

unsigned char* dynamicShared() {
  return (unsigned char*)(((uintptr_t)threads.dynamic.data() + 15) & ~(uintptr_t)15);
}

void add(Kernel* kernel) {
  kernel->next = kernels;
  kernels = kernel;
}

Kernel* find(const char* name) {
  for (Kernel* k = kernels; k != nullptr; k = k->next) {
    if (strcmp(k->name, name) == 0) return k;
  }
  return nullptr;
}

void setOrder(Order newOrder, uint64_t seed) {
  order = newOrder;
  generator.seed(seed);
}

bool launch(Kernel* kernel, void** arguments, Index grid, Index dim, size_t dynamicBytes) {
  threads.kernel = kernel;
  threads.arguments = arguments;
  threads.prepare(grid, dim, dynamicBytes);
  uint64_t blocks = (uint64_t)grid.x * grid.y * grid.z;
  for (uint64_t n = 0; n < blocks; n++) {
    uint64_t i = order == Order::REVERSED ? blocks - 1 - n : n;
    Index index = {(unsigned)(i % grid.x), (unsigned)(i / grid.x % grid.y),
                   (unsigned)(i / ((uint64_t)grid.x * grid.y))};
    if (!threads.run(index)) {
      report(std::string(kernel->name) + ": block " + describe(index) + ": " +
             std::to_string(threads.count - threads.done) + " of " +
             std::to_string(threads.count) +
             " threads wait at a barrier that not all of them reach");
      return false;
    }
  }
  return true;
}

}  // namespace emulated
