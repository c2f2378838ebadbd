package dev.viridian.engine;

import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.memory.Scoped;
import dev.viridian.engine.memory.Storage;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.memory.Buffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * Numbers in a shape, on a device: a {@link Layout} over a {@link Storage}. Several tensors may be
 * views of one storage. Operations are in {@code dev.viridian.engine.ops}, one class each: {@code
 * Add.of(a, b)}.
 *
 * <p>A new tensor belongs to the innermost open {@link MemoryScope}; without one its maker closes
 * it. Using a closed tensor is an error. The numbers may be read by several threads; a tensor is
 * not otherwise thread-safe.
 */
public final class Tensor implements Scoped {
  private final Device device;
  private final Storage storage;
  private final Layout layout;
  private final DType dtype;
  private String name = "";
  private boolean requiresGradient;
  private boolean closed;

  private Tensor(Device device, Storage storage, Layout layout, DType dtype) {
    this.device = device;
    this.storage = storage;
    this.layout = layout;
    this.dtype = dtype;
    MemoryScope scope = MemoryScope.current();
    if (scope != null) {
      scope.own(this);
    }
  }

  /** A contiguous tensor of undefined content. */
  public static Tensor empty(Device device, TensorSpec spec) {
    Storage storage = Storage.allocate(device.allocator(), spec.bytes(), "tensor " + spec);
    return new Tensor(device, storage, Layout.contiguous(spec.shape()), spec.dtype());
  }

  /** A contiguous tensor on memory that someone else owns and keeps at least as long. */
  public static Tensor borrow(Device device, Buffer buffer, TensorSpec spec) {
    if (buffer.bytes() < spec.bytes()) {
      throw new IllegalArgumentException(
          "a buffer of " + buffer.bytes() + " bytes is too small for " + spec);
    }
    Storage storage = Storage.borrow(buffer, "borrowed tensor " + spec);
    return new Tensor(device, storage, Layout.contiguous(spec.shape()), spec.dtype());
  }

  /** A view of the same storage, to be closed on its own. */
  public Tensor view(Layout other) {
    requireOpen("view");
    if (other.offset() < 0
        || (other.offset() + other.span()) * dtype.bytes() > storage.buffer().bytes()) {
      throw new IllegalArgumentException("view " + other + " reaches outside its storage");
    }
    storage.retain();
    Tensor view = new Tensor(device, storage, other, dtype);
    view.name = name;
    return view;
  }

  /** Another handle on the same numbers, to be closed on its own. */
  public Tensor alias() {
    return view(layout);
  }

  /** The sizes. */
  public Shape shape() {
    return layout.shape();
  }

  /** Size of a dimension, −1 being the last, as an int. */
  public int size(int dim) {
    return shape().size(dim);
  }

  /** Number of elements. */
  public long elements() {
    return shape().elements();
  }

  /** Where the elements lie. */
  public Layout layout() {
    return layout;
  }

  /** Whether the elements lie row-major without gaps. */
  public boolean isContiguous() {
    return layout.isContiguous();
  }

  /** Type of the elements. */
  public DType dtype() {
    return dtype;
  }

  /** Shape and type. */
  public TensorSpec spec() {
    return new TensorSpec(shape(), dtype);
  }

  /** Where it lives. */
  public Device device() {
    return device;
  }

  /** A name for messages; empty if it has none. */
  public String name() {
    return name;
  }

  /** Gives it a name for messages. */
  public Tensor named(String newName) {
    name = newName;
    return this;
  }

  /** Whether a tape computes a gradient for it. */
  public boolean requiresGradient() {
    return requiresGradient;
  }

  /** Says whether a tape is to compute a gradient for it. F32 only. */
  public Tensor requireGradient(boolean wanted) {
    if (wanted && dtype != DType.F32) {
      throw new IllegalArgumentException("gradients are F32, this tensor is " + dtype);
    }
    requiresGradient = wanted;
    return this;
  }

