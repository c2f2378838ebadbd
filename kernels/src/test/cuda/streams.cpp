// Operations wait in their stream until somebody waits for them: the latest moment at which the
// real device may run them. A program that reads a result, or lets memory be reused, without having
// waited sees it here each time, not once in a thousand runs.
#include "streams.h"

#include <set>

namespace emulated {

namespace {

std::recursive_mutex mutex;
Stream defaultStream;
std::set<Stream*> streams;
int sticky;

}  // namespace

std::recursive_mutex& lock() { return mutex; }

int failed() { return sticky; }

int fail(int code, const std::string& message) {
  report(message);
  if (sticky == SUCCESS) sticky = code;
  return code;
}

Stream* stream(void* handle) {
  if ((uintptr_t)handle <= 2) return &defaultStream;
  auto at = streams.find((Stream*)handle);
  return at == streams.end() ? nullptr : *at;
}

void* createStream(bool withDefault) {
  Stream* s = new Stream;
  s->withDefault = withDefault;
  streams.insert(s);
  return s;
}

int destroyStream(void* handle) {
  Stream* s = stream(handle);
  if (s == nullptr || s == &defaultStream) return INVALID_HANDLE;
  int result = drain(s);
  streams.erase(s);
  delete s;
  return result;
}

int drain(Stream* s) {
  while (!s->waiting.empty()) {
    Operation next = std::move(s->waiting.front());
    s->waiting.pop_front();
    if (sticky == SUCCESS) {
      if (int result = next()) fail(result, "an operation of a stream failed");
    }
  }
  return sticky;
}

int drainAll() {
  for (Stream* s : streams) drain(s);
  return sticky;
}

int drainTo(Event* event, uint64_t count) {
  while (event->reached < count && event->stream != nullptr && !event->stream->waiting.empty()) {
    Operation next = std::move(event->stream->waiting.front());
    event->stream->waiting.pop_front();
    if (sticky == SUCCESS) {
      if (int result = next()) fail(result, "an operation of a stream failed");
    }
  }
  return sticky;
}

int enqueue(void* handle, Operation operation) {
  if (sticky != SUCCESS) return sticky;
  Stream* s = stream(handle);
  if (s == nullptr) return INVALID_HANDLE;
  if (s->recording != nullptr) {
    s->recording->operations.push_back(std::move(operation));
    return SUCCESS;
  }
  if (s == &defaultStream) {
    // It waits for the streams that wait for it, and is done before they go on.
    for (Stream* other : streams) {
      if (other->recording != nullptr && other->withDefault) return CAPTURE_UNSUPPORTED;
      if (other->withDefault) drain(other);
    }
    if (sticky != SUCCESS) return sticky;
    if (int result = operation()) return fail(result, "an operation of the default stream failed");
    return SUCCESS;
  }
  s->waiting.push_back(std::move(operation));
  return SUCCESS;
}

void reset() {
  for (Stream* s : streams) {
    s->waiting.clear();
    s->recording = nullptr;
  }
  sticky = SUCCESS;
}

}  // namespace emulated
