package dev.viridian.kernels.cuda;

import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUstreamCaptureMode;
import jcuda.driver.JCudaDriver;

/**
 * Work that is recorded once and then done again with one call: the same launches on the same
 * memory. What it reads and writes outside (weights, inputs, results) must stay where it is as long
 * as the graph is used; memory that it takes and gives back meanwhile is kept for it alone.
 */
public final class CudaGraph implements AutoCloseable {
  private final CudaDevice device;
  private final CudaAllocator.Pool pool;
  private final CUgraphExec executable;
  private boolean closed;

  private CudaGraph(CudaDevice device, CudaAllocator.Pool pool, CUgraphExec executable) {
    this.device = device;
    this.pool = pool;
    this.executable = executable;
  }

  /**
   * Records what {@code work} launches on this thread, without doing it. The work must have run
   * once before, so that modules and libraries are loaded and what is uploaded once is there. It
   * must not upload, download or wait.
   *
   * @param allocator where the work's memory comes from; nobody else may use it meanwhile
   */
  public static CudaGraph record(CudaDevice device, CudaAllocator allocator, Runnable work) {
    device.bind();
    CudaAllocator.Pool pool = allocator.beginPool();
    CUgraph graph = new CUgraph();
    try {
      device.recording(true);
      CudaCheck.driver(
          JCudaDriver.cuStreamBeginCapture(
              device.stream(), CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_RELAXED),
          "cuStreamBeginCapture");
      int ended;
      boolean whole = false;
      try {
        work.run();
        whole = true;
      } finally {
        ended = JCudaDriver.cuStreamEndCapture(device.stream(), graph);
        if (!whole && ended == 0) {
          JCudaDriver.cuGraphDestroy(graph);
        }
      }
      CudaCheck.driver(ended, "cuStreamEndCapture");
      CUgraphExec executable = new CUgraphExec();
      int made = JCudaDriver.cuGraphInstantiate(executable, graph, 0);
      JCudaDriver.cuGraphDestroy(graph);
      CudaCheck.driver(made, "cuGraphInstantiate");
      return new CudaGraph(device, pool, executable);
    } catch (RuntimeException | Error e) {
      allocator.endPool();
      pool.close();
      throw e;
    } finally {
      device.recording(false);
      allocator.endPool();
    }
  }

  /** Does the work, after what the device was told before. */
  public void launch() {
    if (closed) {
      throw new IllegalStateException("the graph is closed");
    }
    device.bind();
    device.faults().expected(); // it may look at indices
    CudaCheck.driver(JCudaDriver.cuGraphLaunch(executable, device.stream()), "cuGraphLaunch");
  }

  /** Waits, and gives the graph's memory back. */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      device.await();
      CudaCheck.driver(JCudaDriver.cuGraphExecDestroy(executable), "cuGraphExecDestroy");
      pool.close();
    }
  }
}
