// Attention on tensor cores with F16 factors: backward.
#include "attention16_backward.cuh"

KERNELS(attention_f16_backward, Half)
