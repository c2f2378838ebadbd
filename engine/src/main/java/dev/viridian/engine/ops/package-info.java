/** The op table: one differentiable operation per file. */
@NullMarked
package dev.viridian.engine.ops;

import org.jspecify.annotations.NullMarked;
