// Activations in BF16.
#include "ops16.cuh"

OPS(ops_bf16, Brain)
