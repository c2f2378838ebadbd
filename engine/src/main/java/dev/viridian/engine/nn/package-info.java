/** Modules that own parameters; no arithmetic of their own. */
@NullMarked
package dev.viridian.engine.nn;

import org.jspecify.annotations.NullMarked;
