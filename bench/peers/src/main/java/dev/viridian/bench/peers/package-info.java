/** Engines within the JVM that the benchmarks compare with; nothing else uses them. */
@NullMarked
package dev.viridian.bench.peers;

import org.jspecify.annotations.NullMarked;
