/**
 * DiffuMatting's four losses and their readings where the paper leaves room (ambiguities A2 to
 * A19): noise, green background, detail, matting head; and the autoencoder's.
 */
@NullMarked
package dev.viridian.matting.loss;

import org.jspecify.annotations.NullMarked;
