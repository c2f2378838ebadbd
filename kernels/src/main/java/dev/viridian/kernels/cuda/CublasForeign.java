package dev.viridian.kernels.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * cuBLAS called without JCublas, whose native part wants the one of CUDA 12: for machines that have
 * that of CUDA 13 alone. The functions are the same in both.
 */
@SuppressWarnings("restricted") // calls a library: that is its purpose
final class CublasForeign {
  private static final MemoryLayout P = ValueLayout.ADDRESS;
  private static final MemoryLayout I = ValueLayout.JAVA_INT;
  private static final MemoryLayout L = ValueLayout.JAVA_LONG;

  private final MethodHandle create;
  private final MethodHandle destroy;
  private final MethodHandle setStream;
  private final MethodHandle multiply;

  CublasForeign(SymbolLookup library) {
    create = function(library, "cublasCreate_v2", P);
    destroy = function(library, "cublasDestroy_v2", L);
    setStream = function(library, "cublasSetStream_v2", L, L);
    multiply =
        function(
            library,
            "cublasGemmStridedBatchedEx",
            new MemoryLayout[] {
              L, I, I, I, I, I, P, L, I, I, L, L, I, I, L, P, L, I, I, L, I, I, I
            });
  }

  private static MethodHandle function(SymbolLookup library, String name, MemoryLayout... types) {
    MemorySegment address =
        library
            .find(name)
            .orElseThrow(() -> new CudaFailure("CUDA: cuBLAS has no " + name + ": it is too old"));
    return Linker.nativeLinker()
        .downcallHandle(address, FunctionDescriptor.of(ValueLayout.JAVA_INT, types));
  }

  private static int call(MethodHandle function, Object... arguments) {
    try {
      return (int) function.invokeWithArguments(arguments);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e); // a downcall throws nothing of its own
    }
  }

  /** A handle whose work goes to a stream. */
  long open(long stream) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment place = arena.allocate(ValueLayout.JAVA_LONG);
      CudaCheck.cublas(call(create, place), "cublasCreate");
      long handle = place.get(ValueLayout.JAVA_LONG, 0);
      CudaCheck.cublas(call(setStream, handle, stream), "cublasSetStream");
      return handle;
    }
  }

  /** cublasGemmStridedBatchedEx, in its order of arguments; returns its status. */
  int multiply(
      long handle,
      int turnFirst,
      int turnSecond,
      int m,
      int n,
      int k,
      MemorySegment alpha,
      long first,
      int firstType,
      int firstLeading,
      long firstStride,
      long second,
      int secondType,
      int secondLeading,
      long secondStride,
      MemorySegment beta,
      long result,
      int resultType,
      int resultLeading,
      long resultStride,
      int batch,
      int compute,
      int algorithm) {
    try {
      return (int)
          multiply.invokeExact(
              handle,
              turnFirst,
              turnSecond,
              m,
              n,
              k,
              alpha,
              first,
              firstType,
              firstLeading,
              firstStride,
              second,
              secondType,
              secondLeading,
              secondStride,
              beta,
              result,
              resultType,
              resultLeading,
              resultStride,
              batch,
              compute,
              algorithm);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  void close(long handle) {
    CudaCheck.cublas(call(destroy, handle), "cublasDestroy");
  }
}
