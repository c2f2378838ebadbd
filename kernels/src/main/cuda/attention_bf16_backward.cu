// Attention on tensor cores with BF16 factors: backward.
#include "attention16_backward.cuh"

KERNELS(attention_bf16_backward, Brain)
