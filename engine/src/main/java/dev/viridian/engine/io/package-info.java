/**
 * Weight files: safetensors (one file or sharded), PyTorch checkpoints read as data, and weights
 * that are computed from their names. Everything here hands out bytes ({@link
 * java.lang.foreign.MemorySegment}) and shapes; tensors are made of them elsewhere.
 */
@NullMarked
package dev.viridian.engine.io;

import org.jspecify.annotations.NullMarked;
