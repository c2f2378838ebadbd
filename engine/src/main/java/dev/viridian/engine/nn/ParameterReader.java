package dev.viridian.engine.nn;

import dev.viridian.engine.Device;
import dev.viridian.engine.Shape;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.io.FileType;
import dev.viridian.engine.io.TensorInfo;
import dev.viridian.engine.io.WeightSource;
import dev.viridian.kernels.CopyKernels;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * Reads parameters from a file. What lies there as it is used is not read but borrowed, on a device
 * that reads host memory. Everything else is read part by part, turned and converted, each part by
 * one of the kernels' threads from beginning to end: it stays in that thread's second cache, and
 * pages of fresh memory come in on all threads.
 */
final class ParameterReader implements AutoCloseable {
  /** Bytes of a file in a part. */
  private static final long PART = 512 << 10;

  private final WeightSource source;
  private final Device device;
  private final @Nullable DType wanted;
  private final Device host;
  private final Arena arena = Arena.ofShared(); // parts are read by several threads
  private final Queue<Room> rooms = new ConcurrentLinkedQueue<>();

  /**
   * From a source to a device.
   *
   * @param wanted the type to convert floating-point weights to; null to keep theirs
   */
  ParameterReader(WeightSource source, Device device, @Nullable DType wanted) {
    this.source = source;
    this.device = device;
    this.wanted = wanted;
    this.host = device.readsHostMemory() ? device : Device.cpu();
  }

  /** The numbers of a parameter, which the source is known to have in its shape. */
  Tensor read(String name, Parameter parameter) {
    TensorInfo info = source.info(name);
    DType kept = stored(info.type());
    DType dtype = wanted == null ? kept : wanted;
    boolean turned =
        parameter.form() == Parameter.Form.CONVOLUTION
            && parameter.fileShape().range(2, 4) > 1
            && parameter.fileShape().dim(1) > 1;
    TensorSpec spec = new TensorSpec(parameter.shape(), dtype);
    boolean asItLies = info.type() != FileType.F64 && kept == dtype && !turned;
    if (asItLies && device.readsHostMemory()) {
      return Tensor.borrow(device, new HostBuffer(source.data(name)), spec);
    }
    Tensor value = Tensor.empty(device, spec);
    Tensor target = host == device ? value : Tensor.empty(host, spec);
    if (info.bytes() > 0) {
      readParts(info, parameter.fileShape(), turned, dtype, target);
    }
    if (target != value) {
      value.upload(HostBuffer.of(target.buffer()).asSlice(0, spec.bytes()));
    }
    return value;
  }

  /** What numbers of a file are once they are read: doubles become floats then. */
  private static DType stored(FileType type) {
    DType dtype = type.dtype();
    return dtype == null ? DType.F32 : dtype;
  }

  private void readParts(TensorInfo info, Shape file, boolean turned, DType dtype, Tensor target) {
    long rows = file.rank() == 0 ? 1 : file.dim(0);
    long rowBytes = info.bytes() / rows;
    long rowValues = file.elements() / rows;
    long most = Math.max(1, PART / rowBytes);
    DType stored = stored(info.type());
    HostBuffer to = (HostBuffer) target.buffer("ParameterReader");
    CopyKernels copies = host.kernels().copy();
    host.kernels()
        .share(
            Math.toIntExact((rows + most - 1) / most),
            part -> {
              long row = part * most;
              long count = Math.min(most, rows - row);
              long values = count * rowValues;
              Room room = Objects.requireNonNullElseGet(rooms.poll(), Room::new);
              MemorySegment bytes = room.bytes(count * rowBytes);
              // Read past the mapping: what is converted or turned must not stay in memory twice.
              source.read(info.name(), row * rowBytes, bytes);
              if (info.type() == FileType.F64) {
                narrow(bytes);
              }
              HostBuffer from = new HostBuffer(bytes);
              long at = row * rowValues;
              if (turned && stored == dtype) {
                copies.copy(turning(file.with(0, count), stored, at), from, to);
              } else if (turned) { // both at once has no fast way
                HostBuffer between = new HostBuffer(room.turned(values * stored.bytes()));
                copies.copy(turning(file.with(0, count), stored, 0), from, between);
                copies.copy(converting(values, stored, dtype, at), between, to);
              } else {
                copies.copy(converting(values, stored, dtype, at), from, to);
              }
              rooms.add(room);
            });
  }

  /** Filters of a file, [out, in, kh, kw], to [out, kh, kw, in], from element {@code at} on. */
  private static CopyKernels.Copy turning(Shape file, DType type, long at) {
    Shape turned = Shape.of(file.dim(0), file.dim(2), file.dim(3), file.dim(1));
    long[] s = file.strides();
    return new CopyKernels.Copy(
        turned.toList(), type, 0, List.of(s[0], s[2], s[3], s[1]), type, at, turned.stridesList());
  }

  private static CopyKernels.Copy converting(long values, DType from, DType to, long at) {
    return new CopyKernels.Copy(List.of(values), from, 0, List.of(1L), to, at, List.of(1L));
  }

  /** Memory for one part at a time: kept for the next, so that it stays in the caches. */
  private final class Room {
    private MemorySegment bytes = MemorySegment.NULL;
    private MemorySegment turned = MemorySegment.NULL;

    MemorySegment bytes(long size) {
      if (bytes.byteSize() < size) {
        bytes = arena.allocate(Math.max(PART, size), 64);
      }
      return bytes.asSlice(0, size);
    }

    MemorySegment turned(long size) {
      if (turned.byteSize() < size) {
        turned = arena.allocate(Math.max(PART, size), 64);
      }
      return turned.asSlice(0, size);
    }
  }

  /** Writes doubles as floats into the first half of their memory. */
  private static void narrow(MemorySegment doubles) {
    long n = doubles.byteSize() / Double.BYTES;
    for (long i = 0; i < n; i++) {
      double value = doubles.getAtIndex(ValueLayout.JAVA_DOUBLE, i);
      doubles.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) value);
    }
  }

  /** Gives the memory of parts back. */
  @Override
  public void close() {
    arena.close();
  }
}
