// libcuda.so.1 of the emulated device: the driver's interface, as far as it is used. No CUDA header
// is needed: handles are pointers, device addresses 64-bit integers.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "streams.h"

using namespace emulated;
using Handle = void*;
using Address = unsigned long long;

#define LOCKED std::lock_guard<std::recursive_mutex> guard(lock())

namespace {

struct Module {
  std::string text;  // PTX; empty where the image is machine code
};

struct Function {
  Kernel* kernel;
  int dynamicBytes = 48 << 10;
};

// operations that wait know the event beyond its destruction
using SharedEvent = std::shared_ptr<Event>;

const Handle CONTEXT = (Handle)0x1000;
constexpr int MOST_DYNAMIC = 232448 - 1024;

bool initialised;
bool recordable = true;
int graphLaunches;
int retained;
thread_local Handle currentContext;

// What the emulated machine has: a variable of the environment for each, so that a test can start a
// program on a machine without a device, or with an old driver.
int setting(const char* name, int otherwise) {
  const char* value = getenv(name);
  return value == nullptr ? otherwise : atoi(value);
}

int devices = -1;  // as the environment says

int deviceCount() { return devices >= 0 ? devices : setting("EMULATED_DEVICES", 1); }

int ready() {
  if (!initialised) return NOT_INITIALIZED;
  if (currentContext == nullptr) return INVALID_CONTEXT;
  return failed();
}

int copy(Handle stream, void* to, const void* from, size_t bytes, Address device,
         Address otherDevice) {
  if (int r = ready()) return r;
  return enqueue(stream, [=]() -> int {
    if ((device != 0 && !contains(device, bytes)) ||
        (otherDevice != 0 && !contains(otherDevice, bytes))) {
      report("a copy of " + std::to_string(bytes) + " bytes reaches outside device memory");
      return INVALID_VALUE;
    }
    memmove(to, from, bytes);
    return SUCCESS;
  });
}

// A copy that returns when it is done; it goes through the default stream.
int copyNow(void* to, const void* from, size_t bytes, Address device, Address otherDevice) {
  return copy(nullptr, to, from, bytes, device, otherDevice);
}

template <class T>
int set(Handle stream, Address at, T value, size_t count) {
  if (int r = ready()) return r;
  return enqueue(stream, [=]() -> int {
    if (!contains(at, count * sizeof(T))) {
      report("a memset of " + std::to_string(count) + " values reaches outside device memory");
      return INVALID_VALUE;
    }
    for (size_t i = 0; i < count; i++) ((T*)at)[i] = value;
    return SUCCESS;
  });
}

int load(Handle* module, const void* image) {
  if (int r = ready()) return r;
  unsigned magic;
  memcpy(&magic, image, 4);
  bool binary = magic == 0xBA55ED50u || magic == 0x464C457Fu;
  Module* m = new Module;
  if (!binary) {
    m->text = (const char*)image;
    if (m->text.find(".version") == std::string::npos) {
      delete m;
      return INVALID_IMAGE;
    }
  }
  *module = m;
  return SUCCESS;
}

const char* name(int result) {
  switch (result) {
    case SUCCESS: return "CUDA_SUCCESS";
    case INVALID_VALUE: return "CUDA_ERROR_INVALID_VALUE";
    case OUT_OF_MEMORY: return "CUDA_ERROR_OUT_OF_MEMORY";
    case NOT_INITIALIZED: return "CUDA_ERROR_NOT_INITIALIZED";
    case NO_DEVICE: return "CUDA_ERROR_NO_DEVICE";
    case INVALID_DEVICE: return "CUDA_ERROR_INVALID_DEVICE";
    case INVALID_IMAGE: return "CUDA_ERROR_INVALID_IMAGE";
    case INVALID_CONTEXT: return "CUDA_ERROR_INVALID_CONTEXT";
    case INVALID_HANDLE: return "CUDA_ERROR_INVALID_HANDLE";
    case NOT_FOUND: return "CUDA_ERROR_NOT_FOUND";
    case NOT_READY: return "CUDA_ERROR_NOT_READY";
    case ILLEGAL_ADDRESS: return "CUDA_ERROR_ILLEGAL_ADDRESS";
    case LAUNCH_OUT_OF_RESOURCES: return "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES";
    case LAUNCH_FAILED: return "CUDA_ERROR_LAUNCH_FAILED";
    case CAPTURE_UNSUPPORTED: return "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED";
    default: return nullptr;
  }
}

}  // namespace

