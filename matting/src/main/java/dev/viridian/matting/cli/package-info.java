/**
 * The command line: parses arguments, checks them, calls the facades of the other packages and
 * prints what they return. No arithmetic on pictures or tensors is done here.
 */
@NullMarked
package dev.viridian.matting.cli;

import org.jspecify.annotations.NullMarked;
