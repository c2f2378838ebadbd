/**
 * DiffuMatting: objects with matting-level alpha from text, and mattes of green-screen pictures.
 */
@NullMarked
package dev.viridian.matting;

import org.jspecify.annotations.NullMarked;
