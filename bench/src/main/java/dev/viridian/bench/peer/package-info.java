/** Other engines, in processes of their own. Nothing but a comparison needs them. */
@NullMarked
package dev.viridian.bench.peer;

import org.jspecify.annotations.NullMarked;
