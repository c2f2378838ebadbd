/** The colour of the screen and the clean plate, for matting by BackgroundMattingV2. */
@NullMarked
package dev.viridian.matting.greenpost;

import org.jspecify.annotations.NullMarked;
