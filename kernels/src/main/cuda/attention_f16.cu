// Attention on tensor cores with F16 factors: forward.
#include "attention16_forward.cuh"

KERNELS(attention_f16, Half)
