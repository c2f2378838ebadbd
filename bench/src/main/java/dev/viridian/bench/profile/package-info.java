/** Where the time goes. */
@NullMarked
package dev.viridian.bench.profile;

import org.jspecify.annotations.NullMarked;