// ---- devices and contexts

EMULATED_API cuInit(unsigned) {
  if (deviceCount() == 0) return NO_DEVICE;
  if (int broken = setting("EMULATED_INIT_FAILS", 0)) return broken;
  initialised = true;
  return SUCCESS;
}
EMULATED_API emulatedSetDevices(int count) {
  devices = count;
  return SUCCESS;
}
EMULATED_API cuDriverGetVersion(int* version) {
  *version = setting("EMULATED_DRIVER", 12060);
  return SUCCESS;
}
EMULATED_API cuDeviceGetCount(int* count) {
  if (!initialised) return NOT_INITIALIZED;
  *count = deviceCount();
  return SUCCESS;
}
EMULATED_API cuDeviceGet(int* device, int ordinal) {
  if (!initialised) return NOT_INITIALIZED;
  if (ordinal < 0 || ordinal >= deviceCount()) return INVALID_DEVICE;
  *device = ordinal;
  return SUCCESS;
}
EMULATED_API cuDeviceGetName(char* text, int bytes, int) {
  snprintf(text, bytes, "emulated device");
  return SUCCESS;
}
EMULATED_API cuDeviceTotalMem_v2(size_t* bytes, int) {
  *bytes = totalBytes();
  return SUCCESS;
}
EMULATED_API cuDeviceComputeCapability(int* major, int* minor, int) {
  *major = setting("EMULATED_CAPABILITY", 90) / 10;
  *minor = setting("EMULATED_CAPABILITY", 90) % 10;
  return SUCCESS;
}
EMULATED_API cuDeviceGetUuid(char* uuid, int) {
  memset(uuid, 0x11, 16);
  return SUCCESS;
}
EMULATED_API cuDeviceGetUuid_v2(char* uuid, int device) { return cuDeviceGetUuid(uuid, device); }
EMULATED_API cuDeviceGetAttribute(int* value, int attribute, int) {
  switch (attribute) {
    case 1: case 2: case 3: *value = 1024; break;            // threads of a block, its x and y
    case 4: *value = 64; break;                              // its z
    case 5: *value = 2147483647; break;                      // the grid's x
    case 6: case 7: *value = 65535; break;                   // its y and z
    case 8: *value = 48 << 10; break;                        // shared memory of a block
    case 10: *value = 32; break;                             // lanes of a warp
    case 12: *value = 65536; break;                          // registers of a block
    case 16: *value = 4; break;                              // multiprocessors
    case 39: *value = 2048; break;                           // threads of one
    case 75: *value = setting("EMULATED_CAPABILITY", 90) / 10; break;
    case 76: *value = setting("EMULATED_CAPABILITY", 90) % 10; break;
    case 81: *value = 233472; break;                         // shared memory of a multiprocessor
    case 97: *value = MOST_DYNAMIC; break;                   // of a block, if asked for
    case 115: *value = 1; break;                             // memory pools
    default: *value = 0;
  }
  return SUCCESS;
}
EMULATED_API cuDevicePrimaryCtxRetain(Handle* context, int) {
  LOCKED;
  if (!initialised) return NOT_INITIALIZED;
  retained++;
  *context = CONTEXT;
  return SUCCESS;
}
EMULATED_API cuDevicePrimaryCtxRelease_v2(int) {
  LOCKED;
  if (retained == 0) return INVALID_CONTEXT;
  if (--retained == 0) reset();
  return SUCCESS;
}
EMULATED_API cuDevicePrimaryCtxGetState(int, unsigned* flags, int* active) {
  LOCKED;
  *flags = 0;
  *active = retained > 0;
  return SUCCESS;
}
EMULATED_API cuDevicePrimaryCtxSetFlags_v2(int, unsigned) { return SUCCESS; }
EMULATED_API cuCtxCreate_v2(Handle* context, unsigned, int) {
  *context = currentContext = CONTEXT;
  return SUCCESS;
}
EMULATED_API cuCtxDestroy_v2(Handle) {
  currentContext = nullptr;
  return SUCCESS;
}
EMULATED_API cuCtxSetCurrent(Handle context) {
  currentContext = context;
  return SUCCESS;
}
EMULATED_API cuCtxGetCurrent(Handle* context) {
  *context = currentContext;
  return SUCCESS;
}
EMULATED_API cuCtxPushCurrent_v2(Handle context) {
  currentContext = context;
  return SUCCESS;
}
EMULATED_API cuCtxPopCurrent_v2(Handle* context) {
  if (context != nullptr) *context = currentContext;
  currentContext = nullptr;
  return SUCCESS;
}
EMULATED_API cuCtxGetDevice(int* device) {
  *device = 0;
  return currentContext != nullptr ? SUCCESS : INVALID_CONTEXT;
}
EMULATED_API cuCtxSynchronize() {
  LOCKED;
  if (int r = ready()) return r;
  if (int r = drainAll()) return r;
  return checkMemory();
}

