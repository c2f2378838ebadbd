// Activations in F16.
#include "ops16.cuh"

OPS(ops_f16, Half)
