package dev.viridian.bench.peer;

/**
 * One run.
 *
 * @param seconds by the clock
 * @param cpuSeconds of all threads of the process together; on a machine that others keep busy they
 *     vary less
 */
public record Run(double seconds, double cpuSeconds) {}
