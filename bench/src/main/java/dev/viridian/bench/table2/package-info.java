/** The paper's ablation at small scale: one base, fine-tuned with and without its losses. */
@NullMarked
package dev.viridian.bench.table2;

import org.jspecify.annotations.NullMarked;