// ---- memory

EMULATED_API cuMemGetInfo_v2(size_t* free, size_t* total) {
  LOCKED;
  *total = totalBytes();
  *free = totalBytes() - usedBytes();
  return SUCCESS;
}
EMULATED_API cuMemAlloc_v2(Address* address, size_t bytes) {
  LOCKED;
  if (int r = ready()) return r;
  uint64_t at = 0;
  int result = allocate(&at, bytes);
  *address = at;
  return result;
}
EMULATED_API cuMemFree_v2(Address address) {
  LOCKED;
  if (address == 0) return SUCCESS;
  if (currentContext == nullptr) return INVALID_CONTEXT;
  int before = drainAll();  // it waits for the device
  int result = release(address);
  return before != SUCCESS ? before : result;
}
EMULATED_API cuMemAllocHost_v2(Handle* at, size_t bytes) {
  *at = aligned_alloc(4096, (bytes + 4095) & ~(size_t)4095);
  return *at != nullptr ? SUCCESS : OUT_OF_MEMORY;
}
EMULATED_API cuMemHostAlloc(Handle* at, size_t bytes, unsigned) {
  return cuMemAllocHost_v2(at, bytes);
}
EMULATED_API cuMemFreeHost(Handle at) {
  LOCKED;
  drainAll();
  free(at);
  return SUCCESS;
}
EMULATED_API cuMemHostRegister_v2(Handle, size_t, unsigned) { return SUCCESS; }
EMULATED_API cuMemHostUnregister(Handle) { return SUCCESS; }
EMULATED_API cuMemcpyHtoD_v2(Address to, const void* from, size_t bytes) {
  LOCKED;
  return copyNow((void*)to, from, bytes, to, 0);
}
EMULATED_API cuMemcpyDtoH_v2(void* to, Address from, size_t bytes) {
  LOCKED;
  return copyNow(to, (const void*)from, bytes, from, 0);
}
EMULATED_API cuMemcpyDtoD_v2(Address to, Address from, size_t bytes) {
  LOCKED;
  return copyNow((void*)to, (const void*)from, bytes, to, from);
}
EMULATED_API cuMemcpyHtoDAsync_v2(Address to, const void* from, size_t bytes, Handle stream) {
  LOCKED;
  return copy(stream, (void*)to, from, bytes, to, 0);
}
EMULATED_API cuMemcpyDtoHAsync_v2(void* to, Address from, size_t bytes, Handle stream) {
  LOCKED;
  return copy(stream, to, (const void*)from, bytes, from, 0);
}
EMULATED_API cuMemcpyDtoDAsync_v2(Address to, Address from, size_t bytes, Handle stream) {
  LOCKED;
  return copy(stream, (void*)to, (const void*)from, bytes, to, from);
}
EMULATED_API cuMemsetD8_v2(Address at, unsigned char value, size_t count) {
  LOCKED;
  return set(nullptr, at, value, count);
}
EMULATED_API cuMemsetD32_v2(Address at, unsigned value, size_t count) {
  LOCKED;
  return set(nullptr, at, value, count);
}
EMULATED_API cuMemsetD8Async(Address at, unsigned char value, size_t count, Handle stream) {
  LOCKED;
  return set(stream, at, value, count);
}
EMULATED_API cuMemsetD16Async(Address at, unsigned short value, size_t count, Handle stream) {
  LOCKED;
  return set(stream, at, value, count);
}
EMULATED_API cuMemsetD32Async(Address at, unsigned value, size_t count, Handle stream) {
  LOCKED;
  return set(stream, at, value, count);
}

// ---- modules and launches

