// Streams, events and graphs of the emulated device, shared by streams.cpp and driver.cpp.
#pragma once
#include <chrono>
#include <deque>
#include <vector>

#include "emulated.h"

namespace emulated {

using Operation = std::function<int()>;

struct Graph {
  std::vector<Operation> operations;
};

struct Stream {
  std::deque<Operation> waiting;
  bool withDefault = true;  // whether it and the default stream wait for each other
  Graph* recording = nullptr;
};

struct Event {
  Stream* stream = nullptr;  // where it was last recorded
  uint64_t wanted = 0;       // how often it was recorded
  uint64_t reached = 0;      // up to which of these the stream has come
  std::chrono::steady_clock::time_point time;
};

Stream* stream(void* handle);
void* createStream(bool withDefault);
int destroyStream(void* handle);

// Runs what waits in a stream, in all streams, up to an event.
int drain(Stream* stream);
int drainAll();
int drainTo(Event* event, uint64_t count);

// Drops what waits and forgets the sticky error: as a new context would.
void reset();

}  // namespace emulated
