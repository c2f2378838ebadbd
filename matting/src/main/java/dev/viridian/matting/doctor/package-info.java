/** What this machine offers for the work, and what to do about what is missing. */
@NullMarked
package dev.viridian.matting.doctor;

import org.jspecify.annotations.NullMarked;
