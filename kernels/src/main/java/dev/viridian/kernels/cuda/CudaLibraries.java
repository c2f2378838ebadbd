package dev.viridian.kernels.cuda;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import jcuda.driver.JCudaDriver;
import org.jspecify.annotations.Nullable;

/**
 * Finds out what of CUDA this machine has, and never harms the process: a library or function that
 * is missing would end it on the first call, so each is looked for before.
 */
public final class CudaLibraries {
  private static final String DRIVER = "libcuda.so.1";

  /** The driver's functions that are called here; JCuda binds each on its first call. */
  private static final List<String> DRIVER_FUNCTIONS =
      List.of(
          "cuInit",
          "cuDriverGetVersion",
          "cuGetErrorName",
          "cuGetErrorString",
          "cuDeviceGet",
          "cuDeviceGetCount",
          "cuDeviceGetName",
          "cuDeviceGetAttribute",
          "cuDeviceTotalMem_v2",
          "cuDevicePrimaryCtxRetain",
          "cuDevicePrimaryCtxRelease_v2",
          "cuCtxSetCurrent",
          "cuMemGetInfo_v2",
          "cuMemAlloc_v2",
          "cuMemFree_v2",
          "cuMemAllocHost_v2",
          "cuMemFreeHost",
          "cuMemcpyHtoDAsync_v2",
          "cuMemcpyDtoHAsync_v2",
          "cuMemcpyDtoDAsync_v2",
          "cuMemsetD8Async",
          "cuModuleLoadData",
          "cuModuleUnload",
          "cuModuleGetFunction",
          "cuStreamCreate",
          "cuStreamDestroy_v2",
          "cuStreamSynchronize",
          "cuEventCreate",
          "cuEventDestroy_v2",
          "cuEventRecord",
          "cuEventSynchronize",
          "cuLaunchKernel",
          "cuStreamBeginCapture_v2",
          "cuStreamEndCapture",
          "cuGraphInstantiateWithFlags",
          "cuGraphLaunch",
          "cuGraphDestroy",
          "cuGraphExecDestroy");

  /** The oldest driver whose functions JCuda 12.6 and cuBLAS 12 use. */
  private static final int OLDEST_DRIVER = 12000;

  /**
   * What the driver says.
   *
   * @param devices how many can be used; 0 if there is a problem
   * @param version such as 12060; 0 if unknown
   * @param broken whether there is a driver, but not one that works
   * @param problem what is missing and what helps, in one line; empty if all is well
   */
  public record Driver(int devices, int version, boolean broken, String problem) {}

  private static boolean prepared;

  private CudaLibraries() {}

  /** Looks for the driver and its devices. */
  public static synchronized Driver driver() {
    SymbolLookup functions = library(DRIVER);
    if (functions == null) {
      return new Driver(
          0, 0, false, "CUDA: " + DRIVER + " is missing: install the driver of the NVIDIA GPU");
    }
    List<String> missing = missing(functions, DRIVER_FUNCTIONS);
    if (!missing.isEmpty()) {
      return broken(0, DRIVER + " has no " + missing.getFirst() + ": the driver is too old");
    }
    try {
      if (!prepared) {
        prepare(() -> JCudaDriver.setExceptionsEnabled(false));
        prepared = true;
      }
    } catch (LinkageError | IOException e) {
      String why = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
      return broken(0, "JCuda's library does not load: " + why);
    }
    int[] number = new int[1];
    JCudaDriver.cuDriverGetVersion(number);
    int version = number[0];
    int result = JCudaDriver.cuInit(0);
    if (result == NO_DEVICE) {
      return new Driver(0, version, false, "CUDA: the driver finds no device");
    }
    if (result != 0) {
      return broken(version, "cuInit failed: " + CudaCheck.describe(result));
    }
    if (version < OLDEST_DRIVER) {
      return broken(
          version,
          "the driver is of CUDA " + text(version) + ", 12.0 or newer is needed: update it");
    }
    result = JCudaDriver.cuDeviceGetCount(number);
    if (result != 0) {
      return broken(version, "cuDeviceGetCount failed: " + CudaCheck.describe(result));
    }
    return number[0] == 0
        ? new Driver(0, version, false, "CUDA: the driver finds no device")
        : new Driver(number[0], version, false, "");
  }

  private static final int NO_DEVICE = 100;

  private static Driver broken(int version, String problem) {
    return new Driver(0, version, true, "CUDA: " + problem);
  }

  private static final String BLAS = "libcublas.so.12";
  private static final String NEWER_BLAS = "libcublas.so.13";
  private static final int NEWER_DRIVER = 13000;

  private static final List<String> BLAS_FUNCTIONS =
      List.of(
          "cublasCreate_v2",
          "cublasDestroy_v2",
          "cublasSetStream_v2",
          "cublasGemmStridedBatchedEx");

  /**
   * The cuBLAS of this machine.
   *
   * @param file what is loaded, by its name for the loader; empty if there is none
   * @param withoutJCublas whether it is that of CUDA 13, which is called without JCublas
   * @param problem what is missing and what helps, in one line; empty if all is well
   */
  public record Blas(String file, boolean withoutJCublas, String problem) {}

