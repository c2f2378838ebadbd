package dev.viridian.kernels.memory;

import java.lang.foreign.MemorySegment;

/** How numbers come to a device and back. Thread-safe. */
public interface Transfers extends AutoCloseable {
  /** The CPU's own memory. */
  Transfers HOST =
      new Transfers() {
        @Override
        public void upload(MemorySegment source, Buffer target) {
          HostBuffer.of(target).asSlice(0, source.byteSize()).copyFrom(source);
        }

        @Override
        public void download(Buffer source, MemorySegment target) {
          target.copyFrom(HostBuffer.of(source).asSlice(0, target.byteSize()));
        }

        @Override
        public boolean readsHostMemory() {
          return true;
        }

        @Override
        public long freeBytes() {
          return 0;
        }

        @Override
        public void close() {
          // nothing is held
        }
      };

  /**
   * Copies all of {@code source} (host memory, the Java heap included) to the start of {@code
   * target}, after what the device was told to do before. The source may be changed afterwards.
   */
  void upload(MemorySegment source, Buffer target);

  /** Copies the start of {@code source} to all of {@code target}; waits for it. */
  void download(Buffer source, MemorySegment target);

  /** Whether kernels read and write host memory where it lies. */
  boolean readsHostMemory();

  /** Bytes of the device's memory that nobody has taken; 0 where it does not tell. */
  long freeBytes();

  /** Lets go of the device. The last thing to be done with it. */
  @Override
  void close();
}