EMULATED_API cuModuleLoadData(Handle* module, const void* image) {
  LOCKED;
  return load(module, image);
}
EMULATED_API cuModuleLoadDataEx(Handle* module, const void* image, unsigned, void*, void*) {
  LOCKED;
  return load(module, image);
}
EMULATED_API cuModuleUnload(Handle module) {
  LOCKED;
  delete (Module*)module;
  return SUCCESS;
}
EMULATED_API cuModuleGetFunction(Handle* function, Handle module, const char* name) {
  LOCKED;
  const std::string& text = ((Module*)module)->text;
  if (!text.empty() && text.find(std::string(".entry ") + name + "(") == std::string::npos) {
    return NOT_FOUND;
  }
  Kernel* kernel = find(name);
  if (kernel == nullptr) {
    report(std::string("no kernel ") + name + " was compiled for the emulated device");
    return NOT_FOUND;
  }
  *function = new Function{kernel};
  return SUCCESS;
}
EMULATED_API cuFuncSetAttribute(Handle function, int attribute, int value) {
  LOCKED;
  if (attribute == 8) {
    if (value < 0 || value > MOST_DYNAMIC) return INVALID_VALUE;
    ((Function*)function)->dynamicBytes = value;
  }
  return SUCCESS;
}
EMULATED_API cuFuncGetAttribute(int* value, int attribute, Handle function) {
  LOCKED;
  *value = attribute == 0 ? 1024 : attribute == 8 ? ((Function*)function)->dynamicBytes : 0;
  return SUCCESS;
}
EMULATED_API cuFuncSetCacheConfig(Handle, int) { return SUCCESS; }
EMULATED_API cuOccupancyMaxActiveBlocksPerMultiprocessor(int* count, Handle, int threads, size_t) {
  *count = 2048 / threads;
  return SUCCESS;
}
EMULATED_API cuLaunchKernel(Handle function, unsigned gridX, unsigned gridY, unsigned gridZ,
                            unsigned blockX, unsigned blockY, unsigned blockZ,
                            unsigned dynamicBytes, Handle stream, void** parameters, void**) {
  LOCKED;
  if (int r = ready()) return r;
  Function* f = (Function*)function;
  Kernel* kernel = f->kernel;
  uint64_t threads = (uint64_t)blockX * blockY * blockZ;
  if (gridX == 0 || gridY == 0 || gridZ == 0 || threads == 0 || threads > 1024 || blockZ > 64 ||
      gridX > 2147483647u || gridY > 65535 || gridZ > 65535 ||
      dynamicBytes > (unsigned)f->dynamicBytes) {
    report(std::string(kernel->name) + ": a launch of a size that no device takes");
    return INVALID_VALUE;
  }
  // the arguments are read now, as the driver does
  std::vector<std::vector<char>> values;
  for (size_t i = 0; i < kernel->count; i++) {
    const char* from = (const char*)parameters[i];
    values.emplace_back(from, from + kernel->sizes[i]);
  }
  Index grid = {gridX, gridY, gridZ};
  Index block = {blockX, blockY, blockZ};
  return enqueue(stream, [=]() -> int {
    std::vector<void*> arguments;
    for (const auto& value : values) arguments.push_back((void*)value.data());
    return launch(kernel, arguments.data(), grid, block, dynamicBytes) ? SUCCESS : LAUNCH_FAILED;
  });
}

// ---- streams, events, graphs

