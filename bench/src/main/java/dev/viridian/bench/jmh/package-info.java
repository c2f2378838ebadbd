/** JMH benchmarks, one for each family of kernels. */
@NullMarked
package dev.viridian.bench.jmh;

import org.jspecify.annotations.NullMarked;
