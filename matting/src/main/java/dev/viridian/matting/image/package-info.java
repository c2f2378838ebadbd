/**
 * Pictures between arrays and files: PNG with text and 16-bit alpha, and files never half written.
 */
@NullMarked
package dev.viridian.matting.image;

import org.jspecify.annotations.NullMarked;
