package dev.viridian.engine.io;

import dev.viridian.engine.InputException;
import java.lang.foreign.MemorySegment;
import java.util.Map;

/**
 * Named tensors in a file. All methods but {@link #close} may be called from several threads at
 * once; closing while another thread reads is an error of the caller.
 */
public interface WeightSource extends AutoCloseable {
  /** What to call this source in a message: the file as it was given, on one line. */
  String describe();

  /**
   * The tensors by name, in the file's own order: that of the data in safetensors, that of the
   * dictionary in a checkpoint or an index. Unmodifiable.
   */
  Map<String, TensorInfo> tensors();

  /** Text that the file carries beside its tensors; empty where there is none. Unmodifiable. */
  Map<String, String> metadata();

  /**
   * The numbers of a tensor: row-major, little-endian, read-only, aligned to the size of one
   * number. Valid until {@link #close}. Where the file allows it they are mapped, not read: pages
   * come in when touched.
   *
   * @throws InputException if there is no tensor of that name, or its bytes turn out unreadable
   */
  MemorySegment data(String name);

  /**
   * Reads a part of a tensor's bytes into {@code dest}, which it fills. Unlike {@link #data}, this
   * goes past the mapping, so that weights which are converted on loading do not stay in memory
   * twice.
   *
   * @param byteOffset where to begin, in bytes from the tensor's first
   * @throws InputException if there is no tensor of that name, or its bytes turn out unreadable
   * @throws IllegalArgumentException if {@code byteOffset + dest.byteSize()} passes the tensor's
   *     end
   */
  void read(String name, long byteOffset, MemorySegment dest);

  /** Releases the file. Segments that {@link #data} gave out must not be used any more. */
  @Override
  void close();

  /**
   * Sees whether the file still has what was there when it was opened: a mapped file that another
   * process cuts short ends this process where it is read. Cheap; to be asked before long work.
   *
   * @throws InputException if it was cut
   */
  default void requireWhole() {}

  /** The key in the file of a tensor of that name, where names are translated: for messages. */
  default String keyOf(String name) {
    return name;
  }

  /** Whether there is a tensor of that name. */
  default boolean has(String name) {
    return tensors().containsKey(name);
  }

  /**
   * Type and shape of a tensor.
   *
   * @throws InputException if there is no tensor of that name
   */
  default TensorInfo info(String name) {
    TensorInfo info = tensors().get(name);
    if (info == null) {
      throw new InputException(
          describe() + ": no tensor " + Text.quote(name) + " among its " + tensors().size());
    }
    return info;
  }
}
