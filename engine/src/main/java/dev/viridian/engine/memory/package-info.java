/** Who owns memory: storages, scopes, and the detector of leaks. */
@NullMarked
package dev.viridian.engine.memory;

import org.jspecify.annotations.NullMarked;
