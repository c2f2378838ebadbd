/**
 * Kernels for CUDA devices: our own ones (beside each launcher a source of the family's name in
 * {@code src/main/cuda}), cuBLAS and cuDNN. The only code that knows JCuda.
 */
@NullMarked
package dev.viridian.kernels.cuda;

import org.jspecify.annotations.NullMarked;
