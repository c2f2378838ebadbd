/**
 * A renderer of simple objects with exact, matting-level alpha: training pictures without
 * downloads.
 *
 * <p>Nouns are small three-dimensional models: meshes, thin strands and vapours, built from random
 * numbers that depend on seed and index alone. {@link
 * dev.viridian.matting.data.procedural.ProceduralObjects} is the way in.
 */
@NullMarked
package dev.viridian.matting.data.procedural;

import org.jspecify.annotations.NullMarked;