EMULATED_API cuStreamCreate(Handle* stream, unsigned flags) {
  LOCKED;
  if (int r = ready()) return r;
  *stream = createStream((flags & 1) == 0);
  return SUCCESS;
}
EMULATED_API cuStreamCreateWithPriority(Handle* stream, unsigned flags, int) {
  return cuStreamCreate(stream, flags);
}
EMULATED_API cuStreamDestroy_v2(Handle stream) {
  LOCKED;
  return destroyStream(stream);
}
EMULATED_API cuStreamSynchronize(Handle handle) {
  LOCKED;
  if (int r = ready()) return r;
  Stream* s = stream(handle);
  if (s == nullptr) return INVALID_HANDLE;
  if (s->recording != nullptr) return CAPTURE_UNSUPPORTED;
  if (int r = drain(s)) return r;
  return checkMemory();
}
EMULATED_API cuStreamQuery(Handle handle) {
  LOCKED;
  if (int r = ready()) return r;
  Stream* s = stream(handle);
  return s == nullptr ? INVALID_HANDLE : s->waiting.empty() ? SUCCESS : NOT_READY;
}
EMULATED_API cuEventCreate(Handle* event, unsigned) {
  *event = new SharedEvent(std::make_shared<Event>());
  return SUCCESS;
}
EMULATED_API cuEventDestroy_v2(Handle handle) {
  LOCKED;
  delete (SharedEvent*)handle;
  return SUCCESS;
}
EMULATED_API cuEventRecord(Handle handle, Handle streamHandle) {
  LOCKED;
  if (int r = ready()) return r;
  SharedEvent event = *(SharedEvent*)handle;
  Stream* s = stream(streamHandle);
  if (s == nullptr) return INVALID_HANDLE;
  uint64_t count = ++event->wanted;
  event->stream = s;
  return enqueue(streamHandle, [=]() -> int {
    event->reached = count;
    event->time = std::chrono::steady_clock::now();
    return SUCCESS;
  });
}
EMULATED_API cuStreamWaitEvent(Handle streamHandle, Handle handle, unsigned) {
  LOCKED;
  if (int r = ready()) return r;
  SharedEvent event = *(SharedEvent*)handle;
  uint64_t count = event->wanted;
  return enqueue(streamHandle, [=]() -> int { return drainTo(event.get(), count); });
}
EMULATED_API cuEventSynchronize(Handle handle) {
  LOCKED;
  if (int r = ready()) return r;
  SharedEvent event = *(SharedEvent*)handle;
  return drainTo(event.get(), event->wanted);
}
EMULATED_API cuEventQuery(Handle handle) {
  LOCKED;
  if (int r = ready()) return r;
  SharedEvent event = *(SharedEvent*)handle;
  return event->reached == event->wanted ? SUCCESS : NOT_READY;
}
EMULATED_API cuEventElapsedTime(float* milliseconds, Handle from, Handle to) {
  LOCKED;
  SharedEvent first = *(SharedEvent*)from;
  SharedEvent second = *(SharedEvent*)to;
  if (first->reached == 0 || second->reached == 0) return INVALID_HANDLE;
  if (first->reached != first->wanted || second->reached != second->wanted) return NOT_READY;
  *milliseconds =
      std::chrono::duration<float, std::milli>(second->time - first->time).count();
  return SUCCESS;
}
EMULATED_API cuEventElapsedTime_v2(float* milliseconds, Handle from, Handle to) {
  return cuEventElapsedTime(milliseconds, from, to);
}
EMULATED_API cuStreamBeginCapture_v2(Handle handle, int) {
  LOCKED;
  if (int r = ready()) return r;
  Stream* s = stream(handle);
  if (s == nullptr) return INVALID_HANDLE;
  if (!recordable || (uintptr_t)handle <= 2 || s->recording != nullptr) return CAPTURE_UNSUPPORTED;
  s->recording = new Graph;
  return SUCCESS;
}
EMULATED_API cuStreamEndCapture(Handle handle, Handle* graph) {
  LOCKED;
  Stream* s = stream(handle);
  if (s == nullptr || s->recording == nullptr) return INVALID_VALUE;
  *graph = s->recording;
  s->recording = nullptr;
  return SUCCESS;
}
EMULATED_API cuStreamIsCapturing(Handle handle, int* status) {
  LOCKED;
  Stream* s = stream(handle);
  if (s == nullptr) return INVALID_HANDLE;
  *status = s->recording != nullptr;
  return SUCCESS;
}
EMULATED_API cuGraphInstantiateWithFlags(Handle* executable, Handle graph, unsigned long long) {
  *executable = new Graph(*(Graph*)graph);
  return SUCCESS;
}
EMULATED_API cuGraphLaunch(Handle executable, Handle stream) {
  LOCKED;
  if (int r = ready()) return r;
  graphLaunches++;
  for (const Operation& operation : ((Graph*)executable)->operations) {
    if (int r = enqueue(stream, operation)) return r;
  }
  return SUCCESS;
}
EMULATED_API cuGraphDestroy(Handle graph) {
  delete (Graph*)graph;
  return SUCCESS;
}
EMULATED_API cuGraphExecDestroy(Handle graph) {
  LOCKED;
  delete (Graph*)graph;
  return SUCCESS;
}

// ---- errors, and the fixture's own

EMULATED_API emulatedGraphLaunches() {
  LOCKED;
  return graphLaunches;
}
EMULATED_API emulatedSetRecordable(int yes) {
  LOCKED;
  recordable = yes != 0;
  return SUCCESS;
}

EMULATED_API cuGetErrorName(int result, const char** text) {
  *text = name(result);
  return *text != nullptr ? SUCCESS : INVALID_VALUE;
}
EMULATED_API cuGetErrorString(int result, const char** text) { return cuGetErrorName(result, text); }

// As after the end of the process: nothing waits, no error sticks. Memory stays as it is.
EMULATED_API emulatedReset() {
  LOCKED;
  reset();
  return SUCCESS;
}
