package dev.viridian.kernels.cuda;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jcuda.nvptxcompiler.JNvPTXCompiler;
import jcuda.nvptxcompiler.nvPTXCompilerHandle;

/** Compiles PTX to machine code in this process, without a device, and reads what it needs. */
final class PtxCompiler {
  private static final Pattern ENTRY = Pattern.compile("Compiling entry function '(\\w+)'");
  private static final Pattern STACK =
      Pattern.compile(
          "(\\d+) bytes stack frame, (\\d+) bytes spill stores, (\\d+) bytes spill loads");
  private static final Pattern REGISTERS = Pattern.compile("Used (\\d+) registers(.*)");
  private static final Pattern SHARED = Pattern.compile("(\\d+) bytes smem");

  private PtxCompiler() {}

  /** What a kernel takes of a multiprocessor: bytes of stack, spills and shared memory. */
  record Resources(String kernel, int stack, int spills, int registers, int shared) {}

  /**
   * Compiles.
   *
   * @param capability such as 86
   */
  static List<Resources> compile(String ptx, int capability) throws IOException {
    CudaLibraries.prepare(() -> JNvPTXCompiler.setExceptionsEnabled(false));
    byte[] text = ptx.getBytes(StandardCharsets.US_ASCII);
    nvPTXCompilerHandle handle = new nvPTXCompilerHandle();
    ok(
        JNvPTXCompiler.nvPTXCompilerCreate(
            handle, text.length, Arrays.copyOf(text, text.length + 1)));
    try {
      String[] options = {"--gpu-name=sm_" + capability, "--verbose"};
      int result = JNvPTXCompiler.nvPTXCompilerCompile(handle, options.length, options);
      if (result != 0) {
        throw new IllegalStateException("sm_" + capability + ": " + log(handle, true));
      }
      return resources(log(handle, false));
    } finally {
      JNvPTXCompiler.nvPTXCompilerDestroy(handle);
    }
  }

  private static String log(nvPTXCompilerHandle handle, boolean errors) {
    long[] size = new long[1];
    ok(
        errors
            ? JNvPTXCompiler.nvPTXCompilerGetErrorLogSize(handle, size)
            : JNvPTXCompiler.nvPTXCompilerGetInfoLogSize(handle, size));
    byte[] text = new byte[Math.toIntExact(size[0]) + 1];
    ok(
        errors
            ? JNvPTXCompiler.nvPTXCompilerGetErrorLog(handle, text)
            : JNvPTXCompiler.nvPTXCompilerGetInfoLog(handle, text));
    return new String(text, StandardCharsets.UTF_8).replace("\0", "");
  }

  private static void ok(int result) {
    if (result != 0) {
      throw new IllegalStateException("nvPTXCompiler: result " + result);
    }
  }

  private static List<Resources> resources(String log) {
    List<Resources> all = new ArrayList<>();
    String kernel = "";
    int stack = 0;
    int spills = 0;
    for (String line : log.lines().toList()) {
      Matcher entry = ENTRY.matcher(line);
      Matcher frame = STACK.matcher(line);
      Matcher registers = REGISTERS.matcher(line);
      if (entry.find()) {
        kernel = entry.group(1);
      } else if (frame.find()) {
        stack = Integer.parseInt(frame.group(1));
        spills = Integer.parseInt(frame.group(2)) + Integer.parseInt(frame.group(3));
      } else if (registers.find()) {
        Matcher shared = SHARED.matcher(registers.group(2));
        int bytes = shared.find() ? Integer.parseInt(shared.group(1)) : 0;
        all.add(new Resources(kernel, stack, spills, Integer.parseInt(registers.group(1)), bytes));
      }
    }
    return all;
  }
}