  /** The buffer from the first element on. */
  public Buffer buffer() {
    return buffer("buffer");
  }

  /**
   * The buffer from the first element on.
   *
   * @param operation who asks, for the message
   * @throws IllegalStateException if the tensor is closed
   */
  public Buffer buffer(String operation) {
    requireOpen(operation);
    Buffer all = storage.buffer();
    long start = layout.offset() * dtype.bytes();
    return start == 0 ? all : all.slice(start, all.bytes() - start);
  }

  private void requireOpen(String operation) {
    if (closed || !storage.isOpen()) {
      throw new IllegalStateException(operation + ": " + this + " is closed");
    }
  }

  /** The elements in row-major order. F32 only; at most 2³¹ − 1. */
  public float[] toFloats() {
    float[] result = new float[Math.toIntExact(elements())];
    read(DType.F32, MemorySegment.ofArray(result));
    return result;
  }

  /** The elements in row-major order. I64 only. */
  public long[] toLongs() {
    long[] result = new long[Math.toIntExact(elements())];
    read(DType.I64, MemorySegment.ofArray(result));
    return result;
  }

  /** The one element of an F32 tensor. */
  public float item() {
    if (elements() != 1) {
      throw new ShapeException("item: expected one element, got shape " + shape());
    }
    return toFloats()[0];
  }

  private void read(DType expected, MemorySegment target) {
    if (dtype != expected) {
      throw new ShapeException("expected a tensor of " + expected + ", got " + spec());
    }
    if (elements() == 0) {
      return;
    }
    long bytes = layout.span() * dtype.bytes();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = isContiguous() ? target : arena.allocate(bytes, 64);
      device().download(buffer("read"), host);
      if (!isContiguous()) {
        gather(host, target);
      }
    }
  }

  private void gather(MemorySegment source, MemorySegment target) {
    int rank = shape().rank();
    long[] index = new long[rank];
    int size = dtype.bytes();
    long n = elements();
    for (long i = 0; i < n; i++) {
      long at = 0;
      for (int d = 0; d < rank; d++) {
        at += index[d] * layout.stride(d);
      }
      MemorySegment.copy(source, at * size, target, i * size, size);
      for (int d = rank - 1; d >= 0 && ++index[d] == shape().dim(d); d--) {
        index[d] = 0;
      }
    }
  }

  /** Replaces the elements of a contiguous F32 tensor. */
  public void set(float... values) {
    if (dtype != DType.F32 || !isContiguous() || values.length != elements()) {
      throw new ShapeException(
          "set: " + values.length + " floats into " + spec() + (isContiguous() ? "" : " (a view)"));
    }
    upload(MemorySegment.ofArray(values));
  }

  /** Replaces the bytes of a contiguous tensor by those of a segment of its size. */
  public void upload(MemorySegment bytes) {
    if (!isContiguous() || bytes.byteSize() != spec().bytes()) {
      throw new ShapeException("upload: " + bytes.byteSize() + " bytes into " + spec());
    }
    device().upload(bytes, buffer("upload"));
  }

  /** An element of a small F32 tensor, by its indices: for tests and messages. */
  public float get(long... index) {
    long at = layout.offset();
    for (int d = 0; d < index.length; d++) {
      at += index[d] * layout.stride(d);
    }
    requireOpen("get");
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment one = arena.allocate(ValueLayout.JAVA_FLOAT);
      device().download(storage.buffer().slice(at * dtype.bytes(), dtype.bytes()), one);
      return one.get(ValueLayout.JAVA_FLOAT, 0);
    }
  }

  @Override
  public String toString() {
    return (name.isEmpty() ? "tensor " : "tensor '" + name + "' ") + spec();
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return this == other;
  }

  @Override
  public int hashCode() {
    return System.identityHashCode(this);
  }

  /** Lets go of the storage. Closing twice does nothing. */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      storage.release();
    }
  }
}
