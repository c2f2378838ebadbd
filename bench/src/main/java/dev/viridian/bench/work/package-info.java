/** What is timed of ours: networks and kernels. */
@NullMarked
package dev.viridian.bench.work;

import org.jspecify.annotations.NullMarked;