  /** Looks for cuBLAS: that of CUDA 12, which JCublas wants; else that of CUDA 13. */
  public static Blas blasLibrary() {
    for (String file : List.of(BLAS, NEWER_BLAS)) {
      SymbolLookup functions = library(file);
      if (functions == null) {
        continue;
      }
      boolean newer = file.equals(NEWER_BLAS);
      List<String> missing = missing(functions, BLAS_FUNCTIONS);
      String problem = "";
      if (!missing.isEmpty()) {
        problem = "CUDA: " + file + " has no " + missing.getFirst() + ": it is too old";
      } else if (newer && driver().devices() > 0 && driver().version() < NEWER_DRIVER) {
        problem =
            "CUDA: "
                + file
                + " needs a driver of CUDA 13 (580 or newer), this one is of CUDA "
                + text(driver().version())
                + ": update it, or install cuBLAS of CUDA 12 (libcublas-12-6)";
      }
      return new Blas(file, newer, problem);
    }
    return new Blas(
        "",
        false,
        "CUDA: "
            + BLAS
            + " is missing: install cuBLAS of CUDA 12 (libcublas-12-6 or the toolkit; that of 13"
            + " does too), and name its folder in LD_LIBRARY_PATH if the system's loader does not"
            + " know it");
  }

  /**
   * Looks for cuBLAS.
   *
   * @return what is missing and what helps, in one line; empty if all is well
   */
  public static String blas() {
    return blasLibrary().problem();
  }

  /** Fails unless cuBLAS can be used. */
  static Blas requireBlas() {
    Blas blas = blasLibrary();
    if (!blas.problem().isEmpty()) {
      throw new CudaFailure(blas.problem());
    }
    return blas;
  }

  /** A library that was found before. */
  static SymbolLookup required(String name) {
    SymbolLookup library = library(name);
    if (library == null) {
      throw new CudaFailure("CUDA: " + name + " is gone");
    }
    return library;
  }

  private static String text(int version) {
    return version / 1000 + "." + version % 1000 / 10;
  }

  private static final String DNN = "libcudnn.so.9";

  /** Its parts, which it loads by itself, and ends the process if it cannot. */
  private static final List<String> DNN_PARTS =
      List.of(
          "graph",
          "ops",
          "cnn",
          "adv",
          "engines_precompiled",
          "engines_runtime_compiled",
          "heuristic");

  private static final List<String> DNN_FUNCTIONS =
      List.of(
          "cudnnGetVersion",
          "cudnnGetErrorString",
          "cudnnCreate",
          "cudnnDestroy",
          "cudnnSetStream",
          "cudnnCreateTensorDescriptor",
          "cudnnDestroyTensorDescriptor",
          "cudnnSetTensor4dDescriptor",
          "cudnnCreateFilterDescriptor",
          "cudnnDestroyFilterDescriptor",
          "cudnnSetFilter4dDescriptor",
          "cudnnCreateConvolutionDescriptor",
          "cudnnDestroyConvolutionDescriptor",
          "cudnnSetConvolution2dDescriptor",
          "cudnnSetConvolutionGroupCount",
          "cudnnSetConvolutionMathType",
          "cudnnFindConvolutionForwardAlgorithmEx",
          "cudnnFindConvolutionBackwardDataAlgorithmEx",
          "cudnnFindConvolutionBackwardFilterAlgorithmEx",
          "cudnnGetConvolutionForwardAlgorithm_v7",
          "cudnnGetConvolutionBackwardDataAlgorithm_v7",
          "cudnnGetConvolutionBackwardFilterAlgorithm_v7",
          "cudnnConvolutionForward",
          "cudnnConvolutionBackwardData",
          "cudnnConvolutionBackwardFilter");

  /**
   * Looks for cuDNN with all its parts. Convolutions are done by cuBLAS where it is missing.
   *
   * @return what is missing and what helps, in one line; empty if all is well
   */
  public static String dnn() {
    SymbolLookup functions = library(DNN);
    if (functions == null) {
      return "CUDA: " + DNN + " is missing: install cuDNN 9 for CUDA 12 (libcudnn9-cuda-12)";
    }
    for (String part : DNN_PARTS) {
      String name = DNN.replace("libcudnn", "libcudnn_" + part);
      if (library(name) == null) {
        return "CUDA: " + name + ", a part of cuDNN, is missing: install all of libcudnn9-cuda-12";
      }
    }
    List<String> missing = missing(functions, DNN_FUNCTIONS);
    return missing.isEmpty()
        ? ""
        : "CUDA: " + DNN + " has no " + missing.getFirst() + ": cuDNN 9 is needed";
  }

  /** A library by name, wherever the system's loader finds it; null if it does not. */
  @SuppressWarnings("restricted") // a name of ours, or a file that the user named
  static @Nullable SymbolLookup library(String name) {
    try {
      return SymbolLookup.libraryLookup(name, Arena.global());
    } catch (IllegalArgumentException e) {
      return null;
    }
  }

  /** Those functions that a library lacks. */
  static List<String> missing(SymbolLookup library, List<String> functions) {
    List<String> missing = new ArrayList<>(functions);
    missing.removeIf(f -> library.find(f).isPresent());
    return missing;
  }

  /**
   * Runs what makes JCuda load a native library. JCuda writes its libraries to java.io.tmpdir and
   * takes what lies there already: anybody's. So the property names a folder of our own meanwhile.
   */
  static synchronized void prepare(Runnable firstTouch) throws IOException {
    String property = "java.io.tmpdir";
    String before = System.getProperty(property);
    Path folder = Files.createTempDirectory("viridian-cuda");
    try {
      System.setProperty(property, folder.toString());
      firstTouch.run();
    } finally {
      System.setProperty(property, before);
      try (Stream<Path> files = Files.list(folder)) {
        for (Path file : files.toList()) {
          Files.delete(file); // what is loaded stays loaded
        }
      }
      Files.delete(folder);
    }
  }
}
